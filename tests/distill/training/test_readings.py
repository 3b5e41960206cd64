"""Losses as numbers, and the running mean of the discriminator's gap."""

from __future__ import annotations

import pytest
import torch

from distill.errors import TrainingDivergedError
from distill.training.readings import GAP_DECAY, READ_EVERY, read_losses, running_gap


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_no_number_stops_the_training_and_is_named(value: float) -> None:
    terms = {"d_r1": torch.tensor(1.0), "g_pixel": torch.tensor(value)}
    with pytest.raises(TrainingDivergedError, match=f"g_pixel is {value} after 640 images"):
        read_losses(terms, 640)


def test_the_first_measurement_is_the_gap_and_later_ones_are_averaged() -> None:
    assert running_gap(None, 0.25) == 0.25
    decay = GAP_DECAY**READ_EVERY
    assert running_gap(0.25, 1.0) == pytest.approx(decay * 0.25 + (1 - decay))
