"""What is believed of architectures that nobody has trained."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nas.ranking import Point, front, hypervolume
from nas.samplers.gaussian_process import (
    START,
    Array,
    expected_hypervolume_improvement,
    expected_improvement,
    fit,
)

EXACT = torch.tensor([*START[:4], 1e-6], dtype=torch.float64)  # no noise
NO_OFFSET = torch.tensor(
    [0.5, 0.5, 1.0, 1e-6, 1e-6], dtype=torch.float64
)  # rungs differ by their level alone


def inputs(count: int, dimensions: int = 3, seed: int = 0) -> Array:
    return np.random.default_rng(seed).random((count, dimensions))


def rungs(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(numbers, dtype=np.int64)


# The process


def test_the_mean_goes_through_noise_free_data() -> None:
    x, r = inputs(12), rungs(*[0, 1] * 6)
    y = np.sin(3 * x[:, 0]) + 0.5 * r
    model = fit(x, r, y, EXACT)
    for rung in (0, 1):
        mean, deviation = model.predict(x[r == rung], rung)
        assert mean == pytest.approx(y[r == rung], abs=0.01)
        assert (deviation < 5e-3).all()


def test_the_deviation_is_small_at_data_and_grows_away_from_them() -> None:
    x = inputs(10)
    model = fit(x, rungs(*[0] * 10), np.sin(x[:, 0]))
    steps = np.array([x[0] + distance for distance in (0.0, 1.0, 3.0, 9.0)])
    deviation = model.predict(steps, 0)[1]
    assert deviation.tolist() == sorted(deviation)


def test_a_second_result_at_the_same_place_makes_it_more_certain() -> None:
    x = inputs(6)
    scales = torch.tensor(START, dtype=torch.float64)
    once = fit(x, rungs(*[0] * 6), x[:, 0], scales)
    twice = fit(np.concatenate([x, x[:1]]), rungs(*[0] * 7), np.append(x[:, 0], x[0, 0]), scales)
    assert twice.predict(x[:1], 0)[1] < once.predict(x[:1], 0)[1]


def test_results_at_a_lower_rung_move_the_prediction_at_the_last() -> None:
    x = inputs(20, seed=1)
    y = 2 * x[:, 0]
    seen = rungs(*[1] * 5)
    few = fit(x[:5], seen, y[:5], NO_OFFSET)
    more = fit(
        np.concatenate([x[:5], x]), np.concatenate([seen, rungs(*[0] * 20)]),
        np.concatenate([y[:5], y + 3]), NO_OFFSET,
    )  # fmt: skip
    few_wrong = np.abs(few.predict(x[5:], 1)[0] - y[5:]).mean()
    more_wrong = np.abs(more.predict(x[5:], 1)[0] - y[5:]).mean()
    assert more_wrong < 0.2 * few_wrong
    assert (more.predict(x[5:], 1)[1] < few.predict(x[5:], 1)[1]).all()


def test_scales_that_are_given_are_kept_and_those_that_are_not_explain_the_data_better() -> None:
    x, r = inputs(30), rungs(*[0] * 30)
    y = 2 * x[:, 1] + np.random.default_rng(1).normal(0, 0.02, 30)
    scales = torch.tensor(START, dtype=torch.float64)
    assert torch.equal(fit(x, r, y, scales).scales, scales)
    found = fit(x, r, y).scales
    assert found.shape == scales.shape
    assert (found > 0).all()
    assert found[4] < scales[4]  # less noise than assumed


@pytest.mark.parametrize("seed", range(10))
def test_scales_are_found_for_whatever_was_measured(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(6, 20))
    x = np.concatenate([rng.integers(0, 3, (count, 6)) / 2, -2 * rng.random((count, 2))], axis=1)
    y = rng.choice([1.0, 1e-3, 5.0]) * rng.normal(size=count)
    model = fit(x, rng.integers(0, 2, count).astype(np.int64), y)
    assert torch.isfinite(model.scales).all()
    mean, deviation = model.predict(x, 1)
    assert np.isfinite(mean).all()
    assert np.isfinite(deviation).all()


def test_noise_is_smoothed_away() -> None:
    rng = np.random.default_rng(0)
    x = inputs(60, dimensions=1)
    y = x[:, 0]
    noisy = y + rng.normal(0, 0.2, 60)
    mean, _ = fit(x, rungs(*[0] * 60), noisy).predict(x, 0)
    assert np.abs(mean - y).mean() < 0.5 * np.abs(noisy - y).mean()


def test_the_level_of_all_fids_is_not_assumed() -> None:
    x, r = inputs(10), rungs(*[0] * 10)
    y = np.sin(3 * x[:, 0])
    new = inputs(5, seed=2)
    low, high = fit(x, r, y, EXACT).predict(new, 0), fit(x, r, y + 5, EXACT).predict(new, 0)
    assert high[0] == pytest.approx(low[0] + 5, abs=1e-6)
    assert high[1] == pytest.approx(low[1], abs=1e-6)


# What an architecture promises


@given(st.floats(-1, 1), st.floats(0.05, 1), st.floats(-1, 1))
def test_expected_improvement_is_what_sampling_gives(mean: float, deviation: float, threshold: float) -> None:
    drawn = np.random.default_rng(0).normal(mean, deviation, 100_000)
    sampled = np.maximum(threshold - drawn, 0).mean()
    exact = expected_improvement(np.array([mean]), np.array([deviation]), threshold)[0]
    assert exact == pytest.approx(sampled, abs=0.02 * deviation)
    assert exact >= 0


point = st.tuples(st.floats(-1, 1), st.floats(-1, 1))


@given(st.lists(point, max_size=6), point, st.floats(0.05, 1))
def test_expected_hypervolume_improvement_is_what_sampling_gives(
    points: list[Point], candidate: Point, deviation: float
) -> None:
    reference = (0.9, 0.9)
    inside = [p for p in points if p[0] < reference[0] and p[1] < reference[1]]
    steps = sorted((inside[i] for i in front(inside)), key=lambda p: p[1])
    steps = [p for i, p in enumerate(steps) if p not in steps[:i]]
    mean, cost = candidate
    drawn = np.random.default_rng(0).normal(mean, deviation, 2_000)
    before = hypervolume(steps, reference)
    grown = [hypervolume([*steps, (float(value), cost)], reference) - before for value in drawn]
    exact = expected_hypervolume_improvement(
        np.array([mean]), np.array([deviation]), np.array([cost]), steps, reference
    )[0]
    error = np.std(grown) / math.sqrt(len(drawn))
    assert exact == pytest.approx(np.mean(grown), abs=5 * error + 1e-3)
