"""Every metric keeps the laws that its definition promises."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from distill.evaluation.gathering import Gathered
from distill.evaluation.metrics import METRICS, fid, inception_score, kid, precision_recall, sharpness
from distill.evaluation.statistics import RunningStatistics

SEEDS = st.integers(0, 99)


def cloud(seed: int, images: int = 60, dimensions: int = 8, centre: float = 0.0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return centre + torch.randn(images, dimensions, generator=rng)


def known(features: Tensor) -> Gathered:
    statistics = RunningStatistics()
    statistics.add(features)
    return Gathered(len(features), statistics=statistics.result(), features=features)


def test_every_metric_has_a_title_and_something_to_look_at() -> None:
    for metric in METRICS.values():
        assert metric.title
        assert metric.least > 0
        assert bool(metric.needs) != (metric.measure is not None)


@given(SEEDS)
def test_fid_of_a_set_with_itself_is_nothing_and_grows_with_distance(seed: int) -> None:
    ours = known(cloud(seed))
    distances = [fid(known(cloud(seed, centre=c)), ours, 0)[0]["fid"] for c in (0.0, 0.5, 1.0, 2.0)]
    assert distances[0] == pytest.approx(0, abs=1e-6)
    assert distances == sorted(distances)


@settings(max_examples=20)
@given(SEEDS)
def test_kid_of_a_set_with_itself_is_near_nothing_and_grows_with_distance(seed: int) -> None:
    ours = known(cloud(seed))
    near, far = (kid(known(cloud(seed, centre=c)), ours, 0)[0] for c in (0.0, 1.0))
    assert near["kid"] <= 0.05
    assert far["kid"] > near["kid"] + 0.5


def test_kid_is_unbiased_around_zero_for_equal_distributions() -> None:
    values = [kid(known(cloud(2 * i)), known(cloud(2 * i + 1)), 0)[0]["kid"] for i in range(30)]
    assert min(values) < 0 < max(values)


def test_kid_takes_subsets_no_larger_than_there_are_images_and_says_so() -> None:
    assert kid(known(cloud(0, 30)), known(cloud(1, 50)), 0)[1] == {"kid_subsets": 100, "kid_subset_size": 30}
    many = known(cloud(0, 1200, 2))
    assert kid(many, many, 0)[1]["kid_subset_size"] == 1000


def test_kid_repeats_with_the_seed() -> None:
    fake, real = known(cloud(0, 30)), known(cloud(1, 50))
    assert kid(fake, real, 1) == kid(fake, real, 1)
    assert kid(fake, real, 1) != kid(fake, real, 2)


@given(SEEDS, st.integers(4, 40), st.integers(4, 40), st.floats(-3, 3))
def test_precision_and_recall_are_shares_and_change_places(
    seed: int, fakes: int, reals: int, centre: float
) -> None:
    fake, real = known(cloud(seed, fakes, centre=centre)), known(cloud(seed + 1, reals))
    forward, backward = precision_recall(fake, real, 0)[0], precision_recall(real, fake, 0)[0]
    assert all(0 <= share <= 1 for share in forward.values())
    assert (forward["precision"], forward["recall"]) == (backward["recall"], backward["precision"])


@given(SEEDS)
def test_precision_and_recall_of_a_set_with_itself_are_whole(seed: int) -> None:
    ours = known(cloud(seed))
    assert precision_recall(ours, ours, 0)[0] == {"precision": 1, "recall": 1}


def test_precision_falls_with_strange_images_and_recall_with_missing_ones() -> None:
    real = cloud(0, 400, 2)
    strange = precision_recall(known(torch.cat((real, real + 100))), known(real), 0)[0]
    missing = precision_recall(known(real[real[:, 0] > 0]), known(real), 0)[0]
    assert strange["precision"] == pytest.approx(0.5, abs=0.01)
    assert strange["recall"] == 1
    assert missing["precision"] == 1
    assert missing["recall"] == pytest.approx(0.5, abs=0.15)


def test_precision_and_recall_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    fake, real = known(cloud(0, 100, centre=0.5)), known(cloud(1, 90))
    whole = precision_recall(fake, real, 0)
    monkeypatch.setattr("distill.evaluation.metrics.DISTANCES", 7)
    assert precision_recall(fake, real, 0) == whole


def score(logits: Tensor) -> dict[str, float]:
    nothing = Gathered(0)
    return inception_score(Gathered(len(logits), logits=logits), nothing, 0)[0]


@given(SEEDS, st.integers(2, 9))
def test_the_inception_score_is_between_one_and_the_number_of_classes(seed: int, classes: int) -> None:
    assert 1 <= score(5 * cloud(seed, 60, classes))["is"] <= classes + 1e-9


def test_the_inception_score_is_highest_for_sure_and_varied_images() -> None:
    sure = 100 * torch.eye(4).repeat(500, 1)
    assert score(sure)["is"] == pytest.approx(4, rel=0.02)
    assert score(sure[:1].repeat(100, 1))["is"] == pytest.approx(1)  # one class only
    assert score(torch.zeros(100, 4))["is"] == pytest.approx(1)  # never sure
    assert not math.isnan(score(torch.zeros(2, 4))["is"])


def test_sharpness_is_reported_of_both_kinds_and_as_a_ratio() -> None:
    made, wanted = (Gathered(2, sharpness=torch.tensor(x)) for x in ([10.0, 30.0], [50.0, 30.0]))
    assert sharpness(made, wanted, 0) == ({"vol": 20, "vol_real": 40, "vol_ratio": 0.5}, {})
    flat = Gathered(2, sharpness=torch.zeros(2))
    assert sharpness(made, flat, 0)[0] == {"vol": 20, "vol_real": 0}
