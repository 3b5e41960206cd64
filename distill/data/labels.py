"""Class labels of images, from folders or `dataset.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from distill.data.image_set import ImageSet
from distill.data.label_file import MAX_CLASSES, UnlabelledError, read_label_file
from distill.errors import DataError
from search_spaces import count_of, one_line

MAX_DIGITS = 100  # of a folder name that is a number; Python refuses very long ones
PARTS = frozenset(("train", "training", "val", "valid", "validation", "test", "testing", "eval"))
"""Folders that divide a data set, and are no classes."""


@dataclass(frozen=True)
class Labels:
    """One class for each image."""

    values: npt.NDArray[np.int64]  # (N,), each an index of `classes`
    classes: tuple[str, ...]

    def of(self, positions: Sequence[int]) -> Labels:
        """The labels of the images at `positions`."""
        return Labels(self.values[np.asarray(positions, dtype=np.int64)], self.classes)

    @property
    def counts(self) -> list[int]:
        """Images of each class."""
        return [int(count) for count in np.bincount(self.values, minlength=len(self.classes))]


def find_labels(names: Sequence[str], label_file: bytes | None) -> Labels | None:
    """Labels of the images `names`, relative paths: as `dataset.json` says, else by the folders they are in.

    Beside a `dataset.json` folders mean nothing: tools that write it number them. A folder that everything
    lies in is seen through.

    Raises:
        UnlabelledError: there are none, for a reason that a user can mend.
    """
    if label_file is not None:
        return by_json(names, label_file)
    around = wrapping(names)
    return by_folder([name.removeprefix(around) for name in names])


def wrapping(names: Sequence[str]) -> str:
    """The folders that all of `names` lie in, with a slash at the end; empty where there are none."""
    if not names:
        return ""
    shared: list[str] = []
    for steps in zip(*(name.split("/")[:-1] for name in names), strict=False):
        if len(set(steps)) > 1:
            break
        shared.append(steps[0])
    return "".join(f"{step}/" for step in shared)


def by_folder(names: Sequence[str]) -> Labels | None:
    """A class per first-level folder; None without two of them.

    Classes are in the order of their names; of their numbers, where all names are numbers.

    Raises:
        UnlabelledError: some images lie beside the folders, or the folders are parts of a data set.
    """
    folders = [name.split("/", 1)[0] if "/" in name else None for name in names]
    found = {folder for folder in folders if folder is not None}
    if not found or (len(found) < 2 and None not in folders):
        return None
    if None in folders:
        outside = [name for name in names if "/" not in name]
        raise UnlabelledError(
            f"{len(outside)} of {len(names)} images are in no folder of a class, the first of them is "
            f"{one_line(outside[0], 80)}"
        )
    if {folder.lower() for folder in found} <= PARTS:
        raise UnlabelledError(
            f"its folders {' and '.join(sorted(found))} are parts of a data set, no classes: give one of them"
        )
    are_numbers = all(folder.isdecimal() and len(folder) <= MAX_DIGITS for folder in found)
    classes = sorted(found, key=lambda folder: (int(folder) if are_numbers else 0, folder))
    number = {name: i for i, name in enumerate(classes)}
    return Labels(np.array([number[folder] for folder in folders if folder], np.int64), tuple(classes))


def by_json(names: Sequence[str], content: bytes) -> Labels | None:
    """Labels from NVIDIA's `{"labels": [["00000/img0.png", 7], …]}`.

    Raises:
        UnlabelledError: it has no number for every image.
    """
    return numbered(read_label_file(names, content), len(names))


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
    labels = None if data.labels is None else Labels(data.labels.numpy(), data.classes)
    check_classes(data.name, labels, classes, data.unlabelled)


def check_classes(name: str, labels: Labels | None, classes: int, unlabelled: str = "") -> None:
    """Like `check_labels`, for images called `name` with `labels`, or none for the reason `unlabelled`.

    Raises:
        DataError: they have no labels, or another number of classes.
    """
    if not classes:
        return
    if labels is None:
        because = f"{unlabelled}; " if unlabelled else ""
        raise DataError(
            f"{name} has no labels and the teacher has {count_of(classes, 'class', 'classes')}: {because}put "
            "the images of each class into a folder of its own, or write a dataset.json"
        )
    if len(labels.classes) != classes:
        empty = "".join(f"; {note}" for note in empty_classes(labels))
        found, wanted = (count_of(number, "class", "classes") for number in (len(labels.classes), classes))
        raise DataError(f"{name} has {found} and the teacher {classes}: give images of {wanted}{empty}")


def empty_classes(labels: Labels) -> list[str]:
    """What to know of classes without images: in words, where there are any."""
    empty = [name for name, count in zip(labels.classes, labels.counts, strict=True) if not count]
    if not empty:
        return []
    named = ", ".join(one_line(name, 40) for name in empty[:5]) + (", …" if len(empty) > 5 else "")
    from_one = " (labels count from 0)" if empty == ["0"] else ""
    return [f"{'class' if len(empty) == 1 else 'classes'} {named} without images{from_one}"]
