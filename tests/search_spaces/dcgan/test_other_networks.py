"""What is no DCGAN is left to the readers of other families."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from search_spaces import UserError
from search_spaces.dcgan.checkpoints import read
from tests.search_spaces.dcgan.layouts import (
    BN,
    T,
    norm,
    up,
)


def classifier() -> nn.Module:
    """As LeNet-5 is."""
    convs = (nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5), nn.Conv2d(16, 120, 5))
    return nn.Sequential(*convs, nn.Linear(120, 84), nn.Linear(84, 10))


def residual_classifier() -> nn.Module:
    """As ResNet-20 begins and ends."""
    block = [nn.Conv2d(16, 16, 3, bias=False), BN(16), nn.Conv2d(16, 16, 3, bias=False), BN(16)]
    return nn.Sequential(nn.Conv2d(3, 16, 3, bias=False), BN(16), *block, nn.Linear(16, 10))


def translator() -> nn.Module:
    """As CycleGAN's generator begins and ends."""
    down = [nn.Conv2d(3, 8, 7), nn.Conv2d(8, 16, 3, 2, 1), nn.Conv2d(16, 16, 3)]
    return nn.Sequential(*down, T(16, 8, 3, 2, 1, 1), nn.Conv2d(8, 3, 7))


def attribute_translator(width: int = 64) -> nn.Module:
    """As StarGAN's generator begins: attributes beside colours, instance normalisation with statistics."""
    first = nn.Conv2d(8, width, 7, bias=False), norm(width)
    down = nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), norm(2 * width)
    up = T(2 * width, width, 4, 2, 1, bias=False), norm(width)
    return nn.Sequential(*first, *down, *up, nn.Conv2d(width, 3, 7, bias=False))


def as_wide_as_its_input() -> nn.Module:
    """One whose first layer may just as well read a latent."""
    return attribute_translator(8)


def enhancer() -> nn.Module:
    """From image to image, and as narrow as one between two of its layers."""
    return nn.Sequential(nn.Conv2d(3, 3, 3), nn.Conv2d(3, 8, 3), nn.Conv2d(8, 3, 3))


def residual_generator() -> nn.Module:
    """Residual blocks that register their normalisations one after the other."""
    block = [BN(8), BN(8), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3)]
    return nn.Sequential(nn.Linear(10, 128), *block, up(8, 3))


def encoder_of_numbers() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 256), nn.Linear(256, 64), nn.Linear(64, 784))


def critic_of_matrices() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 256), nn.Linear(256, 1))


BIGGAN = {
    "shared.weight": torch.zeros(10, 4),
    "linear.weight": torch.zeros(128, 8),
    "linear.bias": torch.zeros(128),
    "linear.u0": torch.zeros(1, 128),
    "blocks.0.0.bn1.stored_mean": torch.zeros(8),
    "blocks.0.0.conv1.weight": torch.zeros(8, 8, 3, 3),
}


@pytest.mark.parametrize(
    "content",
    [
        *(
            make().state_dict()
            for make in (classifier, residual_classifier, translator, attribute_translator)
        ),
        *(make().state_dict() for make in (as_wide_as_its_input, enhancer, residual_generator)),
        *(make().state_dict() for make in (encoder_of_numbers, critic_of_matrices)),
        BIGGAN,
        {"conv1.conv.weight": torch.zeros(1, 8, 8, 3, 3), "input.input": torch.zeros(1, 8, 4, 4)},
        {"weight": torch.zeros(4, 4)},
        {0: torch.zeros(2, 2), "b": None},
        {"a.weight": torch.zeros(0, 3, 4, 4), "b.weight": torch.zeros(3, 0, 4, 4)},
        {"a.weight": torch.zeros(9, 0), "b.weight": torch.zeros(0, 9, 4, 4)},
        {"a.running_mean": torch.zeros(3), "a.running_var": torch.zeros(3)},
        {"state_dict": {"a.weight": torch.tensor(1.0)}},
        {},
        [1, 2],
        None,
    ],
)
def test_what_is_no_dcgan_is_left_to_others(content: Any) -> None:
    assert read(content) is None


def test_what_is_far_deeper_than_any_dcgan_is_left_to_others_before_it_is_looked_at() -> None:
    start, more = T(10, 8, 4).weight, up(8, 8)
    deep = {"0.weight": start} | {f"{i}.weight": more.weight for i in range(1, 202)}
    assert read(deep) is None
    with pytest.raises(UserError, match="its last layer, 19, makes 8 channels"):  # less deep, it is one
        read(dict(list(deep.items())[:20]))
