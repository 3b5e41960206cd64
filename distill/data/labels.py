"""Class labels of images, from folders or `dataset.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from distill.data.image_set import ImageSet
from distill.errors import DataError

MAX_CLASSES = 100_000
MAX_DIGITS = 100  # of a folder name that is a number; Python refuses very long ones


@dataclass(frozen=True)
class Labels:
    """One class for each image."""

    values: npt.NDArray[np.int64]  # (N,), each an index of `classes`
    classes: tuple[str, ...]

    def of(self, positions: Sequence[int]) -> Labels:
        """The labels of the images at `positions`."""
        return Labels(self.values[np.asarray(positions, dtype=np.int64)], self.classes)


def find_labels(names: Sequence[str], label_file: bytes | None) -> Labels | None:
    """Labels of the images `names`, relative paths: as `dataset.json` says, else by the folders they are in.

    Beside a `dataset.json` folders mean nothing: tools that write it number them.
    """
    return by_folder(names) if label_file is None else by_json(names, label_file)


def by_folder(names: Sequence[str]) -> Labels | None:
    """A class per first-level folder; None unless all images lie in at least two of them.

    Classes are in the order of their names; of their numbers, where all names are numbers.
    """
    folders = [name.split("/", 1)[0] if "/" in name else None for name in names]
    found = {folder for folder in folders if folder is not None}
    are_numbers = all(folder.isdecimal() and len(folder) <= MAX_DIGITS for folder in found)
    classes = sorted(found, key=lambda folder: (int(folder) if are_numbers else 0, folder))
    if None in folders or len(classes) < 2:
        return None
    number = {name: i for i, name in enumerate(classes)}
    return Labels(np.array([number[folder] for folder in folders if folder], np.int64), tuple(classes))


def by_json(names: Sequence[str], content: bytes) -> Labels | None:
    """NVIDIA's `{"labels": [["00000/img0.png", 7], …]}`; None unless it has a number for every image."""
    try:
        pairs = json.loads(content)["labels"]
        labels = {str(name): label for name, label in pairs}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return numbered([labels.get(name) for name in names], len(names))


def numbered(values: Sequence[Any], count: int, classes: Sequence[Any] | None = None) -> Labels | None:
    """Labels from `count` class numbers `values`, named by `classes` or by the numbers; None if unusable."""
    sound = len(values) == count and all(type(v) is int and 0 <= v < MAX_CLASSES for v in values)
    if not sound or not values:
        return None
    names = [str(name) for name in classes] if isinstance(classes, (list, tuple)) else []
    if len(names) <= max(values):
        names = [str(i) for i in range(max(values) + 1)]
    return Labels(np.array(values, np.int64), tuple(names))


def check_labels(data: ImageSet, classes: int) -> None:
    """Refuse images that a generator of `classes` classes (0: unconditional) can't be trained with.

    Raises:
        DataError: they have no labels, or another number of classes.
    """
    check_classes(data.name, None if data.labels is None else data.classes, classes)


def check_classes(name: str, found: Sequence[str] | None, classes: int) -> None:
    """Like `check_labels`, for images called `name` with the classes `found`; None: no labels.

    Raises:
        DataError: they have no labels, or another number of classes.
    """
    if not classes:
        return
    if found is None:
        raise DataError(
            f"{name} has no labels and the teacher has {classes} classes: put the images of each class "
            "into a folder of its own, or write a dataset.json"
        )
    if len(found) != classes:
        raise DataError(
            f"{name} has {len(found)} classes and the teacher {classes}: give images of {classes} classes"
        )
