"""Unpaired images of two domains, A and B."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace

from distill.data.image_set import ImageSet
from distill.data.sources import several
from distill.data.translation.places import DOMAINS, TRANSLATION_FIX, check_folders, folders_of, joined
from distill.data.translation.reading import Format, Reading
from distill.errors import DataError

Parts = Mapping[str, str]
"""Splits of one domain by name, and the place of each."""

GIVEN = {"train": "train", "validation": "val", "test": "test"}
"""Splits, and how the folders of each begin."""


def load_domains(data: str, a: Format, b: Format, reading: Reading) -> tuple[ImageSet, ImageSet]:
    """The images of the domains A and B; names begin with their split.

    Args:
        data: a folder or .zip with `trainA/`, `trainB/`, and perhaps `testA/`, `testB/`; or two sources.
        a: what images of A are decoded to.
        b: what images of B are decoded to.
        reading: all, or a sample.

    Raises:
        DataError: there are no such images, or a domain is empty.
    """
    of_a, of_b = domain_parts(data)
    return (
        _load(data, "A", of_a, a, reading),
        _load(data, "B", of_b, b, reading),
    )


def domain_parts(data: str) -> tuple[Parts, Parts]:
    """Where the splits of the domains A and B lie.

    Raises:
        DataError: there are not two domains.
    """
    sources = several(data)
    if len(sources) > 2:
        raise DataError(f"--data {data} names {len(sources)} sources, for two domains: {TRANSLATION_FIX}")
    if len(sources) == 2:
        for source in sources:
            _check_one_domain(source)
        return {"train": sources[0]}, {"train": sources[1]}
    folders = folders_of(data)
    check_folders(data, folders, DOMAINS, TRANSLATION_FIX)
    for begin in ("val", "test"):
        both = [f"{begin}{domain}" for domain in "AB"]
        if any(name in folders for name in both):
            fix = f"give images of both domains, or move {begin}A/ and {begin}B/ away"
            check_folders(data, folders, both, fix)
    return _parts_of(folders, "A"), _parts_of(folders, "B")


def _check_one_domain(source: str) -> None:
    found = folders_of(source)
    if set(DOMAINS) <= found.keys():
        raise DataError(f"--data: {source} holds two domains itself: give it alone, or {found['trainA']}")


def _parts_of(folders: Mapping[str, str], domain: str) -> Parts:
    return {
        split: folders[f"{begin}{domain}"] for split, begin in GIVEN.items() if f"{begin}{domain}" in folders
    }


def _load(data: str, domain: str, parts: Parts, wanted: Format, reading: Reading) -> ImageSet:
    with ExitStack() as stack:
        name = f"{data} (domain {domain})"
        return replace(reading.images(name, joined(parts, stack), wanted), name=data)
