"""A picture of a command as one sees it on a terminal: `docs/pictures/search.svg` of `make search`.

    python -m tools.terminal_picture docs/pictures/search.svg .venv/bin/nas-search --budget-macs 2M --trials 8

The command runs on a pseudo-terminal. The picture has what stays on it when the command ends: bars that were
erased are not in it.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import shlex
import struct
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS, ROWS = 100, 40
CONTROL = re.compile(r"\x1b\[\d*A|\x1b\[2K|\x1b\[\?\d+[hl]|\r\n|\n|\r")


def remaining(output: str) -> list[str]:
    """The lines, with their colours, that are on a terminal after `output`.

    Of the control sequences, those that Rich erases its bars with are followed.
    """
    lines, row, at = [""], 0, 0
    for found in [*CONTROL.finditer(output), None]:
        lines[row] += output[at : found.start() if found else len(output)]
        if found is None:
            break
        at, control = found.end(), found[0]
        if control.endswith("\n"):
            row += 1
            lines += [""] * (row == len(lines))
        elif control.endswith("A"):
            row = max(0, row - int(control[2:-1] or 1))
        elif control.endswith("K"):
            lines[row] = ""
    return [line.rstrip() for line in lines]


def run(command: list[str]) -> str:
    """The output of `command` on a terminal of `COLUMNS` × `ROWS`.

    Raises:
        SystemExit: the command fails.
    """
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        os.execvp(command[0], command)
    output = io.BytesIO()
    while True:
        try:
            read = os.read(terminal, 65_536)
        except OSError:  # the terminal is closed
            break
        if not read:
            break
        output.write(read)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    text = output.getvalue().decode()
    if status:
        raise SystemExit(f"{shlex.join(command)} ended with {status}: {text[-500:]}")
    return text


def draw(title: str, lines: list[str], path: Path) -> None:
    """Write the picture of a terminal with these lines."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for line in lines:
        console.print(Text.from_ansi(line), soft_wrap=False)
    path.write_text(console.export_svg(title=title), encoding="utf-8")


if __name__ == "__main__":
    picture, *words = sys.argv[1:]
    shown = [f"$ {shlex.join(words)}", *remaining(run(words))]
    draw(shlex.join(words), shown, Path(picture))
