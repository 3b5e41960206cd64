"""Power of a paired comparison: what so few seeds can't see is called not detectable."""

from __future__ import annotations

import math
import random

import pytest

from benchmarks.paired import detectable, ratio, seeds_needed, verdict

ONE = [1.0] * 8
NOISY = [math.exp(0.06 * each) for each in (-1.2, 0.4, 1.3, -0.3, -0.9, 0.8, 0.2, -0.3)]


def test_the_detectable_effect_is_found_in_eight_of_ten_repetitions() -> None:
    rng, noise, seeds = random.Random(0), 0.06, 8
    effect = 1.156 * noise  # of eight pairs: Cohen's d of a two-sided t test at 5 % with a power of 80 %
    found = 0
    for _ in range(400):
        row = [math.exp(rng.gauss(-effect, noise)) for _ in range(seeds)]
        compared = ratio(row, ONE)
        found += compared is not None and compared.significant
    assert found / 400 == pytest.approx(0.8, abs=0.06)


def test_the_detectable_effect_follows_noise_and_seeds() -> None:
    least = detectable(NOISY, ONE)
    assert least is not None
    spread = math.sqrt(sum((math.log(x) - sum(map(math.log, NOISY)) / 8) ** 2 for x in NOISY) / 7)
    assert least == pytest.approx(1 - math.exp(-1.156 * spread), rel=1e-3)
    fewer = detectable(NOISY[:3], ONE[:3])
    assert fewer is not None
    assert fewer > 2 * least
    twice = detectable([x * x for x in NOISY], ONE)
    assert twice is not None
    assert math.log1p(-twice) == pytest.approx(2 * math.log1p(-least))
    assert detectable([1.0], [2.0]) is None


def test_so_many_seeds_detect_the_effect_and_one_less_does_not() -> None:
    least = detectable(NOISY, ONE)
    assert least is not None
    assert seeds_needed(NOISY, ONE, 1.001 * least) == 8
    assert seeds_needed(NOISY, ONE, 0.95 * least) == 9
    more = seeds_needed(NOISY, ONE, 0.03)
    assert more is not None
    assert more > 20
    assert seeds_needed([2.0, 2.0], [1.0, 1.0], 0.05) == 2
    assert seeds_needed([2.0], [1.0], 0.05) is None


def test_what_is_not_significant_is_not_detectable_and_never_nothing() -> None:
    least = detectable(NOISY, ONE)
    assert least is not None
    assert verdict(NOISY, ONE) == f"not detectable (below {least:.1%})"
    assert verdict([0.5 * x for x in NOISY], ONE) == "lower"
    assert verdict([2 * x for x in NOISY], ONE) == "higher"
    assert verdict([1.0], [1.0]) == "too few seeds"
