"""Architectures that can't be built are refused, and say why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from search_spaces import ArchitectureError
from search_spaces.stargan import DiscriminatorArchitecture, GeneratorArchitecture
from tests.search_spaces.stargan.teachers import published

GENERATOR = GeneratorArchitecture(
    (8, 12, 16), (10, 6), ("dense", "separable"), attributes=4, resolution=48, skips=("full", "quarter")
)


def test_the_name_of_an_architecture_says_all_of_it() -> None:
    assert str(GENERATOR) == "rgb3 a4 48px e8-12-16 ds d10-6 k7-4-4-7 +full +quarter"
    assert str(published()) == "rgb3 a5 128px e64-128-256 dddddd d128-64 k7-4-4-7"
    assert str(DiscriminatorArchitecture.beside(GENERATOR)) == "D rgb3 a4 48px 8-16-32-64-128"


def test_a_skip_is_described_where_its_map_arrives() -> None:
    joined = {row["layer"]: row["skip from"] for row in GENERATOR.describe() if row["skip from"]}
    assert joined == {"block 2": "encoder, 12 px", "up 2": "encoder, 48 px"}


@pytest.mark.parametrize(
    ("resolution", "channels", "last_side"),
    [
        (256, (64, 128, 256, 512, 1024, 2048), 4),
        (128, (64, 128, 256, 512, 1024, 2048), 2),
        (64, (64, 128, 256, 512, 1024, 2048), 1),
        (48, (64, 128, 256, 512, 1024), 1),
        (32, (64, 128, 256, 512, 1024), 1),
    ],
)
def test_a_discriminator_has_six_layers_or_as_many_as_leave_a_pixel(
    resolution: int, channels: tuple[int, ...], last_side: int
) -> None:
    found = DiscriminatorArchitecture.beside(published(resolution))
    assert (found.channels, found.last_side) == (channels, last_side)
    assert (found.attributes, found.resolution, found.image_channels) == (5, resolution, 3)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"encoder": (8, 0, 16)}, "channels, attributes and colours must be at least 1"),
        ({"decoder": (8, -1)}, "must be at least 1"),
        ({"attributes": 0}, "must be at least 1"),
        ({"image_channels": 0}, "must be at least 1"),
        ({"blocks": ()}, "give at least 1 residual block"),
        ({"resolution": 50}, "resolution 50: it must be a multiple of 4 from 8 to 1024 px: give 52"),
        ({"resolution": 4}, "give 8"),
        ({"resolution": 1028}, "give 1024"),
        ({"skips": ("quarter", "full")}, "in that order"),
        ({"skips": ("full", "full")}, "each once"),
        ({"skips": ("tiny",)}, r"give some of \('full', 'half', 'quarter'\)"),
        ({"stem_kernel": 6}, "stem kernel 6: it keeps sizes if it is odd, 1 to 8"),
        ({"down_kernel": 3}, "down kernel 3: it keeps sizes if it is even"),
        ({"up_kernel": 0}, "up kernel 0"),
        ({"image_kernel": 9}, "image kernel 9"),
    ],
)
def test_a_generator_that_cannot_be_built_is_refused_in_one_line(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ArchitectureError, match=says) as error:
        replace(GENERATOR, **changes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"channels": ()}, "give at least 1 convolution"),
        ({"channels": (8, 0)}, "at least 1"),
        ({"attributes": 0}, "at least 1"),
        ({"resolution": 4}, "must be 8 to 1024 px"),
        ({"channels": (8,) * 6}, "6 convolutions halve it to less than 1 px"),
    ],
)
def test_a_discriminator_that_cannot_be_built_is_refused_in_one_line(
    changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(ArchitectureError, match=says) as error:
        replace(DiscriminatorArchitecture((8, 16), 4, 48), **changes)
    assert "\n" not in str(error.value)
