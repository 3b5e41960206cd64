"""Images of one size, and what is known about them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

Pixels = npt.NDArray[np.uint8]
"""`(N, C, R, R)`, or one image of it."""


@dataclass(frozen=True)
class ImageSet:
    """Images of one size, decoded once; those of a cache stay on disk and are mapped into memory."""

    name: str  # what the user typed, or "digits"
    images: Tensor  # (N, C, R, R), uint8, on the CPU; only to be read
    digest: str  # 16 hex digits of a SHA-256 over shape and pixels
    skipped: tuple[str, ...] = ()  # files left out, with the reason
    labels: Tensor | None = None  # (N,), int64, each an index of `classes`
    classes: tuple[str, ...] = ()
    found: int | None = None  # images in the source, where these are only a sample of it

    def __len__(self) -> int:
        return len(self.images)


def pixel_digest(pixels: Pixels) -> str:
    """What `ImageSet.digest` is."""
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(pixels.data)  # the buffer itself: no copy of a large data set
    return digest.hexdigest()[:16]
