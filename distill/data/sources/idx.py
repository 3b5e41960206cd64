"""MNIST's idx files: all images in one, `…-images-idx3-ubyte`, all labels in another, as .gz or plain."""

from __future__ import annotations

import gzip
import os
import re
import struct
import zlib
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
from search_spaces import count_of, one_line

MAX_BYTES = 4 * 2**30  # of all images, which are held in memory; MNIST takes 47 MB
MAGIC = b"\0\0\x08"  # how a file of bytes begins; the number of dimensions follows

_NAME = re.compile(r"images([-.])idx3-ubyte(\.gz)?$")


def is_idx(path: Path) -> bool:
    """Whether `path` begins as an idx file does, or is one of images by its name.

    Raises:
        OSError: it can't be read.
    """
    if _NAME.search(path.name) is not None:
        return True
    try:
        with _open(path) as file:
            return file.read(3) == MAGIC
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return False


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
            raise DataError(f"{path} is a broken idx file ({error}): download it anew") from error
        names = [f"{path.name}[{i}]" for i in range(len(images))]
        labels, unlabelled = _labels(label_file, len(images))
        return Listing(names, lambda i: Image.fromarray(images[i]), labels, unlabelled)

    return Source(fingerprint("idx", files=stats), listing)


def _label_file(path: Path) -> Path | None:
    if _NAME.search(path.name) is None:
        return None
    stem = _NAME.sub(r"labels\1idx1-ubyte", path.name)
    beside = (path.with_name(stem + suffix) for suffix in ("", ".gz"))
    return next((file for file in beside if file.is_file()), None)


def _labels(path: Path | None, count: int) -> tuple[Labels | None, str]:
    """The labels in the file `path`, or why there are none: images are of use without them, too."""
    if path is None:
        return None, ""
    try:
        values = _read(path, dimensions=1)
    except (OSError, EOFError, ValueError, zlib.error, DataError) as error:
        return None, f"{path.name} can't be read ({one_line(error)})"
    if len(values) != count:
        return None, f"{path.name} has {count_of(len(values), 'label')} for {count_of(count, 'image')}"
    return numbered(values.tolist(), count), ""


def _read(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """All bytes of an idx file, in the shape that its header says.

    Raises:
        ValueError: it is of another kind, or of another length than it says.
        OSError, EOFError, zlib.error: it can't be read or unpacked.
        DataError: it holds labels instead of images, or would unpack to far too much.
    """
    with _open(path) as file:
        head = file.read(4 + 4 * dimensions)
        if head[:4] == MAGIC + b"\1" and dimensions != 1:
            raise DataError(
                f"{path} holds labels, not images: give the file of the images, such as …-images-idx3-ubyte"
            )
        if head[:4] != MAGIC + bytes([dimensions]):
            raise ValueError(f"it begins with {head[:4]!r}, not with {MAGIC + bytes([dimensions])!r}")
        if len(head) < 4 + 4 * dimensions:
            raise ValueError("its header is cut off")
        shape = struct.unpack(f">{dimensions}I", head[4:])
        said, count = "×".join(map(str, shape)), prod(shape)
        if count == 0:
            raise ValueError(f"its header says that it holds {said} bytes")
        if isinstance(file, gzip.GzipFile):
            check_expansion(path, count)
        else:  # compared first: a sparse file of any length takes no room on the disk, and all of the memory
            _check_length(os.fstat(file.fileno()).st_size - len(head), count, said)
        if count > MAX_BYTES:
            raise DataError(
                f"{path} is for {said} bytes, more than {MAX_BYTES >> 30} GiB: give a folder or a "
                ".zip of images"
            )
        content = file.read(count + 1)  # at the end of a packed one, its checksum is compared
    _check_length(len(content), count, said)
    return np.frombuffer(content, np.uint8).reshape(shape)


def _check_length(found: int, count: int, said: str) -> None:
    if found < count:
        raise ValueError(f"{count - found} of its {said} bytes are missing")
    if found > count:
        raise ValueError(f"more follows than its {said} bytes")


def _open(path: Path) -> IO[bytes]:
    """Unpacked where it is packed, whatever its name."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path)) if packed else path.open("rb")
