"""Images of one size, with labels, digest and origin."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from distill.seeds import derive_seed

Pixels = npt.NDArray[np.uint8]
"""`(N, C, R, R)`, or one image of it."""

GREY_CHECK = 64  # images that are checked for colour
HELD_OUT_SEED = derive_seed(0, "held-out images")


@dataclass(frozen=True)
class ImageSet:
    """Images of one size, decoded once; images of a cache are mapped from disk.

    A part of a set shares its pixels: `rows` says which of `images` are meant.
    """

    name: str  # what the user typed, or "digits"
    images: Tensor  # (N, C, R, R), uint8, on the CPU, read-only
    digest: str  # 16 hex digits of a SHA-256 over shape and pixels; of a part, also over which part it is
    skipped: tuple[str, ...] = ()  # files left out, with the reason
    labels: Tensor | None = None  # (N,), int64, each an index of `classes`
    classes: tuple[str, ...] = ()
    found: int | None = None  # images in the source, where these are only a sample of it
    from_colours: bool = False  # grey images of a colour source
    unlabelled: str = ""  # why there are no labels, where there is something that might be labels
    notes: tuple[str, ...] = ()  # files of the source that are no images of it, by reason
    rows: Tensor | None = None  # (M,), int64: the part's images; None for all
    names: tuple[str, ...] = ()  # of the files, where they are known

    def __len__(self) -> int:
        return len(self.images if self.rows is None else self.rows)

    @property
    def count(self) -> int:
        """Images in the source, or in its part that this is a sample of."""
        return len(self) if self.found is None else self.found

    def pixels(self, indices: Tensor) -> Tensor:
        """The images at `indices` (B,), each below the set's length: (B, C, R, R), uint8."""
        return self.images.index_select(0, indices if self.rows is None else self.rows[indices])

    def batches(self, size: int) -> Iterator[Tensor]:
        """All images in order, `size` at a time."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield self.images[part] if self.rows is None else self.images[self.rows[part]]

    def split(self, fraction: float) -> tuple[ImageSet, ImageSet]:
        """The set without a random `fraction` of its images, and that fraction; equal sets split alike."""
        size = round(fraction * len(self))
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(HELD_OUT_SEED))
        found = None if self.found is None else round(fraction * self.found)
        rest = None if self.found is None or found is None else self.found - found
        return (
            # sorted, so that the disk is read in its order
            self._part(order[size:].sort().values, f"without {fraction}", rest),
            self._part(order[:size].sort().values, f"held-out {fraction}", found),
        )

    def part(self, indices: Tensor) -> ImageSet:
        """The images at `indices` (M,), int64, in their order; equal indices give an equal digest."""
        which = hashlib.sha256(indices.numpy().tobytes()).hexdigest()
        found = None if self.found is None else round(self.found * len(indices) / len(self))
        return self._part(indices, f"part {which}", found)

    def _part(self, indices: Tensor, which: str, found: int | None) -> ImageSet:
        return replace(
            self,
            digest=hashlib.sha256(f"{self.digest} {which}".encode()).hexdigest()[:16],
            labels=None if self.labels is None else self.labels[indices],
            found=found,
            rows=indices if self.rows is None else self.rows[indices],
            names=tuple(self.names[i] for i in indices.tolist()) if self.names else (),
        )

    @property
    def is_coloured(self) -> bool:
        """Whether any of the first few images has colours."""
        few = self.pixels(torch.arange(min(GREY_CHECK, len(self))))
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
