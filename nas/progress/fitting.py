"""Lines of a terminal of any width: whole parts that fit, and paragraphs that hang below their first line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

BETWEEN = ", "
HANGING = "  "  # before all lines of a paragraph but the first


def joined(parts: Sequence[str], width: int) -> str:
    """The first of `parts` and those after it, as many as fit into `width` columns whole."""
    line = parts[0]
    for part in parts[1:]:
        if cell_len(line) + cell_len(BETWEEN) + cell_len(part) > width:
            break
        line = f"{line}{BETWEEN}{part}"
    return line


@dataclass(frozen=True)
class Parts:
    """A line of `joined` parts, for the columns that a table leaves it; cut only if the first is too wide."""

    parts: Sequence[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(joined(self.parts, options.max_width), overflow="ellipsis", no_wrap=True)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(1, min(options.max_width, cell_len(BETWEEN.join(self.parts))))


def paragraph(console: Console, text: str) -> Text:
    """`text` broken between words for the width of `console`."""
    if cell_len(text) <= console.width:
        return Text(text)
    first = Text(text).wrap(console, console.width)[0]
    rest = Text(text[len(first.plain) :].strip()).wrap(console, console.width - len(HANGING))
    return Text("\n").join([first, *(Text(HANGING) + line for line in rest)])
