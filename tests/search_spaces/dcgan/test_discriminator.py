"""The critic: strided convolutions without normalisation."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from search_spaces.dcgan import DCGANDiscriminator, DiscriminatorArchitecture


@pytest.mark.parametrize(("resolution", "sides"), [(28, [14, 7]), (32, [16, 8, 4]), (64, [32, 16, 8, 4])])
def test_every_block_halves_its_input(resolution: int, sides: list[int]) -> None:
    critic = DCGANDiscriminator(DiscriminatorArchitecture((3, 5, 6, 7)[: len(sides)], resolution))
    images = torch.randn(2, 3, resolution, resolution)
    assert [each.shape[1:] for each in critic.features(images)] == [
        (width, side, side) for width, side in zip((3, 5, 6, 7), sides, strict=False)
    ]
    assert critic(images).shape == (2,)


@torch.no_grad()
def test_torchs_own_layers_give_the_same_logits() -> None:
    critic = DCGANDiscriminator(DiscriminatorArchitecture((4, 6), 17))
    first, second = critic.convs
    theirs = nn.Sequential(first, nn.LeakyReLU(0.2), second, nn.LeakyReLU(0.2), nn.Flatten(), critic.out)
    images = torch.randn(3, 3, 17, 17)
    assert torch.allclose(critic(images), theirs(images).squeeze(1))


@torch.no_grad()
def test_a_logit_is_of_its_image_alone_also_while_training() -> None:
    critic = DCGANDiscriminator(DiscriminatorArchitecture((4, 6), 16)).train()
    images = torch.randn(4, 3, 16, 16)
    assert torch.allclose(critic(images)[1:2], critic(images[1:2]), atol=1e-6)
