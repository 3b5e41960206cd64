"""The part of a terminal that is drawn again and again, below lines that stay, at any size."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from threading import Event, RLock, Thread
from types import TracebackType
from typing import Self

from rich.console import (
    Console,
    ConsoleOptions,
    ConsoleRenderable,
    RenderableType,
    RenderHook,
    RenderResult,
)
from rich.control import Control
from rich.file_proxy import FileProxy
from rich.segment import ControlType, Segment

REFRESH_SECONDS = 0.5
KEPT = 200  # lines that stay, for a terminal that has changed its size


class LiveRegion(RenderHook):
    """Draws what `render` returns below all that is printed, twice a second; erases it at the end.

    Terminals differ in what they do with long lines when they become narrower: some break them, and nobody
    can know where the region's first line is then. After a change of size the screen is therefore cleared,
    and the last lines that were printed are printed again.
    """

    def __init__(self, console: Console, render: Callable[[], RenderableType]) -> None:
        self._console, self._render = console, render
        self._lock, self._over = RLock(), Event()
        self._size, self._height = console.size, 1
        self._kept: deque[ConsoleRenderable] = deque(maxlen=KEPT)
        self._thread = Thread(target=self._run, name="display", daemon=True)

    def __enter__(self) -> Self:
        self._console.show_cursor(False)
        self._outputs = sys.stdout, sys.stderr
        for name, file in zip(("stdout", "stderr"), self._outputs, strict=True):
            if file is not None and file.isatty():  # a library's words go above the region, too
                setattr(sys, name, FileProxy(self._console, file))
        self._console.push_render_hook(self)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self.refresh()  # what was reported last; and the screen may have another size
        self._console.pop_render_hook()
        sys.stdout, sys.stderr = self._outputs
        self._console.control(self._erased())
        self._console.show_cursor(True)

    def _run(self) -> None:
        self.refresh()
        while not self._over.wait(REFRESH_SECONDS):
            self.refresh()

    def refresh(self) -> None:
        """Draw the region anew."""
        self._console.print(Control())

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Rich's hook: `renderables` stay above the region, which moves down."""
        with self._lock:
            console = self._console
            lines = console.render_lines(self._render(), pad=False)[: max(1, console.height - 1)]
            before: list[ConsoleRenderable] = [self._erased()]
            if console.size != self._size:
                self._size = console.size
                before = [Control.clear(), Control.home(), *self._last(console.height - 1 - len(lines))]
            self._kept.extend(each for each in renderables if not isinstance(each, Control))
            self._height = len(lines)
            return [*before, *renderables, _Drawn(lines)]

    def _erased(self) -> Control:
        """Removes the region; the cursor is where its first line began."""
        up = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)) * (self._height - 1)
        return Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), *up)

    def _last(self, rows: int) -> list[ConsoleRenderable]:
        """The last of what stays that fits into `rows` of the screen."""
        found: deque[ConsoleRenderable] = deque()
        for each in reversed(self._kept):
            rows -= len(self._console.render_lines(each, pad=False))
            if rows < 0:
                break
            found.appendleft(each)
        return list(found)


class _Drawn:
    """The lines of a region, the last without an end: what follows erases it."""

    def __init__(self, lines: list[list[Segment]]) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for number, line in enumerate(self._lines):
            if number:
                yield Segment.line()
            yield from line
