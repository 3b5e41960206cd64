"""The average's half-life: fixed, and shorter while few images have been seen."""

from __future__ import annotations

import pytest

from distill.training.averaging import average_decay


def test_an_old_weight_counts_half_after_the_half_life() -> None:
    assert average_decay(10, seen=10**6, half_life=200, rampup=0.1) ** 20 == pytest.approx(0.5)


def test_the_half_life_is_at_most_a_fraction_of_the_images_seen() -> None:
    assert average_decay(10, seen=100, half_life=200, rampup=0.1) == pytest.approx(0.5)
    assert average_decay(10, seen=1, half_life=200, rampup=0.0) == 0.0
