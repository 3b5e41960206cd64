"""Ray Tune's way to the study, without Ray."""

from __future__ import annotations

import signal
from contextlib import suppress
from threading import Thread
from typing import Any

import pytest

from nas.execution import StudySearcher


@pytest.fixture
def searcher() -> StudySearcher:
    nothing: Any = None
    return StudySearcher(nothing, nothing, nothing, nothing)


def test_a_ctrl_c_that_got_lost_is_raised_again_at_the_next_occasion(searcher: StudySearcher) -> None:
    before = signal.getsignal(signal.SIGINT)
    with searcher.heeding_interrupts():
        with suppress(KeyboardInterrupt):  # as in a callback made from C
            signal.raise_signal(signal.SIGINT)
        for occasion in (lambda: searcher.suggest("one"), lambda: searcher.on_trial_result("one", {})):
            with pytest.raises(KeyboardInterrupt):
                occasion()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_search_outside_of_the_main_thread_leaves_signals_alone(searcher: StudySearcher) -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def run() -> None:
        with searcher.heeding_interrupts():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]
