"""Images of translation tasks: red ones and blue ones, in the forms that users have them in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from distill.data import ImageSet
from distill.errors import DataError
from tests.image_family import SIDE

RED, BLUE = (200, 40, 40), (40, 60, 200)


def image_files(
    folder: Path, count: int, colour: tuple[int, int, int] = RED, first: int = 0, side: int = SIDE
) -> Path:
    """`folder` with `000.png` and on, of about one colour; equal numbers have one pattern."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(first, first + count):
        pattern(i, colour, side).save(folder / f"{i:03}.png")
    return folder


def pattern(number: int, colour: tuple[int, int, int], side: int = SIDE) -> Image.Image:
    """Noise of about one colour."""
    noise = np.random.default_rng(number).integers(-40, 40, (side, side, 1))
    return Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8))


def two_domains(folder: Path, train: int = 60, test: int = 8) -> Path:
    """Red images as A and blue ones as B, of which those of one name have one pattern."""
    for domain, colour in (("A", RED), ("B", BLUE)):
        image_files(folder / f"train{domain}", train, colour)
        if test:
            image_files(folder / f"test{domain}", test, colour, first=500)
    return folder


def side_by_side(folder: Path, count: int = 60) -> Path:
    """Red images with blue ones of the same pattern to the right of each."""
    folder.mkdir(parents=True)
    for i in range(count):
        both = Image.new("RGB", (2 * SIDE, SIDE))
        both.paste(pattern(i, RED), (0, 0))
        both.paste(pattern(i, BLUE), (SIDE, 0))
        both.save(folder / f"{i:03}.png")
    return folder


def domain_folders(folder: Path, count: int = 30) -> Path:
    """A folder for each of two domains."""
    image_files(folder / "red", count, RED)
    image_files(folder / "blue", count, BLUE, first=count)
    return folder


def redness(images: ImageSet) -> Tensor:
    """Red less blue, of each image."""
    pixels = images.pixels(torch.arange(len(images))).float()
    return (pixels[:, 0] - pixels[:, 2]).mean(dim=(1, 2))


def refuses(says: str, load: Callable[[], object]) -> None:
    with pytest.raises(DataError) as refused:
        load()
    assert "\n" not in str(refused.value)
    for part in says.split(" … "):
        assert part in str(refused.value)
