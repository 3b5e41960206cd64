"""Where the images of translation tasks lie: folders of one source, or several sources."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path

from distill.data.builtin import DIGITS
from distill.data.labels import wrapping
from distill.data.sources import Listing, Source, open_source
from distill.data.sources.archive import DAMAGED, split_member
from distill.data.sources.base import fingerprint, is_image
from distill.data.sources.idx import is_idx
from distill.data.sources.torchvision_sets import PREFIX
from distill.errors import DataError
from search_spaces import os_reason

DOMAINS = ("trainA", "trainB")
"""Folders of the training images of two domains, as CycleGAN's data sets have them."""

TRANSLATION_FIX = (
    "give a folder or .zip with trainA/ and trainB/ (testA/, testB/), or one for each domain: a.zip,b.zip"
)


def check_kind(source: str) -> None:
    """Refuse a source whose images have no file names, so that they can't be matched or split.

    Raises:
        DataError: it is one of the built-in or downloaded data sets, or an idx file.
    """
    if source == DIGITS or source.startswith(PREFIX):
        raise DataError(f"--data {source} has images of one domain, for noise: {TRANSLATION_FIX}")
    path = Path(source)
    try:
        idx = path.is_file() and is_idx(path)
    except OSError as error:
        raise DataError(f"{path} can't be read ({os_reason(error)}): {TRANSLATION_FIX}") from error
    if idx:
        raise DataError(f"--data {source} is an idx file, of one domain, for noise: {TRANSLATION_FIX}")


def check_noise_data(source: str | Path | None) -> None:
    """Refuse images of two domains where a generator takes noise.

    Raises:
        DataError: `source` has folders trainA and trainB.
    """
    if source is not None and set(DOMAINS) <= _upper_folders(str(source)):
        raise DataError(
            f"--data {source} has trainA/ and trainB/, for image translation, and the generator takes noise: "
            f"give one of them, such as {place_in(str(source), 'trainA')}"
        )


def _upper_folders(source: str) -> set[str]:
    """Names of folders in the root of a folder or .zip; found without reading images."""
    path = Path(source)
    try:
        if path.is_dir():
            return {name for name in DOMAINS if (path / name).is_dir()}
        if path.suffix.lower() != ".zip" or not path.is_file():
            return set()
        with zipfile.ZipFile(path) as archive:
            names = [name.replace("\\", "/") for name in archive.namelist() if is_image(name)]
    except DAMAGED:
        return set()  # who loads the images says what is wrong
    root = wrapping(names)
    return {name.removeprefix(root).partition("/")[0] for name in names}


def folders_of(source: str) -> dict[str, str]:
    """The upper folders of a source that hold images: names, and what opens each.

    A folder that all images lie in is seen through; it counts itself, too.

    Raises:
        DataError: there is no such source, or it can't be read.
    """
    check_kind(source)
    with ExitStack() as stack:
        names = open_source(source, stack, download=False).listing().names
    root = wrapping(names)
    around = {root.split("/")[-2]: place_in(source, root)} if root else {}
    relative = [name.removeprefix(root) for name in names]
    upper = sorted({name.partition("/")[0] for name in relative if "/" in name})
    return around | {folder: place_in(source, root + folder) for folder in upper}


def place_in(source: str, folder: str) -> str:
    """The source that is a `folder` of another."""
    named, outer = split_member(source)
    if Path(named).is_dir():
        return str(Path(named) / folder)
    steps = (outer.strip("/"), folder.strip("/"))
    return f"{named}:{'/'.join(filter(None, steps))}"


def check_folders(source: str, found: Collection[str], wanted: Collection[str], fix: str) -> None:
    """Refuse a source without images in one of the `wanted` folders.

    Raises:
        DataError: it names them.
    """
    missing = [f"{name}/" for name in wanted if name not in found]
    if missing:
        raise DataError(f"--data {source} has no images in {' and '.join(missing)}: {fix}")


def joined(parts: Mapping[str, str], stack: ExitStack) -> Source:
    """One source of several places, open until `stack` ends.

    Names begin with the part: `train/cat.jpg`; a folder that all images of a part lie in is left out.

    Args:
        parts: name of each part, and its place.
        stack: keeps archives open.

    Raises:
        DataError: a place can't be read.
    """
    sources = {part: open_source(place, stack, download=False) for part, place in parts.items()}

    def listing() -> Listing:
        names: list[str] = []
        reads: list[tuple[Listing, int]] = []
        for part, source in sources.items():
            listed = source.listing()
            if not listed.names:
                raise DataError(f"{parts[part]} holds no images: give images of every domain and split")
            root = wrapping(listed.names)
            names += [f"{part}/{name.removeprefix(root)}" for name in listed.names]
            reads += [(listed, i) for i in range(len(listed))]
        return Listing(names, lambda i: reads[i][0].read(reads[i][1]))

    notes = dict.fromkeys(note for source in sources.values() for note in source.notes)
    known = [(part, source.fingerprint) for part, source in sources.items()]
    return Source(fingerprint("joined", files=known), listing, tuple(notes))


def key_of(name: str) -> str:
    """What identifies an image within its domain: its name without the part and the ending."""
    relative = name.partition("/")[2]
    stem, dot, _ = relative.rpartition(".")
    return stem if dot else relative
