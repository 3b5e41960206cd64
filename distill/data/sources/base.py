"""The contract of a source of images."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from distill.data.decoding import ImageFile
from distill.data.labels import Labels

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
LABEL_FILE = "dataset.json"  # in the root of a folder or .zip, as NVIDIA's dataset tools write it


@dataclass(frozen=True)
class Listing:
    """The images of a source, in an order that depends on their names alone."""

    names: Sequence[str]
    read: Callable[[int], ImageFile]  # by position in `names`; many threads may call it at once
    labels: Labels | None = None

    def __len__(self) -> int:
        return len(self.names)

    def subset(self, positions: Sequence[int]) -> Listing:
        """Only the images at `positions`."""
        return Listing(
            [self.names[i] for i in positions],
            lambda i: self.read(positions[i]),
            self.labels and self.labels.of(positions),
        )


@dataclass(frozen=True)
class Source:
    """A source: a cheap fingerprint, and a listing that is made only when images are decoded."""

    fingerprint: str  # changes when its images or labels do
    listing: Callable[[], Listing]


def fingerprint(*parts: object, files: Iterable[tuple[object, ...]] = ()) -> str:
    """A digest of the parts of a source."""
    digest = hashlib.sha256(repr(parts).encode())
    for file in files:
        digest.update(repr(file).encode())
    return digest.hexdigest()


def is_image(name: str) -> bool:
    """Whether a file is one of the images by its name: hidden ones are not."""
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))
    return name.lower().endswith(SUFFIXES) and not hidden
