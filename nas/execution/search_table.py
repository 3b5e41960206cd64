"""The live table of a search: its workers and its front, for a terminal of any size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rich.cells import cell_len
from rich.console import Group, JustifyMethod, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nas.budget import format_quantity
from nas.progress import IMAGES_PER_SECOND, KD_WEIGHT, LOSS, Parts, Running, duration

GAP = 2  # columns between two columns of a table
BAR = 16  # columns of a worker's bar
LEAST_WORDS = 9  # columns for what a trial is, or it is left out
LINES_ABOVE = 5  # of the terminal, for what has happened last; fewer where it is low
LOW = 20  # rows
LEAST_FRONT = 5  # lines of the front where there are more workers than fit, with its heading
UNKNOWN = "–"

T = TypeVar("T")


@dataclass(frozen=True)
class FrontPoint:
    """A complete trial."""

    trial: int
    fid: float
    macs: int
    params: int | None = None
    what: tuple[str, ...] = ()  # it is, in words

    def described(self) -> dict[str, Any]:
        """Its figures, for programs."""
        return {"trial": self.trial, "fid": self.fid, "macs": self.macs, "params": self.params}


@dataclass(frozen=True)
class Course:
    """What is the same for all trials of a search."""

    rungs: int  # of a training to the end
    images: int  # of a training to the end
    distance: str  # what students are ranked by, such as FID


@dataclass(frozen=True)
class _Column:
    """A column of a table; the higher its `rank`, the sooner it is left out."""

    heading: str
    cells: Sequence[str]
    rank: int = 0
    drawn: Sequence[RenderableType] = field(default=())  # instead of the cells, of their width

    @property
    def width(self) -> int:
        return max(cell_len(each) for each in (self.heading, *self.cells))


def search_table(
    size: tuple[int, int],
    head: Sequence[RenderableType],
    running: Sequence[Running],
    front: Sequence[FrontPoint],
    course: Course,
) -> Group:
    """`head`, a table of the workers and one of the front, as much as fits; what is left out is counted.

    Args:
        size: columns and rows of the terminal.
        head: what is above the tables, a row each.
        running: what the workers train.
        front: the complete trials that no other beats, cheapest first.
        course: see there.
    """
    width, height = size
    rows = height - 1 - len(head) - (LINES_ABOVE if height >= LOW else height // 8)
    for_front = min(len(front) + 2, max(LEAST_FRONT, rows // 3)) if front and rows >= 2 * LEAST_FRONT else 0
    workers, taken = _section(
        running, rows - for_front, lambda shown: _workers(shown, course, width), "{} more running"
    )
    # the most expensive are the best: the cheapest are left out first
    points, _ = _section(
        front[::-1], rows - taken, lambda shown: _front(shown[::-1], course, width), "{} cheaper ones on it"
    )
    return Group(*head, *workers, *points)


def _section(
    items: Sequence[T], rows: int, draw: Callable[[Sequence[T]], Table], more: str
) -> tuple[list[RenderableType], int]:
    """An empty line, a table of the first `items`, and how many `more` there are; and its lines' number."""
    room = rows - 2  # without the empty line and the headings
    shown = len(items) if len(items) <= room else room - 1
    if not items or shown < 1:
        return [], 0
    lines: list[RenderableType] = [Text(), draw(items[:shown])]
    if shown < len(items):
        lines.append(Text(more.format(len(items) - shown), style="dim"))
    return lines, 2 + shown + (shown < len(items))


def _workers(running: Sequence[Running], course: Course, width: int) -> Table:
    totals = [each.total or course.images for each in running]
    seen = [
        f"{format_quantity(each.images)}/{format_quantity(total)}"
        for each, total in zip(running, totals, strict=True)
    ]
    bars = [
        ProgressBar(total=max(1, total), completed=each.images, width=BAR)
        for each, total in zip(running, totals, strict=True)
    ]
    columns = [
        _Column("Workers", [f"trial {each.trial}" for each in running]),
        _Column("rung", [f"{min(each.rungs_done + 1, course.rungs)}/{course.rungs}" for each in running]),
        _Column("", [" " * BAR] * len(running), 6, bars),
        _Column("images", seen, 1),
        _Column("images/s", [_speed(each) for each in running], 2),
        _Column("KD weight", [_figure(each, KD_WEIGHT) for each in running], 4),
        _Column("loss", [_figure(each, LOSS) for each in running], 4),
        _Column("left", [_left(each) for each in running], 3),
        _Column(
            "last " + course.distance.partition(" ")[0],
            [UNKNOWN if each.distance is None else f"{each.distance:.2f}" for each in running],
            5,
        ),
    ]
    words = [
        each.what if each.replicate_of is None else (f"seed of {each.replicate_of}", *each.what[1:])
        for each in running
    ]
    return _table(columns, words, width)


def _front(points: Sequence[FrontPoint], course: Course, width: int) -> Table:
    columns = [
        _Column("Front", [f"trial {each.trial}" for each in points]),
        _Column(course.distance, [f"{each.fid:.2f}" for each in points]),
        _Column("MACs", [format_quantity(each.macs) for each in points]),
        _Column("params", [format_quantity(each.params) for each in points], 1),
    ]
    return _table(columns, [each.what for each in points], width)


def _table(columns: Sequence[_Column], words: Sequence[tuple[str, ...]], width: int) -> Table:
    """The columns that fit into `width`, and beside them what each row is, in as many words as fit."""
    shown = [each for each in columns if not each.drawn or width > 100]
    while _width(shown) > width and (rank := max(each.rank for each in shown)):
        shown = [each for each in shown if each.rank < rank]
    rest = width - _width(shown) - GAP
    has_words = any(words) and rest >= LEAST_WORDS
    table = Table.grid(padding=(0, GAP, 0, 0))
    for number, each in enumerate(shown):
        justify: JustifyMethod = "right" if number else "left"
        table.add_column(justify=justify, width=each.width, no_wrap=True, overflow="ellipsis")
    if has_words:
        table.add_column(width=rest, no_wrap=True)
    table.add_row(*(Text(each.heading, style="bold") for each in shown))
    for row, what in enumerate(words):
        cells: list[RenderableType] = [Text(each.cells[row]) for each in shown if not each.drawn]
        for number, each in enumerate(shown):
            if each.drawn:
                cells.insert(number, each.drawn[row])
        table.add_row(*cells, *([Parts(what or ("",))] * has_words))
    return table


def _width(columns: Sequence[_Column]) -> int:
    return sum(each.width for each in columns) + GAP * (len(columns) - 1)


def _speed(running: Running) -> str:
    if running.doing != "training":
        return running.doing
    return _figure(running, IMAGES_PER_SECOND)


def _figure(running: Running, name: str) -> str:
    value = running.readings.get(name)
    return UNKNOWN if value is None else f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def _left(running: Running) -> str:
    seconds = running.seconds_left
    return UNKNOWN if seconds is None else duration(seconds)
