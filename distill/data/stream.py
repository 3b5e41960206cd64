"""Endless shuffled batches that can be resumed exactly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from distill.data.scale import to_float
from distill.errors import DataError


class ImageStream:
    """Endless batches `(B, C, R, R)`, float32 in [-1, 1], shuffled anew in each epoch, without replacement.

    Epochs follow each other without a gap, so a batch may span two. With `mirror`, each image of each epoch
    is flipped left to right with probability ½. The next batch depends on `seed` and on the number of images
    drawn so far only; `state_dict` holds both, and a restored stream resumes exactly.

    Images travel to `device` as bytes and become floats there: a quarter of the traffic, and the same values.
    """

    def __init__(
        self,
        images: Tensor,  # (N, C, R, R), uint8, on the CPU
        batch_size: int,
        seed: int,
        *,
        mirror: bool = False,
        labels: Tensor | None = None,  # (N,), int64
        rows: Tensor | None = None,  # (N,), int64: which of more images to draw; None for all
        device: torch.device | str = "cpu",  # where batches are wanted
    ) -> None:
        self.images = images
        self.batch_size = batch_size
        self.mirror = mirror
        self.labels = labels
        self._rows = rows
        self._count = len(images if rows is None else rows)
        self.device = torch.device(device)
        self._seed = seed
        self._drawn = 0  # images
        self._epoch = -1  # the one that `_order` and `_flips` belong to
        self._order = torch.empty(0, dtype=torch.long)
        self._flips = torch.empty(0, dtype=torch.bool)

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Tensor:
        return self.next_batch()[0]

    def next_batch(self) -> tuple[Tensor, Tensor | None]:
        """The next images, and their labels `(B,)` where there are any."""
        indices, flips = self._draw()
        rows = indices if self._rows is None else self._rows[indices]
        images = self._move(self.images.index_select(0, rows))
        if self.mirror:
            # picking from both versions takes a third of the time of torch.where
            choice = torch.arange(len(indices)) + len(indices) * flips
            images = torch.cat([images, images.flip(-1)]).index_select(0, self._move(choice))
        labels = None if self.labels is None else self._move(self.labels.index_select(0, indices))
        return to_float(images), labels

    def _draw(self) -> tuple[Tensor, Tensor]:
        """Indices of the next batch `(B,)`, and which of its images are to be flipped."""
        indices: list[Tensor] = []
        flips: list[Tensor] = []
        missing = self.batch_size
        while missing:
            epoch, start = divmod(self._drawn, self._count)
            self._shuffle(epoch)
            indices.append(self._order[start : start + missing])
            flips.append(self._flips[start : start + missing])
            self._drawn += len(indices[-1])
            missing -= len(indices[-1])
        return torch.cat(indices), torch.cat(flips)

    def _shuffle(self, epoch: int) -> None:
        if epoch == self._epoch:
            return
        mixed = np.random.SeedSequence((self._seed, epoch)).generate_state(1, np.uint64)[0]
        rng = torch.Generator().manual_seed(int(mixed))
        self._order = torch.randperm(self._count, generator=rng)
        self._flips = torch.rand(self._count, generator=rng) < 0.5
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
