"""How long a search would train."""

from __future__ import annotations

from typing import Any

import pytest

from nas.driver.estimate import Estimate, estimate, total_seconds
from nas.execution import WorkerResources
from tests.nas.cli.command_line import written


def test_the_bounds_are_quotas_alone_and_no_trial_stopped(make_bench: Any) -> None:
    config = make_bench(trials=5, replicates=2, reduction_factor=2.0).config
    rungs = [10.0, 20.0, 40.0]
    assert total_seconds(config, rungs) == (40 + 4 * (10 + 10 / 2 + 20 / 4), 7 * 40)


def test_a_step_is_timed_and_nothing_is_written(make_bench: Any) -> None:
    bench = make_bench(trials=4, rungs=(64, 128), batch_size=32)
    before = written(bench.config.workdir)
    one, two = (estimate(bench, WorkerResources(workers, 1, 0.0)) for workers in (1, 2))
    assert isinstance(one, Estimate)
    assert isinstance(two, Estimate)
    assert one.batch == 32
    assert one.steps.keys() == {True}, "the digits have a discriminator from the start"
    assert 0 < one.steps[True] < 60
    steps = 128 / 32
    assert one.most >= (4 + bench.config.replicate_runs) * steps * one.steps[True] * 0.99
    assert one.least < one.most
    assert written(bench.config.workdir) == before


def test_equal_bounds_are_one_time() -> None:
    assert str(Estimate({True: 0.5}, 32, 43.2, 43.9)).startswith("about 0:00:44 (h:min:s) of training")
    assert str(Estimate({True: 0.5}, 32, 43.2, 50.0)).startswith("about 0:00:44 to 0:00:50 (h:min:s)")


def test_a_step_is_timed_without_ranking_the_teachers_channels(
    make_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(trials=1, rungs=(64,), batch_size=32)
    monkeypatch.setattr(type(bench.space), "inherit", lambda *_: pytest.fail("channels are ranked"))
    assert isinstance(estimate(bench, WorkerResources(1, 1, 0.0)), Estimate)


def test_the_words_have_a_unit() -> None:
    shown = str(Estimate(steps={True: 3.21, False: 0.123}, batch=64, least=61.2, most=3_700.0))
    assert shown.startswith("about 0:01:02 to 1:01:40 (h:min:s) of training, and more to measure distances")
    assert "a step of 64 images of the uniform-width baseline takes 0.12 s while the teacher alone" in shown
    assert shown.endswith("teaches and 3.2 s with discriminator steps")


def test_shared_weights_have_no_estimate(make_bench: Any) -> None:
    bench = make_bench(share_weights=True, rungs=(320,), batch_size=16)
    assert estimate(bench, None) == "no estimate with --share-weights"
