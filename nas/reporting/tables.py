"""The report of a search as people read it: its front, its best student, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nas.budget import COUNTER, format_duration, format_quantity
from nas.reporting.columns import (
    Column,
    architectures,
    before_training,
    closing_lines,
    costs,
    latency,
    latency_headings,
    legend,
    macs,
    make_table,
    milliseconds,
    noise_line,
    nothing_complete,
    number,
    states,
    title,
)
from nas.reporting.conclusion import comparison, next_commands, verdict
from nas.reporting.finalists import render_finalists
from nas.reporting.report import SearchReport, TrialReport
from nas.reporting.tie_break import tie_break_lines

WORD = re.compile(r"""(?:'[^']*'|"[^"]*"|[^'" ])+""")  # of a command, with its quotes


def render(found: SearchReport, trust: RenderableType | None = None) -> RenderableType:
    """The report of a study: of a search its front, of finalists their seeds and intervals.

    `trust`, how far early rungs can be believed, is of a search only: no finalist is stopped early.
    """
    return render_finalists(found) if found.finalists_of else _render_search(found, trust)


def _render_search(found: SearchReport, trust: RenderableType | None) -> RenderableType:
    """The Pareto table, the baselines beside it, where things are, and last the best student and its gain."""
    if found.best is None:
        return nothing_complete(found, "trial")
    columns = front_columns(found)
    table, shown = _front(found, columns)
    teacher = {"teacher": "known, not trained again"} if found.teacher_on_front else {}
    lines = [*condition_lines(found, found.best), *closing_lines(found)]
    return Group(
        title(front_title(found, found.best)),
        table,
        legend(columns, **teacher),
        architectures(found, [(trial, front_notes(trial, found)) for trial in shown]),
        Text(),
        *([] if trust is None else [trust, Text()]),
        *(Text(line) for line in lines),
        Text(),
        Text(best_line(found, found.best)),
        *(Text(line) for line in [*verdict(found), *tie_break_lines(found)]),
    )


def front_title(found: SearchReport, best: TrialReport) -> str:
    """What the table of the front shows."""
    samples = best.rungs[-1].fid_samples
    return f"Pareto front of {found.study}: {found.distance}, {samples:,} samples, against MACs ({COUNTER})"


def condition_lines(found: SearchReport, best: TrialReport) -> list[str]:
    """The noise, what distances are to, the recipe and the teacher, a line each."""
    return [
        noise_line(found),
        *comparison(found.compared_with),
        f"Recipe: {found.recipe}; {best.rungs[-1].images:,} images a training.",
        f"Teacher: {found.teacher['name']}, {found.distance} {found.teacher['fid']:.2f} "
        f"({found.teacher['fid_samples']:,} samples), "
        f"{costs(found.teacher['macs'], found.teacher['params'])}.",
    ]


def best_line(found: SearchReport, best: TrialReport) -> str:
    """The best student, and how many others there are."""
    took = f", {format_duration(best.latency)} ({best.latency_on})" if best.latency is not None else ""
    seeds = f" (median of {len(best.fids)} seeds)" if len(best.fids) > 1 else ""
    return (
        f"Best student: trial {best.number}, {found.distance} {best.median:.2f}{seeds}, "
        f"{costs(best.macs or 0, best.params or 0)}{took}; {states(found)}."
    )


def front_columns(found: SearchReport) -> list[Column]:
    """Columns of the front and of what stands below it."""
    whole, near = found.teacher["macs"], found.within_margin
    return [
        Column("trial", lambda t: str(t.number)),
        Column(
            found.distance.replace(" ", "\n"),
            lambda t: number(t.median),
            "median over seeds, lower is better",
        ),
        *before_training(found),
        Column("seeds", lambda t: str(len(t.fids)), "trainings of the architecture"),
        Column(
            "posterior\nestimate",
            lambda t: number(found.estimates[t.number]),
            "shrunk towards the mean at its MACs, chooses front and best",
        ),
        macs(t for t in found.trials if t.fids and (t in found.front or t.baseline or t.number in near)),
        Column("params", lambda t: format_quantity(t.params or 0)),
        Column("teacher's\nMACs", lambda t: f"{(t.macs or 0) / whole:.1%}", "its part of them"),
        *latency(found),
    ]


def _front(found: SearchReport, columns: Sequence[Column]) -> tuple[Table, list[TrialReport]]:
    """The table of the front, then of trials that may be as good, then of baselines; and its trials."""
    assert found.best is not None
    near_best, baselines = beside_front(found)
    table = make_table([column.heading for column in columns])
    for trial in found.front:
        style = "bold" if trial == found.best else ""
        table.add_row(*(column.cell(trial) for column in columns), style=style)
    if found.teacher_on_front:
        row = teacher_row(found)
        table.add_row(*(row.get(column.heading, "") for column in columns))
    shown = list(found.front)
    for others in (near_best, baselines):
        table.add_section()
        for trial in others:
            table.add_row(*(column.cell(trial) for column in columns))
            shown.append(trial)
    return table, shown


def beside_front(found: SearchReport) -> tuple[list[TrialReport], list[TrialReport]]:
    """Trials off the front that may be as good as the best, and baselines; each the cheapest first."""
    baselines = [t for t in found.trials if t.baseline and t.fids and t not in found.front]
    known = [*found.front, *baselines]
    near_best = [t for t in found.trials if t.number in found.within_margin and t.fids and t not in known]

    def macs_of(trial: TrialReport) -> int:
        return trial.macs or 0

    return sorted(near_best, key=macs_of), sorted(baselines, key=macs_of)


def teacher_row(found: SearchReport) -> dict[str, str]:
    """The teacher as a point of the front, by columns' headings: known, not trained."""
    teacher = found.teacher
    return {
        **{heading: milliseconds(each.teacher) for heading, each in latency_headings(found)},
        "trial": "teacher",
        found.distance.replace(" ", "\n"): number(teacher["fid"]),
        "MACs": format_quantity(teacher["macs"]),
        "params": format_quantity(teacher["params"]),
        "teacher's\nMACs": "100.0%",
    }


def render_next(found: SearchReport, folder: str = "", width: int | None = None) -> Text:
    """What to do next, as commands to copy.

    Args:
        found: see `next_commands`.
        folder: see `next_commands`.
        width: columns of a terminal, where a longer command is broken; None for whole lines.
    """
    lines = (f"  # {what}\n{_in_lines(command, width)}" for command, what in next_commands(found, folder))
    return Text("\n".join(["", "Next:", *lines]))


def _in_lines(command: str, width: int | None) -> str:
    """`command` with a backslash at the end of each line that the next one continues."""
    first, *words = WORD.findall(command)
    lines = [f"  {first}"]
    for word in words:
        if width is not None and len(f"{lines[-1]} {word} \\") > width:
            lines.append("     ")
        lines[-1] = f"{lines[-1]} {word}"
    return " \\\n".join(lines)


def front_notes(trial: TrialReport, found: SearchReport) -> list[str]:
    """What to know of a row beside its numbers."""
    notes = ["best"] if trial == found.best else []
    notes += [f"baseline: {trial.baseline}"] if trial.baseline else []
    notes += ["within the noise of the best"] if trial.number in found.within_margin else []
    notes += ["no better than before training"] if trial.is_no_better_than_before else []
    return notes
