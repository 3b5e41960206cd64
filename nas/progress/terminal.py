"""Where a command's words go: a terminal or a log file, and programs that read them as events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import RLock
from typing import Any, Protocol

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from nas.printable import UNSEEN, printable
from nas.progress.events import Event, EventLog


class EventSink(Protocol):
    """What receives events."""

    def write(self, event: Event) -> None:
        """Receive one."""


class Terminal(Console):
    """A console on which names are text: neither Rich's markup nor escape sequences in them have an effect.

    This is the one place where they are escaped: whatever is printed passes `render_str` or `render`.
    """

    def __init__(
        self, *, only_warnings: bool = False, events: EventLog | None = None, **options: Any
    ) -> None:
        """`only_warnings` are said, and no progress is shown; `events` receive what happens, too."""
        super().__init__(markup=False, emoji=False, highlight=False, **options)
        self.only_warnings, self.events = only_warnings, events
        self.run_log: EventSink | None = None  # while a run keeps one
        self._printing = RLock()  # what a display draws must be written in the order in which it was made

    def print(self, *objects: Any, **options: Any) -> None:
        """As Rich does, one thread at a time."""
        with self._printing:
            super().print(*objects, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """`text` as Rich has it, and as it is."""
        return super().render_str(printable(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What Rich makes of `renderable`."""
        if isinstance(renderable, Text) and UNSEEN.search(renderable.plain):
            renderable = _escaped(renderable)
        yield from super().render(renderable, options)


def _escaped(text: Text) -> Text:
    """`text` as `printable` has it, in its colours."""
    found, after = text.blank_copy(), 0
    for hidden in UNSEEN.finditer(text.plain):
        found.append_text(text[after : hidden.start()])
        found.append(printable(hidden[0]))
        after = hidden.end()
    return found.append_text(text[after:])


def is_live(console: Console) -> bool:
    """Whether `console` is a terminal that bars and tables can be drawn on again and again."""
    return console.is_interactive and not is_quiet(console)


def is_quiet(console: Console) -> bool:
    """Whether only warnings are to be said."""
    return isinstance(console, Terminal) and console.only_warnings


def has_events(console: Console) -> bool:
    """Whether programs read the events of `console`."""
    return isinstance(console, Terminal) and console.events is not None


def tell(console: Console, event: Event) -> None:
    """Give programs that read the events of `console` this one, and the log of the run."""
    if isinstance(console, Terminal):
        for sink in (console.events, console.run_log):
            if sink is not None:
                sink.write(event)


def works_of(console: Console) -> Callable[[str, int, int], None]:
    """What receives the progress of work, for programs that read the events of `console`."""
    if isinstance(console, Terminal) and console.events is not None:
        return console.events.work
    return lambda work, done, total: None
