"""The contract of a source of images."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from distill.data.decoding import ImageFile
from distill.data.label_file import LABEL_FILE, UnlabelledError
from distill.data.labels import Labels, find_labels, wrapping
from search_spaces import count_of, one_line

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Listing:
    """The images of a source, in an order that depends on their names alone."""

    names: Sequence[str]
    read: Callable[[int], ImageFile]  # by position in `names`; many threads may call it at once
    labels: Labels | None = None
    unlabelled: str = ""  # why there are no labels, where there is something that might be labels

    def __len__(self) -> int:
        return len(self.names)

    def subset(self, positions: Sequence[int]) -> Listing:
        """Only the images at `positions`."""
        return Listing(
            [self.names[i] for i in positions],
            lambda i: self.read(positions[i]),
            self.labels and self.labels.of(positions),
            self.unlabelled,
        )

    @classmethod
    def labelled(
        cls,
        names: Sequence[str],
        read: Callable[[int], ImageFile],
        label_file: bytes | None,
        beside: str = "",
    ) -> Listing:
        """The images `names` with labels, if there are any.

        Args:
            names: paths of the images.
            read: as above.
            label_file: what the label file holds; None for labels by folder.
            beside: the folder of the label file, with a slash at the end; empty for the root.
        """
        try:
            return cls(names, read, find_labels([name.removeprefix(beside) for name in names], label_file))
        except UnlabelledError as error:
            return cls(names, read, unlabelled=str(error))


@dataclass(frozen=True)
class Source:
    """A source: a cheap fingerprint, and a listing that is made only when images are decoded."""

    fingerprint: str  # changes when its images or labels do
    listing: Callable[[], Listing]
    notes: tuple[str, ...] = ()  # what is left out of it, by reason


def fingerprint(*parts: object, files: Iterable[tuple[object, ...]] = ()) -> str:
    """A digest of the parts of a source."""
    digest = hashlib.sha256(repr(parts).encode())
    for file in files:
        digest.update(repr(file).encode())
    return digest.hexdigest()


def is_image(name: str) -> bool:
    """Whether a file is one of the images by its name: hidden ones are not."""
    return name.lower().endswith(SUFFIXES) and not _is_hidden(name)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def label_file_of(names: Iterable[str], images: Sequence[str]) -> str | None:
    """Which of the files `names` has the labels: the one in the root, or in the only folder there."""
    known = set(names)
    return next((name for name in in_wrapping_folders(LABEL_FILE, images) if name in known), None)


def in_wrapping_folders(name: str, images: Sequence[str]) -> list[str]:
    """The paths of `name` in the root and in each of the folders that all images lie in, outermost first."""
    steps = wrapping(images).split("/")[:-1]
    return ["/".join([*steps[:i], name]) for i in range(len(steps) + 1)]


def empty_folders(folders: Iterable[str], images: Sequence[str]) -> list[str]:
    """What to know of `folders` beside those of classes that hold none of `images`."""
    root = wrapping(images)
    if not any("/" in name.removeprefix(root) for name in images):
        return []
    full = {name.removeprefix(root).partition("/")[0] for name in images}
    beside = {
        name.removeprefix(root).partition("/")[0]
        for name in folders
        if name.startswith(root) and not _is_hidden(name)
    }
    empty = sorted(beside - full - {""})
    named = ", ".join(one_line(name, 40) for name in empty[:5]) + (", …" if len(empty) > 5 else "")
    return [f"folder{'s' if len(empty) > 1 else ''} without images: {named}"] if empty else []


def left_out(names: Iterable[str]) -> list[str]:
    """How many of the files `names`, which are no images by their names, have which ending."""
    endings: Counter[str] = Counter()
    hidden = 0
    for name in names:
        if _is_hidden(name):
            hidden += 1
        else:
            endings[PurePosixPath(name).suffix.lower() or "without an ending"] += 1
    said = []
    if endings:
        counts = ", ".join(f"{count} {one_line(ending, 20)}" for ending, count in endings.most_common(8))
        more = sum(endings.values()) - sum(count for _, count in endings.most_common(8))
        others = f", {count_of(more, 'other')}" if more else ""
        said = [f"{counts}{others}: only {', '.join(SUFFIXES)} are read"]
    return said + ([f"{hidden} hidden"] if hidden else [])
