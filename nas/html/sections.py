"""What the HTML report shows, as values for its template."""

from __future__ import annotations

import base64
import shlex
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import plotly.graph_objects as go
from markupsafe import Markup

from nas.budget import format_quantity
from nas.config import SETTINGS
from nas.plots import hypervolume_figure, kd_figure, pareto_figure, rung_figure
from nas.reporting import (
    SearchReport,
    TrialReport,
    caution_lines,
    comparison,
    count_states,
    latency_headings,
    latency_lines,
    legend_lines,
    milliseconds,
    next_commands,
    noise_line,
    read_report,
    schedule_of,
    states_in_words,
    tie_break_lines,
    verdict,
    what_it_is,
    width_profile,
)
from nas.study import StudyAttributes, StudyStore
from search_spaces import UserError

PICTURES = 6  # students whose samples are shown
PROFILES = 3  # architectures that are drawn beside the best
FEWEST_FOR_IMPORTANCE = 4  # finished trials
MOST_IMPORTANT = 8  # choices that are listed
LOGS = "What happened to a trial, rung by rung, is in trials/NUMBER/log.jsonl of the study's folder."


@dataclass(frozen=True)
class Plot:
    """A plotly figure, and the same in words for those who don't see it."""

    name: str
    json: Markup
    words: str


@dataclass(frozen=True)
class Table:
    """Rows below headings."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A PNG inside the page."""

    source: str  # data URI
    caption: str


@dataclass(frozen=True)
class Profile:
    """The layers of an architecture with their widths, in percent of the widest of all that are shown."""

    title: str
    layers: Sequence[tuple[str, str, float]]  # layer, channels, percent


def sections(store: StudyStore, folder: Path) -> dict[str, Any]:
    """Everything that the template names."""
    found = read_report(store, folder)
    attributes = StudyAttributes.from_study(store.study)
    budget = attributes.config.get("budget_macs")
    shown = _shown(found)
    return {
        "title": found.study,
        "of_finalists": found.finalists_of,
        "verdict": [*verdict(found), *tie_break_lines(found), *comparison(found.compared_with)],
        "warnings": caution_lines(found),
        "asked": _asked(found, attributes),
        "plots": _plots(store, found, attributes, budget),
        "tables": [table for table in (_front(found), _held_out(found), _correlations(found)) if table.rows],
        "noise": noise_line(found),
        "importance": _importance(store),
        "profiles": _profiles(found, shown),
        "legend": legend_lines(found.space),
        "pictures": _pictures(found, shown, folder),
        "trials": _trials(found),
        "commands": [*_again(found, folder), *next_commands(found)] if found.best else _again(found, folder),
        "states": states_in_words(count_states(found.trials)),
        "settings": sorted(
            (name, str(value)) for name, value in attributes.config.items() if value is not None
        ),
    }


def _shown(found: SearchReport) -> list[TrialReport]:
    """The best, the rest of the front, then baselines; each once."""
    best = [] if found.best is None else [found.best]
    baselines = [t for t in found.trials if t.baseline and t.fids]
    return list({t.number: t for t in [*best, *found.front, *baselines]}.values())


def _asked(found: SearchReport, attributes: StudyAttributes) -> list[tuple[str, str]]:
    teacher, budget = found.teacher, found.budget
    limits = [
        f"{format_quantity(budget[name])} {words}"
        for name, words in (("macs", "MACs"), ("params", "parameters"))
        if budget.get(name)
    ]
    if budget.get("latency"):
        limits.append(f"{1e3 * float(budget['latency'] or 0):g} ms for one image")
    fid = f", {found.distance} {teacher['fid']:.2f}" if teacher.get("fid") is not None else ""
    cost = f"{format_quantity(teacher['macs'])} MACs, {format_quantity(teacher['params'])} parameters"
    return [
        ("Budget", ", ".join(limits)),
        ("Teacher", f"{teacher['name']} ({found.space}): {cost}{fid}"),
        ("Images", f"{found.data['name']} (digest {found.data['digest']})"),
        ("Distance", f"{found.distance} to {found.compared_with}"),
        ("Recipe", found.recipe),
        ("Seed", str(attributes.config.get("seed", 0))),
    ]


def _plots(
    store: StudyStore, found: SearchReport, attributes: StudyAttributes, budget: float | None
) -> list[Plot]:
    best = "none yet" if found.best is None else f"trial {found.best.number} at {_distance(found.best)}"
    longest = max((t.rungs[-1].images for t in found.trials if t.rungs), default=0)
    drawn = [
        ("front", pareto_figure(store, found.trials, budget), f"{found.distance} against MACs; best: {best}"),
        ("rungs", rung_figure(store, found.trials, budget), f"{found.distance} of each trial at its rungs"),
    ]
    if len(found.front) > 1:
        area = hypervolume_figure(found.trials, found.distance)
        drawn.append(
            (
                "hypervolume",
                area,
                f"hypervolume of the front, {found.distance} against MACs, over the images of all trials",
            )
        )
    if longest and "kd_schedule" in attributes.config:
        weight = kd_figure(schedule_of(attributes.config), longest)
        drawn.append(("kd", weight, f"KD weight over a training: {schedule_of(attributes.config)}"))
    return [Plot(name, _json(figure), words) for name, figure, words in drawn]


def _json(figure: go.Figure) -> Markup:
    """The figure for a script element, which nothing in a text of it can end."""
    return Markup(str(figure.to_json()).replace("<", "\\u003c"))


