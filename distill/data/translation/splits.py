"""The splits of translation data: training, validation and test, disjoint and the same every time.

Images whose place names a split belong to it. Where there is no test or validation split, images of the
training split are held out by a hash of their names: those with the smallest hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from distill.data.image_set import ImageSet
from distill.data.translation.places import key_of
from distill.errors import DataError

VALIDATION = 0.1  # fraction of the training images, where the data has no validation split
TEST = 0.1  # default fraction of all images, where the data has no test split
LEAST = 4  # images of a validation or test split that is held out


@dataclass(frozen=True)
class Split:
    """Positions (M,), int64, ascending, in an image set whose names begin with their part."""

    train: Tensor
    validation: Tensor  # to pick students
    test: Tensor  # for final figures

    def seen_with(self, others: Tensor) -> Tensor:
        """The training positions and `others`, ascending."""
        return torch.cat([self.train, others]).sort().values


def split_images(images: ImageSet, test: float) -> Split:
    """The splits of `images`; `test` is the fraction to hold out where the data has no test split.

    Raises:
        DataError: too few images are left to train on.
    """
    parts = [name.partition("/")[0] for name in images.names]
    given = {part: [i for i, each in enumerate(parts) if each == part] for part in set(parts)}
    train = given.get("train", [])
    held_out, train = _hold_out(images.names, train, test) if "test" not in given and test else ([], train)
    chosen = given.get("validation")
    if chosen is None:
        chosen, train = _hold_out(images.names, train, VALIDATION)
    if len(train) < LEAST:
        raise DataError(
            f"{images.name} has {len(train)} images to train on, beside those for validation and test: "
            f"give at least {3 * LEAST}, better thousands"
        )
    return Split(*(torch.tensor(p, dtype=torch.long) for p in (train, chosen, given.get("test", held_out))))


def _hold_out(names: Sequence[str], positions: Sequence[int], fraction: float) -> tuple[list[int], list[int]]:
    """A `fraction` of `positions`, at least `LEAST`, and the rest; both ascending."""
    size = min(len(positions), max(LEAST, round(fraction * len(positions))))
    by_hash = sorted(positions, key=lambda i: (hashlib.sha256(key_of(names[i]).encode()).digest(), i))
    return sorted(by_hash[:size]), sorted(by_hash[size:])
