"""A study's report as people read it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nas.budget import COUNTER, format_duration, format_quantity
from nas.ranking import PRIOR_SIGMA, PRIOR_WEIGHT
from nas.reporting.architectures import legend_lines
from nas.reporting.listing import count_states, states_in_words
from nas.reporting.report import SearchReport, TrialReport
from nas.reporting.sizes import folder_bytes, format_bytes
from nas.reporting.verdict import comparison, near, next_commands, verdict

LEGEND = (
    "{distance}: median over seeds, lower is better; before training: of the weights that it starts from; "
    "seeds: trainings of the architecture; posterior estimate: shrunk towards the mean at its MACs, chooses "
    "front and best; teacher's MACs: its part of them."
)


def render(found: SearchReport) -> RenderableType:
    """The Pareto table, the baselines beside it, the best student and where things are."""
    if found.best is None:
        return Text(f"no trial of study {found.study} is complete: {_states(found)}")
    baselines = [t for t in found.trials if t.baseline and t.fids and t not in found.front]
    samples = f"{found.best.rungs[-1].fid_samples} samples"
    table = Table(
        title=f"Pareto front of {found.study}: {found.distance}, {samples}, against MACs ({COUNTER})",
        title_justify="left",
    )
    for name in (
        "trial",
        found.distance,
        *_before_column(found),
        "seeds",
        "posterior estimate",
        "MACs",
        "parameters",
        "teacher's MACs",
        *_latency_column(found),
    ):
        table.add_column(name, justify="right")
    table.add_column("architecture", overflow="fold")
    for trial in found.front:
        table.add_row(*_row(trial, found), style="bold" if trial == found.best else "")
    if found.teacher_on_front:
        table.add_row(*_teacher_row(found))
    shown = [*found.front, *baselines]
    near_best = [t for t in found.trials if t.number in found.within_margin and t.fids and t not in shown]
    for others in (near_best, baselines):
        table.add_section()
        for trial in sorted(others, key=lambda t: t.macs or 0):
            table.add_row(*_row(trial, found), style="dim")
    best = found.best
    lines = [
        LEGEND.format(distance=found.distance),
        *legend_lines(found.space),
        f"Best student: trial {best.number}, {found.distance} {best.median:.2f}{_of_seeds(best)}, "
        f"{format_quantity(best.macs or 0)} MACs, "
        f"{format_quantity(best.params or 0)} parameters{_latency(best)}; {_states(found)}.",
        *verdict(found),
        *comparison(found.compared_with),
        _noise(found),
        f"Recipe: {found.recipe}; {best.rungs[-1].images:,} images a training.",
        f"Teacher: {found.teacher['name']}, {_teacher_fid(found)}"
        f"{format_quantity(found.teacher['macs'])} MACs, "
        f"{format_quantity(found.teacher['params'])} parameters.",
        *(f"Warning: {warning}." for warning in found.warnings),
        _where(found),
    ]
    return Group(table, *(Text(line) for line in lines))


def render_next(found: SearchReport, folder: str = "") -> Text:
    """What to do next, as commands; `folder` is where they are, see `next_commands`."""
    commands = next_commands(found, folder)
    width = max(len(command) for command, _ in commands)
    return Text("\n".join(["", "Next:", *(f"  {command:<{width}}   {what}" for command, what in commands)]))


def _teacher_row(found: SearchReport) -> list[str]:
    """The teacher as a point of the front: known, not trained."""
    teacher = found.teacher
    costs = [format_quantity(teacher["macs"]), format_quantity(teacher["params"]), "100.0%"]
    latency = ["" for _ in _latency_column(found)]
    return [
        "teacher",
        f"{teacher['fid']:.2f}",
        *("" for _ in _before_column(found)),
        "",
        "",
        *costs,
        *latency,
        "known, not trained again",
    ]


def _row(trial: TrialReport, found: SearchReport) -> list[str]:
    fraction = (trial.macs or 0) / found.teacher["macs"]
    notes = [f"baseline: {trial.baseline}"] if trial.baseline else []
    notes += ["within the noise of the best"] if trial.number in found.within_margin else []
    notes += ["no better than before training"] if trial.is_no_better_than_before else []
    what = f"{trial.summary}  ({', '.join(notes)})" if notes else trial.summary
    estimate = f"{found.estimates[trial.number]:.2f}"
    numbers = [format_quantity(trial.macs or 0), format_quantity(trial.params or 0), f"{fraction:.1%}"]
    numbers += _latency_cell(trial, found)
    distances = [f"{trial.median:.2f}", *_before_cell(trial, found)]
    return [str(trial.number), *distances, str(len(trial.fids)), estimate, *numbers, what]


def _before_column(found: SearchReport) -> list[str]:
    """Its name, where students were measured before their training."""
    return ["before training"] if any(t.fid_before is not None for t in found.trials) else []


def _before_cell(trial: TrialReport, found: SearchReport) -> list[str]:
    known = "" if trial.fid_before is None else f"{trial.fid_before:.2f}"
    return [known for _ in _before_column(found)]


def _latency_column(found: SearchReport) -> list[str]:
    """Its name, where latencies were measured."""
    return ["latency"] if any(t.latency is not None for t in found.trials) else []


def _latency_cell(trial: TrialReport, found: SearchReport) -> list[str]:
    return [format_duration(trial.latency) for _ in _latency_column(found)]


def _latency(trial: TrialReport) -> str:
    """What one image takes, and on what, where that is known."""
    return f", {format_duration(trial.latency)} ({trial.latency_on})" if trial.latency is not None else ""


def _states(found: SearchReport) -> str:
    return states_in_words(count_states(found.trials))


def _where(found: SearchReport) -> str:
    """The study's database and files, and how much these take."""
    size = format_bytes(folder_bytes(Path(found.folder) / "trials"))
    return f"Study: {found.storage}   checkpoints and samples: {near(found.folder)}/trials ({size})"


