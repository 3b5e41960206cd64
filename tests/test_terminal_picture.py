"""The picture of a terminal has what stays on it."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.terminal_picture import Terminal, draw


def python(code: str, *size: int) -> Terminal:
    terminal = Terminal([sys.executable, "-c", code], *size)
    assert terminal.wait() == 0
    return terminal


def test_lines_that_were_erased_are_not_in_it() -> None:
    bar = r"\x1b[?25lbar 1%\nbelow it\r\x1b[2K\x1b[1A\x1b[2Kbar 2%\r\x1b[2K\x1b[?25h"
    terminal = python(rf"print('first\n{bar}\x1b[1;33mlast\x1b[0m')")
    assert [line.plain for line in terminal.lines] == ["first", "last"]
    last = terminal.lines[1].spans[0].style
    assert "bold" in str(last)
    assert "yellow" in str(last)


def test_lines_that_were_scrolled_off_are_in_it() -> None:
    terminal = python("print(*range(30), sep=chr(10))", 20, 5)
    assert terminal.shown[:2] == ["26", "27"]
    assert [line.plain for line in terminal.lines] == [str(number) for number in range(30)]


def test_a_command_sees_a_terminal(tmp_path: Path) -> None:
    terminal = python("import os, sys; print(sys.stdout.isatty(), os.get_terminal_size())")
    assert terminal.shown[0] == "True os.terminal_size(columns=100, lines=40)"
    draw("a title", terminal.lines, tmp_path / "a.svg")
    picture = (tmp_path / "a.svg").read_text().replace("&#160;", " ")
    assert "a title" in picture
    assert "True os.terminal_size" in picture
