"""Architectures that can't be built are refused, and say why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from search_spaces import ArchitectureError
from search_spaces.biggan import DiscriminatorArchitecture, GeneratorArchitecture

GENERATOR = GeneratorArchitecture((16, 16, 8), (4, 3, 3), classes=5, shared_dim=6, attention=(16,))
DISCRIMINATOR = DiscriminatorArchitecture((8, 16, 16), 2, classes=5, attention=(8,))


def test_the_name_of_an_architecture_says_all_of_it() -> None:
    assert str(GENERATOR) == "rgb3 c5e6 4:16z4 8:16z3 16:8z3a"
    assert str(DISCRIMINATOR) == "D rgb3 c5 16 px 8:8a 4:16 4:16"
    assert str(DiscriminatorArchitecture.beside(GENERATOR)) == "D rgb3 c5 16 px 8:8 4:16 4:16"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"channels": (16,), "chunks": (4,)}, "1 widths: give 2 to 10"),
        ({"channels": (8,) * 11}, "11 widths: give 2 to 10"),
        ({"channels": (16, 0, 8)}, "all must be above 0"),
        ({"bottom_width": 0}, "all must be above 0"),
        ({"bottom_width": 257}, "resolution must be at most 1024 px"),
        ({"chunks": (4, 3)}, "3 widths need as many"),
        ({"chunks": (0, 3, 3)}, "the first at least 1"),
        ({"chunks": (4, -1, 3)}, "at least 0"),
        ({"classes": 0}, "BigGAN is class-conditional"),
        ({"image_channels": 0}, "at least 1 each"),
        ({"shared_dim": 0}, "need a shared class embedding"),
        ({"attention": (12,)}, r"attention at \(12,\) px: blocks make \(8, 16\)"),
        ({"attention": (4,)}, r"attention at \(4,\) px"),
        ({"attention": (16, 8)}, "in that order"),
        ({"channels": (16, 16, 12)}, "attention at 16 px has 12 channels: give .* a multiple of 8"),
    ],
)
def test_a_generator_that_cannot_be_built_is_refused_in_one_line(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ArchitectureError, match=says) as error:
        replace(GENERATOR, **changes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"channels": ()}, "0 widths: give 1 to 10"),
        ({"channels": (8, 16, 0)}, "all must be above 0"),
        ({"bottom_width": 257}, "resolution must be at most 1024 px"),
        ({"halvings": 0}, "of 3, 1 to all may"),
        ({"halvings": 4}, "of 3, 1 to all may"),
        ({"halvings": -3}, "of 3, 1 to all may"),
        ({"classes": 0}, "classes and colours must be at least 1"),
        ({"attention": (16,)}, r"blocks make \(8, 4, 4\)"),
        ({"channels": (12, 16, 16)}, "has 12 channels"),
    ],
)
def test_a_discriminator_that_cannot_be_built_is_refused_in_one_line(
    changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(ArchitectureError, match=says) as error:
        replace(DISCRIMINATOR, **changes)
    assert "\n" not in str(error.value)
