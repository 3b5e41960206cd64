"""Architectures of ResNet translators that can't be built are refused, and say why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from search_spaces import ArchitectureError
from search_spaces.resnet_translator import Block, GeneratorArchitecture, ResnetTranslator
from tests.search_spaces.resnet_translator.teachers import published

SMALL = GeneratorArchitecture(4, (6, 8), (Block(5), Block(5), Block(3, "separable")), (6, 4), resolution=32)


def test_the_name_of_an_architecture_says_all_of_it() -> None:
    assert str(published(256)) == "256px 3>3 instance.reflect k7 64 128 256 k3 9×(256d) 128 64 k7"
    assert str(SMALL) == "32px 3>3 instance.reflect k7 4 6 8 k3 2×(5d) 1×(3s) 6 4 k7"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"up": (4,)}, "2 convolutions halve the side, 1 double it: give equally many"),
        ({"blocks": (Block(4),) * 17}, "17 residual blocks: give at most 16"),
        ({"stem": 0}, "channels must be at least 1"),
        ({"blocks": (Block(1),)}, "residual blocks need 2 channels or more"),
        ({"stem_kernel": 4}, "kernels must be odd"),
        ({"block_kernel": 1}, "those of residual blocks of 3 px or more"),
        ({"norm": "none"}, "are normalised by instance or by batch"),
        ({"resolution": 66}, "resolution 66: 2 halvings need a multiple of 4 px, 8 to 2048: give 68"),
        ({"resolution": 4}, "give 8"),
        ({"resolution": 8, "stem_kernel": 17}, "a kernel of 17 px is too large for maps of 8 px"),
    ],
)
def test_an_impossible_architecture_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ArchitectureError, match=says):
        replace(SMALL, **changes)


def test_images_of_other_sides_are_translated_too() -> None:
    generator = ResnetTranslator(SMALL)
    assert generator(torch.randn(1, 3, 16, 40)).shape == (1, 3, 16, 40)
    assert generator.stride == 4


@torch.no_grad()
def test_a_generator_at_another_resolution_has_the_same_weights() -> None:
    generator = ResnetTranslator(SMALL).eval()
    other = generator.at_resolution(16)
    assert other.image_shape == (3, 16, 16)
    assert other.input_specs[0].shape == (3, 16, 16)
    images = torch.randn(1, 3, 16, 16)
    assert torch.equal(other(images), generator(images))
    with pytest.raises(ArchitectureError, match="resolution 30"):
        generator.at_resolution(30)


def test_stages_are_all_layers_but_the_last_unless_statistics_would_move_twice() -> None:
    assert len(ResnetTranslator(SMALL).stages()) == 1 + 2 + 3 + 2
    assert not ResnetTranslator(replace(SMALL, norm="batch")).stages()
