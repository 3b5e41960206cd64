"""scikit-learn's 1,797 handwritten digits: the built-in data."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from distill.data.image_set import ImageSet, pixel_digest

DIGITS = "digits"
"""The name of the built-in data; a folder of that name is reached as `./digits`."""


def load_digits_set(resolution: int, channels: int) -> ImageSet:
    """The digits (8×8, values 0…16), scaled to 0…255 and resized bicubically, clipped.

    Lanczos, the filter of all other images, leaves ghost strokes around a digit this small.
    """
    table = _table()
    small = (table[:, :-1].reshape(-1, 8, 8) * (255 / 16)).round().astype(np.uint8)
    size = (resolution, resolution)
    grey = np.stack([np.asarray(Image.fromarray(i).resize(size, Image.Resampling.BICUBIC)) for i in small])
    pixels = np.ascontiguousarray(np.repeat(grey[:, None], channels, axis=1))
    return ImageSet(
        DIGITS,
        torch.from_numpy(pixels),
        pixel_digest(pixels),
        labels=digits_labels(),
        classes=tuple("0123456789"),
    )


def digits_labels() -> Tensor:
    """The digit (0…9) that each image of the built-in data shows, `(1797,)`, int64."""
    return torch.from_numpy(_table()[:, -1]).long()


def _table() -> npt.NDArray[np.float64]:
    """A row for each digit: 64 pixels and the label.

    Read from scikit-learn's folder without importing it, which takes a second and 60 MB in each process.
    """
    package = importlib.util.find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    with gzip.open(Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz", "rt") as lines:
        return np.loadtxt(lines, delimiter=",")
