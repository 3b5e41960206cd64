"""The picture of a terminal has what stays on it."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.terminal_picture import draw, remaining, run


def test_lines_that_were_erased_are_not_in_it() -> None:
    bar = "\x1b[?25lbar 1%\nbelow it\r\x1b[2K\x1b[1A\x1b[2Kbar 2%\r\x1b[2K\x1b[?25h"
    assert remaining(f"first\r\n{bar}\x1b[1mlast\x1b[0m\n") == ["first", "\x1b[1mlast\x1b[0m", ""]


def test_a_command_sees_a_terminal(tmp_path: Path) -> None:
    code = "import os, sys; print(sys.stdout.isatty(), os.get_terminal_size().columns)"
    lines = remaining(run([sys.executable, "-c", code]))
    assert lines[0] == "True 100"
    draw("a title", lines, tmp_path / "a.svg")
    assert "a&#160;title" in (tmp_path / "a.svg").read_text() or "a title" in (tmp_path / "a.svg").read_text()
    assert "True&#160;100" in (tmp_path / "a.svg").read_text()
