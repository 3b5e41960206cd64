"""A study in Markdown, to paste into an issue or a README of GitHub."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nas.reporting.columns import Column, caution_lines, noise_line, nothing_complete
from nas.reporting.conclusion import comparison, verdict
from nas.reporting.finalists import chosen_line, finalist_columns, finalist_notes, trained_finalists
from nas.reporting.report import SearchReport, TrialReport
from nas.reporting.tables import (
    beside_front,
    best_line,
    condition_lines,
    front_columns,
    front_notes,
    front_title,
    teacher_row,
)
from nas.reporting.tie_break import tie_break_lines

SPECIAL = re.compile(r"[\\`*_{}\[\]<>|#~]")


def as_markdown(found: SearchReport) -> str:
    """A table of the front, or of the finalists; below it the best one, its gain and the conditions."""
    if found.best is None:
        return _escaped(nothing_complete(found, "trial").plain) + "\n"
    if found.finalists_of:
        title, columns = f"Finalists of {found.finalists_of}", finalist_columns(found)
        rows = [
            (_cells(columns, trial), finalist_notes(trial, found.best)) for trial in trained_finalists(found)
        ]
        lines = [chosen_line(found, found.best), noise_line(found), *comparison(found.compared_with)]
    else:
        title = front_title(found, found.best)
        columns, others = front_columns(found), beside_front(found)
        rows = [(_cells(columns, trial), front_notes(trial, found)) for trial in found.front]
        if found.teacher_on_front:
            teacher = teacher_row(found)
            rows.append(([teacher.get(column.heading, "") for column in columns], ["not trained again"]))
        rows += [
            (_cells(columns, trial), ["not on the front", *front_notes(trial, found)])
            for group in others
            for trial in group
        ]
        lines = [best_line(found, found.best), *verdict(found), *condition_lines(found, found.best)]
    headings = [" ".join(column.heading.split()) for column in columns]
    table = [
        _row([*headings, ""]),
        _row([*("---:" for _ in headings), ":---"]),
        *(_row([*map(_escaped, cells), _escaped(", ".join(notes))]) for cells, notes in rows),
    ]
    lines = [*lines, *tie_break_lines(found), *caution_lines(found)]
    paragraphs = [f"**{_escaped(title)}**", "\n".join(table), *map(_escaped, lines)]
    return "\n\n".join(paragraphs) + "\n"


def _cells(columns: Sequence[Column], trial: TrialReport) -> list[str]:
    return [column.cell(trial) for column in columns]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """`text` as it is: on one line, and no character of it is Markdown's or HTML's."""
    return SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))
