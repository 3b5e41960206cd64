"""Images of one size, with labels, digest and origin."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Pixels = npt.NDArray[np.uint8]
"""`(N, C, R, R)`, or one image of it."""

GREY_CHECK = 64  # images that are checked for colour


@dataclass(frozen=True)
class ImageSet:
    """Images of one size, decoded once; images of a cache are mapped from disk."""

    name: str  # what the user typed, or "digits"
    images: Tensor  # (N, C, R, R), uint8, on the CPU, read-only
    digest: str  # 16 hex digits of a SHA-256 over shape and pixels
    skipped: tuple[str, ...] = ()  # files left out, with the reason
    labels: Tensor | None = None  # (N,), int64, each an index of `classes`
    classes: tuple[str, ...] = ()
    found: int | None = None  # images in the source, where these are only a sample of it
    from_colours: bool = False  # grey images of a colour source

    def __len__(self) -> int:
        return len(self.images)

    @property
    def is_coloured(self) -> bool:
        """Whether any of the first few images has colours."""
        few = self.images[:GREY_CHECK]
        return not torch.equal(few, few[:, :1].expand_as(few))

    @property
    def format(self) -> str:
        """Size and colours of the decoded images, in words; the first few show whether they are grey."""
        channels, side = self.images.shape[1:3]
        if channels == 1:
            return f"{side} px, {'grey made of RGB' if self.from_colours else 'grey'}"
        return f"{side} px, {'RGB' if self.is_coloured else 'RGB made of grey'}"


def pixel_digest(pixels: Pixels) -> str:
    """The value of `ImageSet.digest`."""
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(pixels.data)  # the buffer itself: no copy of a large data set
    return digest.hexdigest()[:16]
