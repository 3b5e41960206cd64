"""What commands print: text from studies and files, in which a terminal must find no escape."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.segment import Segment

from nas.escaping import visible

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderableType


class VisibleConsole(Console):
    """A console on which control characters in a text are seen, and have no effect."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of `renderable`; Rich's own movements of the cursor are not text."""
        for segment in super().render(renderable, options):
            if segment.control is None:
                yield Segment(visible(segment.text), segment.style)
            else:
                yield segment