def _front(found: SearchReport) -> Table:
    rows, places = [], latency_headings(found)
    for trial in _shown(found):
        low, high = found.interval(trial) if trial.fids else (None, None)
        between = "" if low is None else f"{low:.2f} to {high:.2f}"
        rows.append(
            [
                str(trial.number),
                _distance(trial),
                between,
                "" if trial.fid_before is None else f"{trial.fid_before:.2f}",
                format_quantity(trial.macs or 0),
                format_quantity(trial.params or 0),
                "" if trial.latency is None else f"{1e3 * trial.latency:.2f}",
                *(milliseconds(each.students.get(trial.number)) for _, each in places),
                "; ".join(what_it_is(trial, found.best)),
                trial.summary,
            ]
        )
    teacher = found.teacher
    if rows and teacher.get("fid") is not None:
        costs = format_quantity(teacher["macs"]), format_quantity(teacher["params"])
        times = (milliseconds(each.teacher) for _, each in places)
        rows.append(["teacher", f"{teacher['fid']:.2f}", "", "", *costs, "", *times, "", ""])
    columns = [
        "trial",
        found.distance,
        "90 %",
        "before training",
        "MACs",
        "parameters",
        "ms",
        *(heading.replace("\n", " ") for heading, _ in places),
        "note",
        "architecture",
    ]
    filled = [i for i, name in enumerate(columns) if name != "ms" or any(row[i] for row in rows)]
    return Table(
        "Best, front and baselines",
        [columns[i] for i in filled],
        [[row[i] for i in filled] for row in rows],
        " ".join(
            [
                "Medians of the trainings of an architecture; MACs are fvcore's at batch 1.",
                *latency_lines(found),
            ]
        ),
    )


def _held_out(found: SearchReport) -> Table:
    measured = [(t, found.held_out(t)) for t in found.trials if t.replicate_of is None and t.held_out]
    names = sorted({name for _, values in measured for name in values})
    rows = [
        [str(t.number), *(f"{values[n]:.4g}" if n in values else "" for n in names)] for t, values in measured
    ]
    return Table("Finalists on held-out images", ["trial", *names], rows)


def _correlations(found: SearchReport) -> Table:
    rows = [
        [f"{each.images:,}", str(each.architectures), f"{each.spearman:.2f}", f"{each.kendall:.2f}"]
        for each in found.correlations
    ]
    columns = ["images", "architectures", "Spearman", "Kendall"]
    return Table("Rank correlation of each rung with the last", columns, rows)


def _importance(store: StudyStore) -> list[tuple[str, float]]:
    """The choices that distances depend on most, in percent; none where too few trials are finished."""
    complete = store.study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if len(complete) < FEWEST_FOR_IMPORTANCE:
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that low values are good
            found = optuna.importance.get_param_importances(store.study, target=lambda t: t.values[0])
    except (ValueError, RuntimeError):  # all alike, or no choice that all of them have
        return []
    ordered = sorted(found.items(), key=lambda item: -item[1])[:MOST_IMPORTANT]
    return [(name, 100 * float(value)) for name, value in ordered]


def _profiles(found: SearchReport, shown: Sequence[TrialReport]) -> list[Profile]:
    drawn = []
    for trial in shown[: PROFILES + 1]:
        try:
            inside = width_profile(found.space, trial.architecture)
        except UserError:  # a family of another installation
            return []
        drawn.append((trial, inside))
    widest = max((width for _, layers in drawn for _, width in layers), default=1)
    return [
        Profile(
            _called(trial, found),
            [(name, str(width), 100 * width / widest) for name, width in layers],
        )
        for trial, layers in drawn
        if layers
    ]


def _pictures(found: SearchReport, shown: Sequence[TrialReport], folder: Path) -> list[Picture]:
    pictures: list[Picture] = []
    for trial in shown:
        if not trial.rungs or len(pictures) == PICTURES:
            continue
        path = folder / Path(trial.rungs[-1].checkpoint).parent / "samples.png"
        with suppress(OSError):  # a study without pictures is shown, too
            data = base64.b64encode(path.read_bytes()).decode("ascii")
            pictures.append(Picture(f"data:image/png;base64,{data}", _called(trial, found)))
    return pictures


def _trials(found: SearchReport) -> Table:
    rows = [
        [
            str(t.number),
            t.state.lower(),
            _distance(t),
            format_quantity(t.macs or 0) if t.macs else "",
            f"{t.rungs[-1].images:,}" if t.rungs else "",
            f"{sum(rung.seconds for rung in t.rungs):.0f}" if t.rungs else "",
            "; ".join(what_it_is(t, found.best)) or (t.reason or ""),
        ]
        for t in found.trials
    ]
    columns = ["trial", "state", found.distance, "MACs", "images", "seconds", "note"]
    return Table("All trials", columns, rows, LOGS)


def _again(found: SearchReport, folder: Path) -> list[tuple[str, str]]:
    if found.finalists_of or not (folder / SETTINGS).is_file():
        return []
    return [
        (
            f"nas-search --config {shlex.quote(str(folder / 'config.toml'))}",
            "resume, or search the same again",
        )
    ]


def _called(trial: TrialReport, found: SearchReport) -> str:
    what = "; ".join(what_it_is(trial, found.best))
    costs = f"{_distance(trial)} at {format_quantity(trial.macs or 0)} MACs"
    return f"Trial {trial.number}{f' ({what})' if what else ''}: {found.distance} {costs}"


def _distance(trial: TrialReport) -> str:
    return "" if trial.median is None else f"{trial.median:.2f}"
