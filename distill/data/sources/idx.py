"""MNIST's idx files: all images in one, `…-images-idx3-ubyte`, all labels in another, as .gz or plain."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from distill.data.labels import Labels, numbered
from distill.data.sources.archive import check_expansion
from distill.data.sources.base import Listing, Source, fingerprint
from distill.errors import DataError

UNSIGNED_BYTE = 0x08  # the type code, third byte of the file; the fourth is the number of dimensions

_IMAGES = re.compile(r"images([-.])idx3-ubyte(\.gz)?$")


def is_idx(path: Path) -> bool:
    """Whether `path` is a file of images by its name."""
    return _IMAGES.search(path.name) is not None


def idx_source(path: Path) -> Source:
    """The grey images in the idx file at `path`; the labels are used if the file of them lies beside it.

    Raises:
        OSError: it can't be read.
    """
    label_file = _label_file(path)
    files = [file for file in (path, label_file) if file is not None]
    stats = ((str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files)

    def listing() -> Listing:
        try:
            images = _read(path, dimensions=3)
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise DataError(
                f"{path} is no readable idx file of images ({error}): download it anew"
            ) from error
        names = [f"{path.name}[{i}]" for i in range(len(images))]
        return Listing(names, lambda i: Image.fromarray(images[i]), _labels(label_file, len(images)))

    return Source(fingerprint("idx", files=stats), listing)


def _label_file(path: Path) -> Path | None:
    stem = _IMAGES.sub(r"labels\1idx1-ubyte", path.name)
    beside = (path.with_name(stem + suffix) for suffix in ("", ".gz"))
    return next((file for file in beside if file.is_file()), None)


def _labels(path: Path | None, count: int) -> Labels | None:
    if path is None:
        return None
    try:
        values = _read(path, dimensions=1)
    except (OSError, EOFError, ValueError, zlib.error, DataError):  # images are of use without labels, too
        return None
    return numbered(values.tolist(), count)


def _read(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    with _open(path) as file:
        magic, *shape = struct.unpack(f">{1 + dimensions}I", _exactly(file, 4 + 4 * dimensions))
        if magic != UNSIGNED_BYTE << 8 | dimensions:
            raise ValueError(f"it begins with {magic:08x}")
        check_expansion(path, prod(shape))
        return np.frombuffer(_exactly(file, prod(shape)), np.uint8).reshape(cast(Sequence[int], shape))


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _exactly(file: IO[bytes], count: int) -> bytes:
    content = file.read(count)
    if len(content) != count:
        raise EOFError(f"{count - len(content)} bytes are missing")
    return content
