"""Ray Tune's way to the study, without Ray."""

from __future__ import annotations

import signal
from contextlib import suppress
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from nas.exchange import ExchangeOutageError
from nas.execution import LostWorkers, StudySearcher


@pytest.fixture
def searcher() -> StudySearcher:
    nothing: Any = None
    return StudySearcher(nothing, nothing, nothing, nothing)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_got_lost_is_raised_again_at_the_next_occasion(
    searcher: StudySearcher, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    with searcher.heeding_interrupts():
        with suppress(KeyboardInterrupt):  # as in a callback made from C
            signal.raise_signal(number)
        for occasion in (lambda: searcher.suggest("one"), lambda: searcher.on_trial_result("one", {})):
            with pytest.raises(KeyboardInterrupt):
                occasion()
    assert signal.getsignal(number) is before


def test_a_search_outside_of_the_main_thread_leaves_signals_alone(searcher: StudySearcher) -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def run() -> None:
        with searcher.heeding_interrupts():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_worker_that_gave_up_says_why() -> None:
    said = []

    class Searcher:
        def on_trial_lost(self, trial_id: str, reason: str) -> None:
            said.append(reason)

    def raised(error: Exception) -> Any:
        return SimpleNamespace(trial_id="one", get_pickled_error=lambda: SimpleNamespace(cause=error))

    def unreadable() -> None:
        raise FileNotFoundError

    lost: Any = LostWorkers(Searcher())  # type: ignore[arg-type]  # a stand-in
    lost.on_trial_recover(0, [], raised(ExchangeOutageError("s3://b/p has not answered for 300 s (503)")))
    lost.on_trial_recover(0, [], raised(ValueError("a bug")))
    lost.on_trial_recover(0, [], SimpleNamespace(trial_id="one", get_pickled_error=unreadable))
    assert said == ["s3://b/p has not answered for 300 s (503)", "", ""]
