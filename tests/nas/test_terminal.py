"""What reaches a terminal: names as text, one region that is drawn again at any size, no colours unasked."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nas.cli.command import console, echo, results
from nas.printable import printable
from nas.progress import EventLog, Terminal, is_live, progress_bars, say
from tools.terminal_picture import Terminal as Pty

HOSTILE = "a\x1b[2J\x1b]0;title\x07b\r[bold red]c[/] \x9b31m\u202etxt.exe\udc9b:smile:"
SHOWN = r"a\u001b[2J\u001b]0;title\u0007b\u000d[bold red]c[/] \u009b31m\u202etxt.exe\udc9b:smile:"


def terminal(**options: object) -> tuple[Terminal, io.StringIO]:
    out = io.StringIO()
    return Terminal(file=out, force_terminal=True, width=200, color_system=None, **options), out


def test_characters_that_a_terminal_obeys_are_shown_as_escapes() -> None:
    assert printable(HOSTILE) == SHOWN
    assert printable("naïve 画像\tand\nmore ▸ é") == "naïve 画像\tand\nmore ▸ é"


def test_the_escapes_leave_json_what_it_was() -> None:
    found = {"name": HOSTILE}
    assert json.loads(printable(json.dumps(found, ensure_ascii=False))) == found


@pytest.mark.parametrize(
    "show",
    [
        lambda terminal: terminal.print(HOSTILE),
        lambda terminal: terminal.print(Text(HOSTILE)),
        lambda terminal: terminal.print(Text.assemble("x ", (HOSTILE, "bold"))),
        lambda terminal: say(terminal, HOSTILE),
        lambda terminal: terminal.print(table_of(HOSTILE)),
        lambda terminal: terminal.print(table_of(Text(HOSTILE))),
    ],
)
def test_names_can_neither_move_the_cursor_nor_use_markup(show: Callable[[Terminal], None]) -> None:
    shown, out = terminal()
    show(shown)
    text = " ".join(out.getvalue().split())
    assert not {"\x1b", "\x9b", "\x07", "\u202e", "\udc9b"}.intersection(text)
    for part in (r"a\u001b[2J", "[bold red]c[/]", ":smile:", r"\u202etxt.exe"):
        assert part in text


def table_of(cell: str | Text) -> Table:
    table = Table("name")
    table.add_row(cell)
    return table


def test_work_with_a_hostile_name_is_a_bar_with_that_name() -> None:
    shown, out = terminal()
    with progress_bars(shown, HOSTILE) as on_progress:
        on_progress(f"Reading {HOSTILE}", 1, 2)
    assert r"Reading a\u001b[2J" in out.getvalue()
    assert "title\x07" not in out.getvalue()


def test_lines_of_commands_are_escaped_too(capsys: pytest.CaptureFixture[str]) -> None:
    echo(HOSTILE)
    assert capsys.readouterr().out == SHOWN + "\n"


def test_a_file_gets_no_display_even_where_colours_are_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not is_live(console())


def test_a_terminal_without_cursor_movement_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert not is_live(Terminal(file=io.StringIO(), force_terminal=True))


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    shown = Terminal(file=out, force_terminal=True, width=80, color_system="truecolor")
    with progress_bars(shown) as on_progress:
        on_progress("Decoding images", 1, 2)
    assert "Decoding images: 1 of 2" in out.getvalue()
    assert "\x1b[3" not in out.getvalue(), "a colour"
    assert results().no_color


def test_quiet_leaves_warnings_and_nothing_else() -> None:
    shown, out = terminal(only_warnings=True)
    with progress_bars(shown, "Making the cache") as on_progress:
        on_progress("Decoding images", 1, 2)
    say(shown, "Teacher: digits")
    assert out.getvalue() == ""
    say(shown, "checkpoint-rung-1.pt is damaged", level="warning")
    assert out.getvalue() == "checkpoint-rung-1.pt is damaged\n"


def test_programs_receive_messages_and_work_as_lines_of_json() -> None:
    events = io.StringIO()
    shown, _ = terminal(events=EventLog(events))
    say(shown, HOSTILE, level="warning")
    with progress_bars(shown) as on_progress:
        for done in range(1, 101):
            on_progress("Decoding images", done, 100)
    found = [json.loads(line) for line in events.getvalue().splitlines()]
    assert [(each["event"], each.get("done")) for each in found] == [
        ("message", None),
        ("work", 1),
        ("work", 100),
    ], "not a line for every image"
    assert found[0]["text"] == HOSTILE
    assert found[0]["level"] == "warning"
    assert list(found[0])[:2] == ["event", "time"]


SCRIPT = """
import sys, time
from rich.text import Text
from nas.progress import LiveRegion, Terminal, say
terminal = Terminal(stderr=True)
count = 0
def render():
    wide = "=" * (terminal.width - 8)
    return Text("\\n".join(f"row {number} {wide}" for number in range(4)), no_wrap=True, overflow="crop")
with LiveRegion(terminal, render):
    for number in range(int(sys.argv[1])):
        say(terminal, f"line {number} " + "x" * 40)
        print("a library's word", number, file=sys.stderr)
    open(sys.argv[2], "w").close()
    time.sleep(60)
"""


@pytest.mark.long
@pytest.mark.parametrize("lines", [3, 40])
def test_a_terminal_that_changes_its_size_shows_one_region_below_the_last_lines(
    lines: int, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    pty = Pty([sys.executable, "-c", SCRIPT, str(lines), str(begun)], 80, 24)
    try:
        wait_for(pty, lambda: begun.exists() and on_screen(pty, 80, lines))
        for columns, rows in ((50, 12), (120, 30), (60, 40)):
            pty.resize(columns, rows)
            wait_for(pty, lambda columns=columns: on_screen(pty, columns, lines))
            shown = pty.shown
            assert sum(line.startswith("row 0") for line in shown) == 1
            regions = [number for number, line in enumerate(shown) if line.startswith("row ")]
            assert regions == list(range(regions[0], regions[0] + 4)), "nothing wraps"
            assert shown[regions[0] - 1].split()[-1] == str(lines - 1), "the last line is right above it"
    finally:
        pty.close()
    assert not any(line.startswith("row") for line in pty.shown), "the region is erased at the end"


def on_screen(pty: Pty, columns: int, lines: int) -> bool:
    last = "row 3 " + "=" * (columns - 8)
    return last in pty.shown and f"a library's word {lines - 1}" in pty.shown


def wait_for(pty: Pty, there: Callable[[], bool], seconds: float = 100) -> None:
    deadline = time.monotonic() + seconds
    while not there():
        assert pty.read(), pty.output[-500:].decode()
        assert time.monotonic() < deadline, "\n".join(pty.shown)


def test_a_plain_console_works_as_well() -> None:
    out = io.StringIO()
    say(Console(file=out), "a line", dated=False)
    assert out.getvalue() == "a line\n"
