"""What a worker tells is heard in the driver."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import ray

from distill.progress import OnProgress
from nas.relay import LISTENER, relayed

Told = list[tuple[str, int, int]]


@pytest.fixture(scope="module")
def one_worker() -> Iterator[None]:
    ray.init(num_cpus=1, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    yield
    ray.shutdown()


def _count(tell: OnProgress | None, total: int) -> None:
    for done in range(1, total + 1):
        if tell is not None:
            tell("counting", done, total)


def _fail(tell: OnProgress | None) -> float:
    return 1 / 0


count, fail = (ray.remote(num_cpus=1, max_retries=0)(task) for task in (_count, _fail))


@pytest.mark.usefixtures("one_worker")
def test_a_worker_is_heard_up_to_the_end_but_not_at_every_step() -> None:
    told: Told = []
    with relayed(lambda *message: told.append(message)) as tell:
        ray.get(count.remote(tell, 1000))
    assert told[0] == ("counting", 1, 1000)
    assert told[-1] == ("counting", 1000, 1000)
    assert len(told) < 500


@pytest.mark.usefixtures("one_worker")
def test_nothing_is_told_where_nobody_listens() -> None:
    with relayed(None) as tell:
        ray.get(count.remote(tell, 10))
    assert tell is None


@pytest.mark.usefixtures("one_worker")
def test_a_worker_that_fails_does_not_leave_the_driver_listening() -> None:
    with pytest.raises(ZeroDivisionError), relayed(lambda *_: None) as tell:
        ray.get(fail.remote(tell))
    assert not [thread for thread in threading.enumerate() if thread.name == LISTENER]
