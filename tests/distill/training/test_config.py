"""The rate of a student, and the images of a training in whole steps."""

from __future__ import annotations

import pytest

from distill.recipes import WeightDecay
from distill.schedules import Ramp
from distill.training.config import TrainingConfig, student_rate


@pytest.mark.parametrize(("progress", "rate"), [(0.0, 0.01), (0.5, 0.01), (0.75, 0.006), (1.0, 0.002)])
def test_the_rate_goes_from_that_of_similarity_to_the_familys_with_the_adversarial_weight(
    progress: float, rate: float
) -> None:
    recipe = WeightDecay(ramp=Ramp(begin=0.5, full=1.0, weight=0.1))
    config = TrainingConfig(images=100, generator_lr=0.002, similarity_lr=0.01)
    assert student_rate(recipe, config, progress) == pytest.approx(rate)


def test_without_adversarial_training_the_rate_stays_that_of_similarity() -> None:
    config = TrainingConfig(images=100, generator_lr=0.002, similarity_lr=0.01)
    assert student_rate(WeightDecay(ramp=Ramp(weight=0.0)), config, 1.0) == 0.01


def test_without_a_rate_of_similarity_it_is_the_familys_throughout() -> None:
    recipe = WeightDecay(ramp=Ramp(begin=0.5, full=1.0))
    config = TrainingConfig(images=100, generator_lr=0.002)
    assert [student_rate(recipe, config, progress) for progress in (0.0, 0.75, 1.0)] == [0.002] * 3
