"""What is shown before candidates are trained."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from nas.execution.preparation import stages, waiting


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=80)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_shows_how_far_each_work_is() -> None:
    console = terminal()
    with stages(console) as on_progress:
        on_progress("Decoding images", 30, 120)
        on_progress("Looking at real images", 40, 50)
    assert "Decoding images" in shown(console)
    assert "100%" in shown(console)  # the next work has begun, so this one is done
    assert "Looking at real images" in shown(console)
    assert "80%" in shown(console)


def test_what_takes_no_time_shows_nothing() -> None:
    console = terminal()
    with stages(console):
        pass
    assert "━" not in shown(console)


def test_until_work_is_told_of_a_terminal_shows_what_is_waited_for() -> None:
    console = terminal()
    with stages(console, "Making the bank"):
        pass
    assert "Making the bank" in shown(console)


def test_a_file_gets_a_line_now_and_then_and_no_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    console, now = Console(file=io.StringIO(), force_terminal=False, width=80), [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with stages(console, "Making the bank") as on_progress:
        for seconds in range(0, 100, 20):
            now[0] = seconds
            on_progress("Looking at real images", 100 * seconds, 10_000)
    lines = ["Making the bank …", *(f"Looking at real images: {n} of 10,000" for n in ("4,000", "8,000"))]
    assert shown(console).splitlines() == lines


@pytest.mark.parametrize("terminal", [True, False])
def test_waiting_shows_what_for(terminal: bool) -> None:
    out = io.StringIO()
    with waiting(Console(file=out, force_terminal=terminal, width=80), "Making the bank"):
        pass
    assert "Making the bank" in out.getvalue()
