"""Workers that stand still are noticed; slow ones, and pauses of the driver itself, are not taken for it."""

from __future__ import annotations

import pytest

from nas.execution import Watchdog
from nas.execution.watchdog import LEAST_SECONDS, LONGEST_LOOK, START_SECONDS


class Cluster:
    """Workers with a clock of their own, whose reports are numbers."""

    def __init__(self, limit: float | None) -> None:
        self.now, self.reports = 0.0, {1: 0, 2: 0}
        self.watchdog = Watchdog(limit, self.reports.get, lambda: self.now)

    def hung_after(self, seconds: float, *working: int, every: float = 5.0) -> dict[int, float]:
        """What is hung first, while only the `working` trials report; {} if nothing is within `seconds`."""
        end = self.now + seconds
        while self.now < end:
            self.now += every
            for trial in working:
                self.reports[trial] += 1
            if found := self.watchdog.hung(self.reports):
                return found
        return {}


def test_a_worker_that_reports_nothing_for_the_limit_is_hung_and_one_that_works_is_not() -> None:
    cluster = Cluster(120.0)
    assert cluster.hung_after(3600, 1, 2) == {}
    began = cluster.now
    assert cluster.hung_after(3600, 2) == {1: 125.0}
    assert cluster.now - began == pytest.approx(125.0, abs=5)


def test_a_limit_of_0_waits_for_ever() -> None:
    cluster = Cluster(0.0)
    assert cluster.hung_after(10 * START_SECONDS) == {}
    assert not cluster.watchdog.is_due


def test_without_a_limit_a_worker_has_longer_until_its_first_report_than_after_it() -> None:
    cluster = Cluster(None)
    assert cluster.hung_after(START_SECONDS, 1) == {}
    assert list(cluster.hung_after(START_SECONDS, 1)) == [2]
    cluster = Cluster(None)
    cluster.hung_after(60, 1, 2)
    began = cluster.now
    assert list(cluster.hung_after(3600, 1)) == [2]
    assert cluster.now - began == pytest.approx(LEAST_SECONDS, abs=10)


def test_the_limit_follows_the_longest_pause_after_which_a_worker_went_on() -> None:
    cluster = Cluster(None)
    cluster.hung_after(60, 1, 2)
    assert cluster.hung_after(400) == {}  # both measure a large set of images
    cluster.hung_after(60, 1, 2)
    began = cluster.now
    assert list(cluster.hung_after(10_000, 1)) == [2]
    assert cluster.now - began == pytest.approx(5 * 405, abs=30)


def test_a_pause_of_the_driver_is_none_of_the_workers() -> None:
    cluster = Cluster(120.0)
    cluster.hung_after(60, 1, 2)
    assert cluster.hung_after(3600, every=3600) == {}  # it waited for its database
    assert list(cluster.hung_after(120 - LONGEST_LOOK + 5)) == [1, 2]


def test_the_next_worker_of_a_trial_has_its_time_anew() -> None:
    cluster = Cluster(120.0)
    cluster.hung_after(60, 1, 2)
    assert list(cluster.hung_after(3600, 2)) == [1]
    cluster.watchdog.forget(1)
    began = cluster.now
    assert list(cluster.hung_after(3600, 2)) == [1]
    assert cluster.now - began >= 120


def test_a_process_that_starts_has_longer_than_a_short_limit_and_its_time_anew_once_it_has() -> None:
    cluster = Cluster(60.0)
    for _ in range(30):
        cluster.now += 10.0
        assert cluster.watchdog.hung([1], starting=[1]) == {}
    assert cluster.watchdog.hung([1]) == {}  # it has started
    assert list(cluster.hung_after(100, 2)) == [1]
    cluster = Cluster(60.0)
    while cluster.now < START_SECONDS:
        cluster.now += 10.0
        assert cluster.watchdog.hung([1], starting=[1]) == {}
    cluster.now += 20.0
    assert list(cluster.watchdog.hung([1], starting=[1])) == [1]
