"""Arrays that users give: latents, labels and images as .npy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nas.errors import ConfigError
from search_spaces import one_line

NPY = b"\x93NUMPY"  # magic bytes


def read_array(flag: str, path: Path, shape: tuple[int | None, ...], what: str) -> Tensor:
    """The array in a .npy as float32.

    Args:
        flag: of the option that names the file, for messages.
        path: of the file.
        shape: that it must have; None is any length of at least 1.
        what: what the shape is in words, such as "(N, 8)".

    Raises:
        ConfigError: the file is no .npy of finite numbers, or has another shape.
    """
    wanted = f"a .npy array of shape {what}"
    found = read_numbers(flag, path, wanted).float()
    fits = len(found.shape) == len(shape) and all(
        side > 0 and wide in (None, side) for side, wide in zip(found.shape, shape, strict=True)
    )
    if not fits:
        raise ConfigError(f"{flag} {path} has shape {tuple(found.shape)}: give {wanted}")
    if not bool(found.isfinite().all()):  # as float32, too
        raise ConfigError(f"{flag} {path} holds values that are not finite: give ordinary numbers")
    return found


def read_classes(flag: str, given: str, count: int, classes: int) -> Tensor:
    """Labels (count, classes), one-hot unless a file gives others.

    Args:
        flag: of the option, for messages.
        given: "0,3,7", taken in turn; or a .npy of numbers (count,) or of labels (count, classes).
        count: number of images.
        classes: number of classes.

    Raises:
        ConfigError: there are no such classes.
    """
    if given.endswith(".npy"):
        wanted = f"a .npy array of {count} × {classes} labels, or of numbers from 0 to {classes - 1}"
        labels = read_numbers(flag, Path(given), wanted)
        if not bool(labels.isfinite().all()):
            raise ConfigError(f"{flag} {given} holds values that are not finite: give {wanted}")
        if labels.shape == (count, classes):
            return labels.float()
        whole = labels.ndim == 1 and torch.equal(labels, labels.trunc())
        numbers = [int(label) for label in labels.tolist()] if whole else []
    else:
        parts = given.split(",")
        numbers = [int(part) for part in parts if part.strip().isdigit()]
        numbers = numbers if len(numbers) == len(parts) else []
    if not numbers or not 0 <= min(numbers) <= max(numbers) < classes:
        raise ConfigError(
            f"{flag} {given}: give numbers from 0 to {classes - 1}, such as 0,1,2, or a .npy of them"
        )
    return F.one_hot(torch.tensor([numbers[i % len(numbers)] for i in range(count)]), classes).float()


def read_numbers(flag: str, path: Path, wanted: str) -> Tensor:
    """The array in a .npy, float64.

    Args:
        flag: of the option that names the file, for messages.
        path: of the file.
        wanted: what to give, for messages.

    Raises:
        ConfigError: the file is no .npy of numbers; the message says what it is.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(NPY))
        array = np.load(path, allow_pickle=False) if head == NPY else None
    except Exception as error:  # whatever a damaged header makes numpy raise, MemoryError among it
        reason = one_line(getattr(error, "strerror", None) or error, 100)
        raise ConfigError(f"{flag} {path} can't be read ({reason}): give {wanted}") from error
    if array is None:
        raise ConfigError(f"{flag} {path} is {_kind(head)}, not a .npy: give {wanted}")
    if array.dtype.kind not in "fiub":
        raise ConfigError(f"{flag} {path} holds values of type {array.dtype}, not numbers: give {wanted}")
    return torch.from_numpy(array.astype(np.float64))


def _kind(head: bytes) -> str:
    """Kind of the file that begins with `head`, in words."""
    if head.startswith(b"PK"):
        return "a .npz or another zip archive"
    return f"a file that begins with {head!r}" if head else "empty"
