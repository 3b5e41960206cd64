"""Photos to translate: one file, a folder or an archive; decoded as the images of a task are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from distill.data.decoding import check_bytes, half
from distill.data.image_set import Pixels
from distill.data.reading import decode_all
from distill.data.scale import to_float
from distill.data.sources import Listing, open_source
from distill.data.sources.archive import split_member
from distill.data.sources.base import is_image
from distill.data.sources.idx import is_idx
from distill.data.translation.pairs import side_by_side
from distill.data.translation.reading import Format
from distill.errors import DataError
from search_spaces import one_line, os_reason

ARCHIVE = b"PK"  # how a .zip begins
FIX = "give an image, or a folder or .zip of .png, .jpg or .webp images"


@dataclass(frozen=True)
class Photos:
    """Images in the order of their names; decoded when they are asked for."""

    place: str  # what the user typed
    listing: Listing
    single: bool  # one file that was named itself

    def __len__(self) -> int:
        return len(self.listing)

    @property
    def names(self) -> Sequence[str]:
        """Names of the pictures to write, relative, ending in .png; one for each photo."""
        return [
            _renamed(name) if self.single or is_image(name) else f"{name}.png" for name in self.listing.names
        ]

    def batches(self, wanted: Format, size: int) -> Iterator[tuple[tuple[int, ...], Tensor, tuple[str, ...]]]:
        """All photos, `size` at a time: their positions, the images, and what is left out, with the reason.

        Images are (N, C, R, R), float32 in [-1, 1]; N may be 0.

        Raises:
            DataError: a photo that was named itself can't be used.
        """
        for start in range(0, len(self), size):
            positions = range(start, min(start + size, len(self)))
            found: list[Pixels] = []
            outcome = decode_all(
                self.listing.subset(positions), wanted.resolution, wanted.channels, found.append
            )
            if self.single and outcome.skipped:
                raise DataError(f"--input {self.place} can't be used ({outcome.skipped[0]}): {FIX}")
            shape = (len(found), wanted.channels, wanted.resolution, wanted.resolution)
            pixels = np.stack(found) if found else np.empty(shape, np.uint8)
            kept = tuple(positions[i] for i in outcome.kept)
            yield kept, to_float(torch.from_numpy(pixels)), outcome.skipped


@contextmanager
def open_photos(place: str, part: Literal["left", "right"] | None = None) -> Iterator[Photos]:
    """The photos in `place`: an image file of any kind that is read, a folder, a .zip or an idx file.

    Args:
        place: what the user typed.
        part: the half that is the photo where most are two images side by side, twice as wide as high; None
            where none are.

    Raises:
        DataError: there are none, or two of them would have one name.
    """
    with ExitStack() as stack:
        path = Path(place)
        if path.is_file() and not _holds_several(path):
            one = Listing([path.name], lambda _: _content(path))
            yield Photos(place, _halves(one, part), single=True)
            return
        if not Path(split_member(place)[0]).exists():
            raise DataError(f"--input {place} does not exist: {FIX}")
        source = open_source(place, stack, download=False)
        listing = source.listing()
        if not listing.names:
            others = f" (left out: {'; '.join(source.notes)})" if source.notes else ""
            raise DataError(f"--input {place} holds no images{others}: {FIX}")
        photos = Photos(place, _halves(listing, part), single=False)
        _check_different(photos)
        yield photos


def _halves(listing: Listing, part: Literal["left", "right"] | None) -> Listing:
    """One half of every image of `listing`, where it has two images side by side."""
    if part is None or not side_by_side(listing):
        return listing
    return Listing(listing.names, lambda i: half(listing.read(i), right=part == "right"))


def _renamed(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(".png"))


def _holds_several(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(ARCHIVE)) == ARCHIVE or is_idx(path)
    except OSError as error:
        raise DataError(f"--input {path} can't be read ({os_reason(error)}): {FIX}") from error


def _content(path: Path) -> bytes:
    check_bytes(path.stat().st_size)
    return path.read_bytes()


def _check_different(photos: Photos) -> None:
    """Refuse photos whose pictures would have one name."""
    first: dict[str, str] = {}
    for name, photo in zip(photos.names, photos.listing.names, strict=True):
        other = first.setdefault(name, photo)
        if other != photo:
            one, two = (one_line(each, 80) for each in (other, photo))
            raise DataError(
                f"--input {photos.place}: {one} and {two} would both become {one_line(name, 80)}: rename one"
            )
