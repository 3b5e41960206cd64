"""Pairs of images, A and B: side by side in one file, or in two folders by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace

import torch

from distill.data.decoding import half, sides
from distill.data.image_set import ImageSet
from distill.data.sources import Listing, Source, several
from distill.data.sources.base import fingerprint
from distill.data.translation.domains import GIVEN, domain_parts
from distill.data.translation.places import DOMAINS, folders_of, joined, key_of
from distill.data.translation.reading import Format, Reading
from distill.errors import DataError
from search_spaces import one_line

CHECKED = 64  # images that are checked for two halves
TOLERANCE = 0.1  # of the ratio of width and height, which is 2
FIX = "give images of A and B side by side, or two folders with the same names: a.zip,b.zip"


def load_pairs(data: str, a: Format, b: Format, reading: Reading) -> tuple[ImageSet, ImageSet]:
    """The images of A and of B, of which those at the same position are a pair; names begin with the split.

    Both images of a pair are cropped alike where they have the same size.

    Args:
        data: a source of images side by side, perhaps in folders train, val and test; a source with trainA
            and trainB; or two sources. Images of two folders are matched by their names, without endings.
        a: what images of A are decoded to.
        b: what images of B are decoded to.
        reading: all, or a sample.

    Raises:
        DataError: there are no such images, or some lack a partner.
    """
    with ExitStack() as stack:
        of_a, of_b = _sources(data, stack)
        one = reading.images(f"{data} (images A)", of_a, a)
        other = reading.images(f"{data} (images B)", of_b, b)
    return _aligned(replace(one, name=data), replace(other, name=data))


def _sources(data: str, stack: ExitStack) -> tuple[Source, Source]:
    """Sources of A and of B, with the same names in the same order."""
    if len(several(data)) > 1:
        return _by_name(data, stack)
    folders = folders_of(data)
    if any(name in folders for name in DOMAINS):
        return _by_name(data, stack)
    parts = {split: folders[begin] for split, begin in GIVEN.items() if begin in folders}
    source = joined(parts if "train" in parts else {"train": data}, stack)
    _check_halves(data, source.listing())
    return _half(source, right=False), _half(source, right=True)


def _by_name(data: str, stack: ExitStack) -> tuple[Source, Source]:
    of_a, of_b = domain_parts(data)
    one, other = joined(of_a, stack), joined(of_b, stack)
    places = [{_full_key(name): i for i, name in enumerate(each.listing().names)} for each in (one, other)]
    _check_partners(data, *places)
    orders = ([at[key] for key in sorted(at)] for at in places)
    a, b = map(_ordered, (one, other), orders)
    return a, b


def _full_key(name: str) -> str:
    return f"{name.partition('/')[0]}/{key_of(name)}"


def _check_partners(data: str, a: Mapping[str, int], b: Mapping[str, int]) -> None:
    lonely = [("A", "B", sorted(a.keys() - b.keys())), ("B", "A", sorted(b.keys() - a.keys()))]
    said = [
        f"{len(names):,} images of {here} have no partner of the same name in {there} (the first is "
        f"{one_line(names[0], 80)})"
        for here, there, names in lonely
        if names
    ]
    if said:
        raise DataError(f"--data {data}: {' and '.join(said)}: {FIX}, or give --task unpaired")


def _ordered(source: Source, positions: Sequence[int]) -> Source:
    """`source` with its images in another order."""
    return Source(
        fingerprint("ordered", source.fingerprint), lambda: source.listing().subset(positions), source.notes
    )


def _half(source: Source, *, right: bool) -> Source:
    """The left or right halves of the images of `source`."""

    def listing() -> Listing:
        whole = source.listing()
        return Listing(whole.names, lambda i: half(whole.read(i), right=right))

    side = "right" if right else "left"
    return Source(fingerprint(side, source.fingerprint), listing, source.notes)


def side_by_side(listing: Listing) -> bool:
    """Whether most of a few images are twice as wide as high: two images side by side."""
    found, other = _few(listing)
    return bool(found) and 2 * len(other) <= len(found)


def _few(listing: Listing) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Widths and heights of a few images, and those among them that are not twice as wide as high."""
    found: list[tuple[int, int]] = []
    for i in range(0, len(listing), max(1, len(listing) // CHECKED)):
        with suppress(Exception):  # broken images are counted when they are decoded
            found.append(sides(listing.read(i)))
    return found, [(w, h) for w, h in found if abs(w / h - 2) > 2 * TOLERANCE]


def _check_halves(data: str, listing: Listing) -> None:
    """Refuse images that are not two side by side."""
    found, other = _few(listing)
    if 2 * len(other) > len(found):
        width, height = other[0]
        raise DataError(
            f"--data {data}: {len(other)} of {len(found)} checked images are not twice as wide as high (the "
            f"first is {width}×{height}), so they are no pairs: {FIX}"
        )


def _aligned(a: ImageSet, b: ImageSet) -> tuple[ImageSet, ImageSet]:
    """The pairs of which both images could be decoded."""
    at = [{_full_key(name): i for i, name in enumerate(each.names)} for each in (a, b)]
    if list(at[0]) == list(at[1]):
        return a, b
    both = [key for key in at[0] if key in at[1]]
    one, other = (torch.tensor([places[key] for key in both], dtype=torch.long) for places in at)
    return a.part(one), b.part(other)