def _of_seeds(trial: TrialReport) -> str:
    """How many trainings a median is of, where they are several."""
    return f" (median of {len(trial.fids)} seeds)" if len(trial.fids) > 1 else ""


def _noise(found: SearchReport) -> str:
    """How far equal trainings scatter, and who may be as good as the best."""
    known = f"an assumption of {math.expm1(PRIOR_SIGMA):.0%}"
    if found.replicates:
        replicates = f"{found.replicates} {_word('replicate', found.replicates)}"
        known = f"{replicates}, and {known} that counts as {PRIOR_WEIGHT}"
    else:
        known += ", without a replicate yet"
    others = "all others are significantly worse than the best"
    if found.within_margin:
        numbers = ", ".join(str(number) for number in found.within_margin)
        others = (
            f"not significantly worse than the best: {_word('trial', len(found.within_margin))} {numbers}"
        )
    scatter = f"{math.expm1(found.noise):.0%}"
    return f"Standard deviation of {found.distance} between equal trainings: {scatter} ({known}); {others}."


def _word(word: str, count: int) -> str:
    """`word` for so many of it."""
    return word if count == 1 else f"{word}s"


def _teacher_fid(found: SearchReport) -> str:
    return f"{found.distance} {found.teacher['fid']:.2f} ({found.teacher['fid_samples']} samples), "


def render_finalists(found: SearchReport) -> RenderableType:
    """The distances of finalists, 90 % intervals of their medians, and the choice."""
    if found.best is None:
        return Text(f"no finalist of study {found.study} is complete: {_states(found)}")
    shown = sorted((t for t in found.trials if t.fids), key=lambda t: t.median or 0.0)
    samples = f"{found.best.rungs[-1].fid_samples} samples"
    images = f"{found.best.rungs[-1].images:,} images"
    table = Table(
        title=f"Finalists of {found.study}: {found.distance}, {samples}, after {images}", title_justify="left"
    )
    for name in (
        "trial",
        "in the search",
        f"{found.distance} of seeds",
        "median",
        "90 % interval",
        *_before_column(found),
        "MACs",
        "parameters",
        *_latency_column(found),
    ):
        table.add_column(name, justify="right")
    table.add_column("architecture", overflow="fold")
    for trial in shown:
        low, high = found.interval(trial)
        table.add_row(
            str(trial.number),
            _in_the_search(trial),
            " ".join(f"{fid:.2f}" for fid in trial.fids),
            f"{trial.median:.2f}",
            f"{low:.2f} to {high:.2f}",
            *_before_cell(trial, found),
            format_quantity(trial.macs or 0),
            format_quantity(trial.params or 0),
            *_latency_cell(trial, found),
            trial.summary,
            style="bold" if trial == found.best else "",
        )
    low, high = found.interval(found.best)
    lines = [
        *legend_lines(found.space),
        f"Chosen: trial {found.best.number}, {_in_the_search(found.best)} in the search, "
        f"{found.distance} {found.best.median:.2f} (90 % {low:.2f} to {high:.2f}).",
        *comparison(found.compared_with),
        _noise(found),
        *_nearest(found, found.best),
        *(f"Warning: {warning}." for warning in found.warnings),
        _where(found),
    ]
    return Group(table, *_held_out(found, shown), *(Text(line) for line in lines))


def _held_out(found: SearchReport, finalists: Sequence[TrialReport]) -> list[Table]:
    """The scores against held-out images, medians over seeds, where finalists have any."""
    if not any(found.held_out(trial) for trial in finalists):
        return []
    table = Table(title="Against held-out images, which no training has seen", title_justify="left")
    for name in ("trial", found.distance, "KID", "precision", "recall"):
        table.add_column(name, justify="right")
    for trial in finalists:
        scores = found.held_out(trial)
        if scores:
            numbers = [f"{scores['fid']:.2f}", f"{scores['kid']:.3g}"]
            numbers += [f"{scores[name]:.2f}" for name in ("precision", "recall")]
            table.add_row(str(trial.number), *numbers)
    return [table]


def _nearest(found: SearchReport, best: TrialReport) -> list[str]:
    """Where the picture is that shows whether the chosen student repeats training images, in a line."""
    if best.nearest is None:
        return []
    return [f"Its samples beside their nearest training images: {near(found.folder)}/{best.nearest}"]


def _in_the_search(finalist: TrialReport) -> str:
    return f"trial {finalist.search_trial}"


def render_trust(found: SearchReport) -> RenderableType:
    """How far the study's rankings can be believed."""
    if not found.correlations:
        return Text("Rank correlations between rungs: too few architectures were trained to the end.")
    table = Table(
        title="Do early rungs rank architectures as the last one does? Rank correlation, 90 % interval",
        title_justify="left",
    )
    for name in ("images seen", "by", "architectures", "Spearman", "Kendall"):
        table.add_column(name, justify="right")
    for row in found.correlations:
        table.add_row(
            f"{row.images:,}",
            found.distance if row.metric == "fid" else row.metric.upper(),
            str(row.architectures),
            _with_interval(row.spearman, row.spearman_interval),
            _with_interval(row.kendall, row.kendall_interval),
        )
    note = "Over architectures that were trained to the end: halving chose them, which lowers correlations."
    return Group(table, Text(note, style="dim"))


def _with_interval(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.2f} ({interval[0]:.2f} to {interval[1]:.2f})"
