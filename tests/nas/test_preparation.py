"""What is shown before candidates are trained: on a terminal only, and gone afterwards."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from nas.preparation import decoding, waiting


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_shows_how_many_images_are_decoded_and_a_file_nothing(terminal: bool) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=80)
    with decoding(console) as on_progress:
        on_progress(30, 120)
    assert ("Decoding images" in out.getvalue()) == terminal
    assert ("25%" in out.getvalue()) == terminal


def test_images_that_come_out_of_the_cache_show_nothing() -> None:
    out = io.StringIO()
    with decoding(Console(file=out, force_terminal=True, width=80)):
        pass
    assert "Decoding" not in out.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_waiting_shows_what_for(terminal: bool) -> None:
    out = io.StringIO()
    with waiting(Console(file=out, force_terminal=terminal, width=80), "Making the bank"):
        pass
    assert "Making the bank" in out.getvalue()
