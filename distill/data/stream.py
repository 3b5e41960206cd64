"""Endless shuffled batches that can be resumed exactly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from distill.data.scale import to_float
from distill.errors import DataError

ENLARGED = 286 / 256  # before a crop, as published for CycleGAN and pix2pix


class ImageStream:
    """Endless batches `(B, C, R, R)`, float32 in [-1, 1], shuffled anew in each epoch, without replacement.

    Epochs follow each other without a gap, so a batch may span two. With `mirror`, each image of each epoch
    is flipped left to right with probability ½. With `crop` it is enlarged by `ENLARGED`, bicubically, and a
    square of its own side is cut out at a random place, as CycleGAN does with 286 and 256 px. The next batch
    depends on `seed` and on the number of images drawn so far only; `state_dict` holds both, and a restored
    stream resumes exactly.

    Images travel to `device` as bytes and become floats there: a quarter of the traffic, and the same values.
    """

    def __init__(
        self,
        images: Tensor,  # (N, C, R, R), uint8, on the CPU
        batch_size: int,
        seed: int,
        *,
        mirror: bool = False,
        crop: bool = False,
        labels: Tensor | None = None,  # (N,), int64
        rows: Tensor | None = None,  # (N,), int64: which of more images to draw; None for all
        device: torch.device | str = "cpu",  # where batches are wanted
    ) -> None:
        self.images = images
        self.batch_size = batch_size
        self.mirror = mirror
        self.crop = crop
        self.labels = labels
        self._rows = rows
        self._count = len(images if rows is None else rows)
        self.device = torch.device(device)
        self._seed = seed
        self._drawn = 0  # images
        self._epoch = -1  # the one that `_order` and `_flips` belong to
        self._order = torch.empty(0, dtype=torch.long)
        self._flips = torch.empty(0, dtype=torch.bool)
        self._places = torch.empty(0, 2)  # of the crops, in [0, 1)

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Tensor:
        return self.next_batch()[0]

    def next_batch(self) -> tuple[Tensor, Tensor | None]:
        """The next images, and their labels `(B,)` where there are any."""
        indices, flips, places = self._draw()
        rows = indices if self._rows is None else self._rows[indices]
        images = self._move(self.images.index_select(0, rows))
        if self.mirror:
            # picking from both versions takes a third of the time of torch.where
            choice = torch.arange(len(indices)) + len(indices) * flips
            images = torch.cat([images, images.flip(-1)]).index_select(0, self._move(choice))
        labels = None if self.labels is None else self._move(self.labels.index_select(0, indices))
        shown = to_float(images)
        return (cropped(shown, places) if self.crop else shown), labels

    def _draw(self) -> tuple[Tensor, Tensor, Tensor]:
        """Indices of the next batch `(B,)`, which of its images are to be flipped, and places of crops."""
        indices: list[Tensor] = []
        flips: list[Tensor] = []
        places: list[Tensor] = []
        missing = self.batch_size
        while missing:
            epoch, start = divmod(self._drawn, self._count)
            self._shuffle(epoch)
            indices.append(self._order[start : start + missing])
            flips.append(self._flips[start : start + missing])
            places.append(self._places[start : start + missing])
            self._drawn += len(indices[-1])
            missing -= len(indices[-1])
        return torch.cat(indices), torch.cat(flips), torch.cat(places)

    def _shuffle(self, epoch: int) -> None:
        if epoch == self._epoch:
            return
        mixed = np.random.SeedSequence((self._seed, epoch)).generate_state(1, np.uint64)[0]
        rng = torch.Generator().manual_seed(int(mixed))
        self._order = torch.randperm(self._count, generator=rng)
        self._flips = torch.rand(self._count, generator=rng) < 0.5
        if self.crop:  # after the others, which stay as they are without
            self._places = torch.rand(self._count, 2, generator=rng)
        self._epoch = epoch

    def _move(self, tensor: Tensor) -> Tensor:
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()  # or the copy would wait for the device
        return tensor.to(self.device, non_blocking=True)

    def state_dict(self) -> dict[str, Any]:
        """Position of the stream: seed, images drawn so far, and size of the data."""
        return {"seed": self._seed, "drawn": self._drawn, "images": self._count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume where `state` was taken.

        Raises:
            DataError: `state` belongs to another number of images.
        """
        if state["images"] != self._count:
            raise DataError(
                f"the training that is resumed had {state['images']} images and the data now has"
                f" {self._count}: resume with the same data"
            )
        self._seed, self._drawn, self._epoch = state["seed"], state["drawn"], -1


def cropped(images: Tensor, places: Tensor) -> Tensor:
    """Random crops of enlarged images, of the size of the images.

    Args:
        images: (B, C, R, R), float32 in [-1, 1].
        places: (B, 2) in [0, 1): where each crop lies, from the top and from the left.
    """
    side = images.shape[-1]
    enlarged = round(ENLARGED * side)
    large = F.interpolate(images, (enlarged, enlarged), mode="bicubic", align_corners=False).clamp(-1, 1)
    corners = (places * (enlarged - side + 1)).long().tolist()
    parts = zip(large, corners, strict=True)
    return torch.stack([image[:, top : top + side, left : left + side] for image, (top, left) in parts])
