"""Pictures of a command as one sees it on a terminal: `docs/pictures/search.svg` of `make search`.

    python -m tools.terminal_picture docs/pictures/search.svg .venv/bin/nas-search --budget-macs 2M --trials 8
    python -m tools.terminal_picture --size 80x24 --every 10 shots/80x24.svg .venv/bin/nas-search ...

The command runs on a pseudo-terminal. The picture has what is on it, and what was scrolled off it, when the
command ends: bars that were erased are not in it. With `--every` there are pictures of the screen on the way,
named by the seconds.
"""

from __future__ import annotations

import argparse
import fcntl
import io
import os
import pty
import select
import shlex
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

COLUMNS, ROWS = 100, 40
SCROLLED = 10_000  # lines that are kept of those above the screen
POLL_SECONDS = 0.1


class Terminal:
    """A pseudo-terminal with a screen, and a command that runs on it."""

    def __init__(
        self,
        command: Sequence[str],
        columns: int = COLUMNS,
        rows: int = ROWS,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`environment` is added to that of this process."""
        self.screen = pyte.HistoryScreen(columns, rows, history=SCROLLED, ratio=1.0)
        self._stream = pyte.ByteStream(self.screen)
        self.output = b""  # all of it
        self.status: int | None = None  # of the command, once it has ended
        self.process, self._terminal = pty.fork()
        if self.process == 0:
            self._set_size(0, columns, rows)
            known = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
            known |= {"TERM": "xterm-256color"} | dict(environment or {})
            # with an environment of its own: readline sets COLUMNS behind Python's back
            os.execvpe(command[0], list(command), known)

    @staticmethod
    def _set_size(file: int, columns: int, rows: int) -> None:
        fcntl.ioctl(file, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size, and tell the command."""
        self.screen.resize(rows, columns)
        self._set_size(self._terminal, columns, rows)
        os.kill(self.process, signal.SIGWINCH)

    def read(self, seconds: float = POLL_SECONDS) -> bool:
        """Show what the command prints within `seconds`; False once it has ended."""
        deadline = time.monotonic() + seconds
        while self.status is None and (left := deadline - time.monotonic()) > 0:
            if not select.select([self._terminal], [], [], left)[0]:
                break
            try:
                found = os.read(self._terminal, 65_536)
            except OSError:  # the terminal is closed
                found = b""
            if not found:
                os.close(self._terminal)
                self.status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
                break
            self.output += found
            self._stream.feed(found)
        return self.status is None

    def wait(self, on_screen: Callable[[], None] = lambda: None) -> int:
        """Read until the command ends, with a call of `on_screen` on the way; returns its exit status."""
        while self.read():
            on_screen()
        assert self.status is not None
        return self.status

    def close(self) -> None:
        """End the command where it still runs."""
        if self.status is None:
            os.kill(self.process, signal.SIGINT)
            self.wait()

    @property
    def shown(self) -> list[str]:
        """The lines of the screen, without colours."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def lines(self) -> list[Text]:
        """All lines, those scrolled off the screen first, with colours."""
        rows = [*self.screen.history.top, *(self.screen.buffer[y] for y in range(self.screen.lines))]
        found = [_text(row, self.screen.columns) for row in rows]
        while found and not found[-1].plain:
            found.pop()
        return found


def _text(row: Mapping[int, Any], columns: int) -> Text:
    text = Text()
    cells = (row[column] for column in range(columns))
    for look, run in groupby(cells, lambda cell: cell._replace(data="")):
        style = Style(
            color=_colour(look.fg),
            bgcolor=_colour(look.bg),
            bold=look.bold,
            italic=look.italics,
            underline=look.underscore,
            reverse=look.reverse,
        )
        text.append("".join(cell.data for cell in run), style)
    text.rstrip()
    return text


def _colour(name: str) -> str | None:
    """Rich's name of a colour of pyte, which has brown for yellow and hexadecimal digits for others."""
    if name == "default":
        return None
    if len(name) == 6 and set(name) <= set("0123456789abcdef"):
        return f"#{name}"
    return name.replace("bright", "bright_").replace("brown", "yellow")


def draw(title: str, lines: Sequence[Text], path: Path, columns: int = COLUMNS) -> None:
    """Write the picture of a terminal with these lines."""
    console = Console(
        record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    for line in lines:
        console.print(line, soft_wrap=False, no_wrap=True, overflow="crop")
    path.write_text(console.export_svg(title=title), encoding="utf-8")


def main() -> None:
    """Run the command and draw.

    Raises:
        SystemExit: the command fails.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", default=f"{COLUMNS}x{ROWS}", help="COLUMNSxROWS of the terminal")
    parser.add_argument("--every", type=float, help="seconds between pictures on the way")
    parser.add_argument("picture", type=Path, help="SVG to write")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    columns, rows = map(int, asked.size.split("x"))
    shown = shlex.join([Path(asked.command[0]).name, *asked.command[1:]])
    terminal, began, taken = Terminal(asked.command, columns, rows), time.monotonic(), 0

    def on_the_way() -> None:
        nonlocal taken
        seconds = time.monotonic() - began
        if asked.every and seconds >= (taken + 1) * asked.every:
            taken += 1
            path = asked.picture.with_stem(f"{asked.picture.stem}-{int(seconds):03d}")
            screen = [_text(terminal.screen.buffer[y], columns) for y in range(rows)]
            draw(f"{shown}, {int(seconds)} s", screen, path, columns)

    if status := terminal.wait(on_the_way):
        raise SystemExit(f"{shown} ended with {status}: {terminal.output[-500:].decode()}")
    draw(shown, [Text(f"$ {shown}"), *terminal.lines], asked.picture, columns)


if __name__ == "__main__":
    main()
