"""Data sets that torchvision downloads by name."""

from __future__ import annotations

import contextlib
import inspect
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from distill.data.decoding import UnusableImageError
from distill.data.labels import Labels, numbered
from distill.data.sources.base import Listing, Source, fingerprint
from distill.errors import DataError

PREFIX = "torchvision:"
ROOT_VARIABLE = "NAS_DATA"
"""Environment variable with the folder of downloaded data sets."""

SILENCE_SECONDS = 20.0  # of a server, before a download is given up


def data_root() -> Path:
    """Where torchvision's data sets lie."""
    return Path(os.environ.get(ROOT_VARIABLE) or "~/.cache/nas-students").expanduser()


def torchvision_source(name: str, *, download: bool) -> Source:
    """The training part of the data set `name` (as torchvision writes it, in any case).

    Raises:
        DataError: torchvision has no such data set.
    """
    from distill._torch_fidelity import torchvision  # takes seconds: only when it is asked for

    kind = _kinds(torchvision.datasets).get(name.lower())
    if kind is None:
        raise DataError(
            f"torchvision has no image data set {name!r} to download: give one such as torchvision:CIFAR10,"
            " torchvision:CelebA or torchvision:MNIST, or a folder or .zip of images"
        )
    root = data_root()

    def listing() -> Listing:
        dataset = _open(kind, root, download)
        names = [f"{kind.__name__}[{i}]" for i in range(len(dataset))]
        one_at_a_time = threading.Lock()  # some sets share an open file between reads

        def read(position: int) -> Image.Image:
            with one_at_a_time:
                image = dataset[position][0]
            if not isinstance(image, Image.Image):
                raise UnusableImageError("not an image")
            return image

        return Listing(names, read, _labels(dataset))

    return Source(fingerprint("torchvision", kind.__name__, str(root.resolve())), listing)


def _kinds(module: Any) -> dict[str, Any]:
    """Classes of data sets that need nothing but a folder, by name in lower case."""
    kinds: dict[str, Any] = {}
    for name in module.__all__:
        kind = getattr(module, name)
        if not inspect.isclass(kind):
            continue
        parameters = inspect.signature(kind).parameters
        needed = [p.name for p in parameters.values() if p.default is p.empty and p.kind != p.VAR_KEYWORD]
        if needed == ["root"] and "download" in parameters:
            kinds[name.lower()] = kind
    return kinds


def _open(kind: Any, root: Path, download: bool) -> Any:
    """The data set in `root`, downloaded if it is not there and `download` allows it."""
    name = kind.__name__
    with contextlib.suppress(Exception):  # whatever it raises where files are missing
        return kind(root=str(root), download=False)
    if not download:
        raise DataError(
            f"{PREFIX}{name} is not in {root} yet, and a dry run downloads nothing: leave out --dry-run"
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _impatient(), contextlib.redirect_stdout(sys.stderr):
            return kind(root=str(root), download=True)
    except Exception as error:  # of the network, the server, the archive, the disk, a missing package
        reason = " ".join(str(error or type(error).__name__).split())[:200]
        raise DataError(
            f"{PREFIX}{name} can't be downloaded to {root} ({reason}): put its files there from a machine"
            f" with a network, set {ROOT_VARIABLE} to the folder that has them, or give a folder of images"
        ) from error


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    """torchvision opens connections without a timeout of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _labels(dataset: Any) -> Labels | None:
    """Class numbers, under the names that torchvision's sets have for them."""
    for attribute in ("targets", "labels", "_labels"):
        values = getattr(dataset, attribute, None)
        if values is not None:
            classes = getattr(dataset, "classes", None)
            return numbered(np.asarray(values).tolist(), len(dataset), classes)
    return None
