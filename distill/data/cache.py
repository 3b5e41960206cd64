"""Decoded images on disk: made once, then mapped into memory by every process.

An entry is a folder named after a digest of everything its pixels depend on. It holds `pixels.u8`, the bare
bytes of `(N, C, R, R)`, and `about.json`. Entries appear whole or not at all, and never change.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import torch

from distill.data.image_set import ImageSet, Pixels, pixel_digest
from distill.data.labels import Labels
from distill.errors import DataError
from distill.storage import mapped_tensor, scratch_folder, sweep
from search_spaces import os_reason

PIXELS, ABOUT = "pixels.u8", "about.json"


@dataclass(frozen=True)
class Contents:
    """Facts of images besides their pixels."""

    skipped: tuple[str, ...]
    labels: Labels | None  # of the images that were kept
    from_colours: bool  # grey images, decoded from colour
    names: tuple[str, ...]  # of the images that were kept
    unlabelled: str = ""  # why there are no labels


Fill = Callable[[Callable[[Pixels], object]], Contents]
"""Calls its argument with one image after another, each `(C, R, R)`."""


def find(folder: Path, key: str, name: str) -> ImageSet | None:
    """The entry `key` in `folder`, called `name`, its pixels mapped; None if it is not there, or damaged.

    Raises:
        DataError: the address space is too small to map it.
    """
    try:
        about = json.loads((folder / key / ABOUT).read_bytes())
        shape = tuple(map(int, about["shape"]))
        labels = None if about["labels"] is None else torch.tensor(about["labels"], dtype=torch.long)
        path = folder / key / PIXELS
        if len(shape) != 4 or not path.stat().st_size == prod(shape) > 0:
            return None
        if labels is not None and labels.shape != shape[:1]:
            return None
        if len(about["names"]) != shape[0]:
            return None
        return ImageSet(
            name,
            mapped_tensor(_mapped(path, shape)),
            str(about["digest"]),
            tuple(map(str, about["skipped"])),
            labels,
            tuple(map(str, about["classes"])),
            from_colours=bool(about.get("from_colours", False)),
            unlabelled=str(about.get("unlabelled", "")),
            names=tuple(map(str, about["names"])),  # entries of older versions have none, and are made again
        )
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise DataError(
                f"the decoded images in {folder / key} can't be mapped into memory ({os_reason(error)}): "
                "raise the limit of this process's address space (ulimit -v)"
            ) from error
        return None
    except (ValueError, KeyError, TypeError, RuntimeError):
        return None


def store(folder: Path, key: str, image_shape: tuple[int, int, int], count: int, fill: Fill) -> None:
    """Make the entry `key`: `fill` keeps at most `count` images of `image_shape`.

    Another process may make the same entry at the same time; the first one done wins.

    Raises:
        DataError: the disk is full, or `folder` can't be written.
    """
    try:
        with _scratch(folder, key) as scratch:
            _check_room(folder, count * prod(image_shape))
            (scratch / key).mkdir()
            with (scratch / key / PIXELS).open("wb", buffering=2**20) as file:
                contents = fill(lambda pixels: file.write(pixels.tobytes()))
                file.flush()
                os.fsync(file.fileno())  # or a power failure might leave the right size and no content
            (scratch / key / ABOUT).write_text(_about(scratch / key, image_shape, contents), encoding="utf-8")
            _publish(scratch, folder, key)
    except OSError as error:
        raise DataError(
            f"decoded images can't be kept in {folder} ({os_reason(error)}): choose another folder"
        ) from error


def _about(entry: Path, image_shape: tuple[int, int, int], contents: Contents) -> str:
    """The entry's facts, as JSON."""
    path, labels = entry / PIXELS, contents.labels
    shape = (path.stat().st_size // prod(image_shape), *image_shape)
    return json.dumps(
        {
            "shape": shape,
            "digest": pixel_digest(_mapped(path, shape)),
            "skipped": contents.skipped,
            "labels": labels and labels.values.tolist(),
            "classes": labels.classes if labels else (),
            "from_colours": contents.from_colours,
            "unlabelled": contents.unlabelled,
            "names": contents.names,
        }
    )


def _mapped(path: Path, shape: tuple[int, ...]) -> Pixels:
    return np.memmap(path, np.uint8, "r", shape=shape)


@contextmanager
def _scratch(folder: Path, key: str) -> Iterator[Path]:
    """A scratch folder beside the entries; an error also removes `folder` if it was made here."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    try:
        with scratch_folder(folder, f".{key}-") as scratch:
            yield scratch
    except BaseException:  # also Ctrl-C: leave no empty folder
        for path in made:
            with suppress(OSError):  # somebody else put something there meanwhile
                path.rmdir()
        raise


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"the decoded images take {needed / 1e9:.1f} GB and {folder} has {free / 1e9:.1f} GB left:"
            " make room, or choose another folder"
        )


def _publish(scratch: Path, folder: Path, key: str) -> None:
    """Move the finished entry to its place, unless another process put the same one there meanwhile."""
    try:
        (scratch / key).rename(folder / key)
    except OSError:
        if find(folder, key, key) is not None:
            return
        with suppress(FileNotFoundError):  # a damaged entry, which another process may be replacing, too
            (folder / key).rename(scratch / "damaged")
        with suppress(OSError):
            (scratch / key).rename(folder / key)
