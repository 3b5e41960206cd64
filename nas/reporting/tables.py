"""The report of a search as people read it: its front, its best student, and what to do next."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nas.budget import COUNTER, format_duration, format_quantity
from nas.reporting.columns import (
    architectures,
    before_cell,
    before_column,
    closing_lines,
    costs,
    latency_cell,
    latency_column,
    legend,
    make_table,
    noise_line,
    states,
    title,
)
from nas.reporting.finalists import render_finalists
from nas.reporting.report import SearchReport, TrialReport
from nas.reporting.verdict import comparison, next_commands, verdict


def render(found: SearchReport, trust: RenderableType | None = None) -> RenderableType:
    """The report of a study: of a search its front, of finalists their seeds and intervals.

    `trust`, how far early rungs can be believed, is of a search only: no finalist is stopped early.
    """
    return render_finalists(found) if found.finalists_of else _render_search(found, trust)


def _render_search(found: SearchReport, trust: RenderableType | None) -> RenderableType:
    """The Pareto table, the baselines beside it, where things are, and last the best student and its gain."""
    if found.best is None:
        return Text(f"no trial of study {found.study} is complete: {states(found)}")
    table, shown = _front(found)
    lines = [
        noise_line(found),
        *comparison(found.compared_with),
        f"Recipe: {found.recipe}; {found.best.rungs[-1].images:,} images a training.",
        f"Teacher: {found.teacher['name']}, {found.distance} {found.teacher['fid']:.2f} "
        f"({found.teacher['fid_samples']} samples), "
        f"{costs(found.teacher['macs'], found.teacher['params'])}.",
        *closing_lines(found),
    ]
    samples = found.best.rungs[-1].fid_samples
    return Group(
        title(
            f"Pareto front of {found.study}: {found.distance}, {samples} samples, against MACs ({COUNTER})"
        ),
        table,
        _legend(found),
        architectures(found, [(trial, _notes(trial, found)) for trial in shown]),
        Text(),
        *([] if trust is None else [trust, Text()]),
        *(Text(line) for line in lines),
        Text(),
        Text(_best(found, found.best)),
        *(Text(line) for line in verdict(found)),
    )


def _best(found: SearchReport, best: TrialReport) -> str:
    latency = f", {format_duration(best.latency)} ({best.latency_on})" if best.latency is not None else ""
    seeds = f" (median of {len(best.fids)} seeds)" if len(best.fids) > 1 else ""
    return (
        f"Best student: trial {best.number}, {found.distance} {best.median:.2f}{seeds}, "
        f"{costs(best.macs or 0, best.params or 0)}{latency}; {states(found)}."
    )


def _front(found: SearchReport) -> tuple[Table, list[TrialReport]]:
    """The table of the front, then of trials that may be as good, then of baselines; and its trials."""
    assert found.best is not None
    baselines = [t for t in found.trials if t.baseline and t.fids and t not in found.front]
    known = [*found.front, *baselines]
    near_best = [t for t in found.trials if t.number in found.within_margin and t.fids and t not in known]
    table = make_table(
        [
            "trial",
            found.distance.replace(" ", "\n"),
            *before_column(found),
            "seeds",
            "posterior\nestimate",
            "MACs",
            "params",
            "teacher's\nMACs",
            *latency_column(found),
        ],
    )
    for trial in found.front:
        table.add_row(*_row(trial, found), style="bold" if trial == found.best else "")
    if found.teacher_on_front:
        table.add_row(*_teacher_row(found))
    shown = list(found.front)
    for others in (near_best, baselines):
        table.add_section()
        for trial in sorted(others, key=lambda t: t.macs or 0):
            table.add_row(*_row(trial, found))
            shown.append(trial)
    return table, shown


def _legend(found: SearchReport) -> RenderableType:
    words = {
        found.distance: "median over seeds, lower is better",
        "seeds": "trainings of the architecture",
        "posterior estimate": "shrunk towards the mean at its MACs, chooses front and best",
        "teacher's MACs": "its part of them",
    }
    if found.teacher_on_front:
        words["teacher"] = "known, not trained again"
    return legend(found, words)


def render_next(found: SearchReport, folder: str = "") -> Text:
    """What to do next, as commands, whole lines each; `folder` is where they are, see `next_commands`."""
    lines = (f"  # {what}\n  {command}" for command, what in next_commands(found, folder))
    return Text("\n".join(["", "Next:", *lines]))


def _teacher_row(found: SearchReport) -> list[str]:
    """The teacher as a point of the front: known, not trained."""
    teacher = found.teacher
    figures = [format_quantity(teacher["macs"]), format_quantity(teacher["params"]), "100.0%"]
    empty = ["" for _ in before_column(found)]
    return [
        "teacher",
        f"{teacher['fid']:.2f}",
        *empty,
        "",
        "",
        *figures,
        *("" for _ in latency_column(found)),
    ]


def _row(trial: TrialReport, found: SearchReport) -> list[str]:
    fraction = (trial.macs or 0) / found.teacher["macs"]
    return [
        str(trial.number),
        f"{trial.median:.2f}",
        *before_cell(trial, found),
        str(len(trial.fids)),
        f"{found.estimates[trial.number]:.2f}",
        format_quantity(trial.macs or 0),
        format_quantity(trial.params or 0),
        f"{fraction:.1%}",
        *latency_cell(trial, found),
    ]


def _notes(trial: TrialReport, found: SearchReport) -> list[str]:
    """What to know of a row beside its numbers."""
    notes = ["best"] if trial == found.best else []
    notes += [f"baseline: {trial.baseline}"] if trial.baseline else []
    notes += ["within the noise of the best"] if trial.number in found.within_margin else []
    notes += ["no better than before training"] if trial.is_no_better_than_before else []
    return notes
