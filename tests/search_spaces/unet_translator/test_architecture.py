"""Architectures of U-Net translators that can't be built are refused, and say why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from search_spaces import ArchitectureError
from search_spaces.unet_translator import GeneratorArchitecture, Level, UnetTranslator
from tests.search_spaces.unet_translator.teachers import published

SMALL = GeneratorArchitecture((Level(4), Level(6), Level(6, "separable"), Level(6, "separable")), 16)


def test_the_name_of_an_architecture_says_all_of_it() -> None:
    assert str(published(256)) == "256px 3>3 batch.dropout 64d 128d 256d 5×(512d)"
    assert str(SMALL) == "16px 3>3 batch.dropout 4d 6d 2×(6s)"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"levels": (Level(4),) * 2}, "2 levels: give 3 to 10"),
        ({"levels": (Level(4),) * 11}, "11 levels: give 3 to 10"),
        ({"image_channels": 0}, "images have channels, at least 1"),
        ({"levels": (Level(4), Level(1), Level(4))}, "levels need 2 channels or more"),
        ({"levels": (Level(4, "separable"), Level(4), Level(4))}, "the first level .* must be dense"),
        ({"norm": "none"}, "are normalised by instance or by batch"),
        ({"resolution": 40}, "resolution 40: 4 levels need a multiple of 16 px, at most 2048: give 48"),
    ],
)
def test_an_impossible_architecture_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ArchitectureError, match=says):
        replace(SMALL, **changes)


def test_dropout_is_where_pix2pix_has_it() -> None:
    def dropped(resolution: int) -> list[int]:
        rates = [up.dropout for up in UnetTranslator(published(resolution, 2)).up]
        return [i for i, each in enumerate(rates) if isinstance(each, nn.Dropout) and each.p == 0.5]

    assert dropped(256) == [4, 5, 6]
    assert dropped(128) == [4, 5]
    assert dropped(64) == [4]
    assert dropped(32) == []


@torch.no_grad()
def test_images_of_other_sides_are_translated_by_the_same_weights() -> None:
    generator = UnetTranslator(SMALL).eval()
    assert generator(torch.randn(1, 3, 16, 48)).shape == (1, 3, 16, 48)
    other = generator.at_resolution(32)
    assert other.image_shape == (3, 32, 32)
    images = torch.randn(1, 3, 32, 32)
    assert torch.equal(other(images), generator(images))
    with pytest.raises(ArchitectureError, match="resolution 20"):
        generator.at_resolution(20)


def test_stages_are_all_layers_unless_statistics_would_move_twice() -> None:
    assert len(UnetTranslator(replace(SMALL, norm="instance")).stages()) == 8
    assert not UnetTranslator(SMALL).stages()
