"""Load `--data`: list, check, decode and cache images."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch

from distill.data.builtin import DIGITS, load_digits_set
from distill.data.cache import Contents, find, store
from distill.data.decoding import RULE, in_colours, sides
from distill.data.image_set import GREY_CHECK, ImageSet, Pixels, pixel_digest
from distill.data.labels import check_classes, check_labels
from distill.data.reading import decode_all
from distill.data.sources import FIX, Listing, Source, open_source
from distill.data.sources.base import fingerprint
from distill.errors import DataError
from distill.progress import OnProgress
from search_spaces import count_of

MIN_IMAGES = 32
MAX_BROKEN = 0.01  # fraction of the images
SAMPLE = 1_000  # images of a source that are checked
FEWEST_IN_A_BATCH = 4  # that is worth to be suggested: minibatch standard deviation takes groups of four
LEAST_HELD_OUT = 4  # images: precision and recall look at third neighbours


def load_images(
    source: str | Path | None,
    resolution: int,
    channels: int,
    *,
    classes: int = 0,
    cache: Path | None = None,
    on_progress: OnProgress | None = None,
) -> ImageSet:
    """Load `source` as `(N, channels, resolution, resolution)`, uint8; `channels` is 1 or 3.

    `source` is `None` or `"digits"`, a folder, a .zip, an idx file or `"torchvision:NAME"`. Images come in
    the order of their names, decoded by the rule of `decoding.py`. An image that can't be used is left out
    and named in `skipped`; so are more, up to 1 % of all. Labels come along where the source has them; images
    that have not as many `classes` are refused before any is decoded (0 takes all).

    With `cache`, a folder, what was decoded is kept there, and mapped into memory from there the next time.
    `on_progress` receives the number of decoded images and of all; it is not called for cached images.

    Raises:
        DataError: `source` is unavailable, holds no images, fewer than `MIN_IMAGES`, too many broken ones,
            mostly too small ones or other `classes`; or `cache` can't be written.
    """
    _check_shape(resolution, channels)
    if source is None or source == DIGITS:
        images = load_digits_set(resolution, channels)
    else:
        with ExitStack() as stack:
            opened = open_source(str(source), stack, download=True)
            images = read_source(
                str(source),
                opened,
                resolution,
                channels,
                classes=classes,
                cache=cache,
                on_progress=on_progress,
            )
    check_labels(images, classes)
    return images


def read_source(
    name: str,
    source: Source,
    resolution: int,
    channels: int,
    *,
    classes: int = 0,
    cache: Path | None = None,
    on_progress: OnProgress | None = None,
) -> ImageSet:
    """The images of an open `source`, which messages call `name`; as `load_images`.

    Raises:
        DataError: as `load_images`.
    """
    if cache is None:
        listing = _listing(name, source, resolution, classes)
        images = _in_memory(name, listing, resolution, channels, on_progress)
    else:
        images = _on_disk(name, source, resolution, channels, classes, cache, on_progress)
    return replace(images, notes=source.notes)


def sample_images(source: str | Path | None, resolution: int, channels: int) -> ImageSet:
    """At most `SAMPLE` images of `source`, evenly spread; writes and downloads nothing.

    Raises:
        DataError: as `load_images`, for what these images show.
    """
    _check_shape(resolution, channels)
    if source is None or source == DIGITS:
        return load_digits_set(resolution, channels)
    with ExitStack() as stack:
        opened = open_source(str(source), stack, download=False)
        return sample_source(str(source), opened, resolution, channels)


def sample_source(name: str, source: Source, resolution: int, channels: int) -> ImageSet:
    """At most `SAMPLE` images of an open `source`, which messages call `name`; as `sample_images`.

    Raises:
        DataError: as `sample_images`.
    """
    listing = _listing(name, source, resolution)
    sample = listing.subset(_spread(len(listing)))
    found = len(listing) if len(listing) > SAMPLE else None
    images = _in_memory(name, sample, resolution, channels, found=found)
    return replace(images, notes=source.notes)


def check_batch(data: ImageSet, batch_size: int) -> None:
    """Refuse images that are fewer than a batch: it would show some of them twice.

    Raises:
        DataError: with both numbers.
    """
    if data.count < batch_size:
        apart, fixes = ("", ["more images"])
        if data.rows is not None:
            apart, fixes = " beside the held-out ones", [*fixes, "a smaller --held-out"]
        if data.count >= FEWEST_IN_A_BATCH:
            fixes.append(f"--batch-size {data.count} or less")
        raise DataError(
            f"--data {data.name} has {count_of(data.count, 'image')} to train on{apart}, fewer than a batch "
            f"of {batch_size}: give {', or '.join(fixes)}"
        )


def check_held_out(data: ImageSet, fraction: float) -> None:
    """Refuse held-out images that are too few for the metrics of finalists; `data` is the held-out part.

    Raises:
        DataError: with both numbers.
    """
    if data.count < LEAST_HELD_OUT:
        raise DataError(
            f"--held-out {fraction:g} of --data {data.name} is {count_of(data.count, 'image')}, and "
            f"precision and recall need at least {LEAST_HELD_OUT}, better thousands: give more images, or "
            "--held-out 0"
        )


def _check_shape(resolution: int, channels: int) -> None:
    if channels not in (1, 3):
        raise DataError(f"images have 1 (grey) or 3 (RGB) channels, not {channels}: use another teacher")
    if resolution < 1:
        raise DataError(f"the resolution is {resolution}: give a positive number of pixels")


def _listing(name: str, source: Source, resolution: int, classes: int = 0) -> Listing:
    """The images of `source`; raises DataError where they are missing, too small, or of other classes."""
    listing = source.listing()
    if not listing.names:
        others = f" (left out: {'; '.join(source.notes)})" if source.notes else ""
        raise DataError(f"{name} holds no images{others}: {FIX}")
    check_classes(name, listing.labels, classes, listing.unlabelled)
    shorter: list[int] = []
    for position in _spread(len(listing)):
        with suppress(Exception):  # broken images are counted when they are decoded
            shorter.append(min(sides(listing.read(position))))
    small = sum(side < resolution for side in shorter)
    if 2 * small > len(shorter):
        raise DataError(
            f"{name}: {small} of {len(shorter)} checked images are below the resolution of {resolution} px"
            f" (typically {median(shorter):.0f}, at most {max(shorter)} px along the shorter side): give "
            "larger images, a teacher of fewer pixels, or a translator a smaller --resolution"
        )
    return listing


def _spread(count: int) -> list[int]:
    """At most `SAMPLE` of `count` positions, evenly spread."""
    return list(range(count)) if count <= SAMPLE else [i * count // SAMPLE for i in range(SAMPLE)]


def _in_memory(
    name: str,
    listing: Listing,
    resolution: int,
    channels: int,
    on_progress: OnProgress | None = None,
    found: int | None = None,
) -> ImageSet:
    pixels = np.empty((len(listing), channels, resolution, resolution), np.uint8)
    rows = iter(pixels)
    contents = _decode(
        name, listing, resolution, channels, lambda image: np.copyto(next(rows), image), on_progress
    )
    pixels = pixels[: len(listing) - len(contents.skipped)]
    labels = contents.labels
    return ImageSet(
        name,
        torch.from_numpy(pixels),
        pixel_digest(pixels),
        contents.skipped,
        torch.from_numpy(labels.values) if labels else None,
        labels.classes if labels else (),
        found,
        contents.from_colours,
        contents.unlabelled,
        names=contents.names,
    )


def _on_disk(
    name: str,
    source: Source,
    resolution: int,
    channels: int,
    classes: int,
    cache: Path,
    on_progress: OnProgress | None,
) -> ImageSet:
    """The images in `cache`; decodes them into it first if they are missing."""
    key = fingerprint(source.fingerprint, RULE, resolution, channels)[:32]
    images = find(cache, key, name)
    if images is None:
        listing = _listing(name, source, resolution, classes)
        store(
            cache,
            key,
            (channels, resolution, resolution),
            len(listing),
            lambda keep: _decode(name, listing, resolution, channels, keep, on_progress),
        )
        images = find(cache, key, name)
    if images is None:
        raise DataError(f"{cache / key} was removed while it was in use: try again")
    return images


def _decode(
    name: str,
    listing: Listing,
    resolution: int,
    channels: int,
    keep: Callable[[Pixels], object],
    on_progress: OnProgress | None,
) -> Contents:
    """Decode all of `listing`; raises DataError where too few images are usable."""
    outcome = decode_all(listing, resolution, channels, keep, on_progress)
    skipped = outcome.skipped
    if len(skipped) > max(1, MAX_BROKEN * len(listing)):
        raise DataError(
            f"{name}: {len(skipped)} of {len(listing)} images can't be used (the first is {skipped[0]}):"
            " repair or remove them"
        )
    if len(outcome.kept) < MIN_IMAGES:
        raise DataError(
            f"{name} holds {count_of(len(outcome.kept), 'image')} that can be used: "
            f"give at least {MIN_IMAGES}"
        )
    labels = listing.labels and listing.labels.of(outcome.kept)
    names = tuple(listing.names[i] for i in outcome.kept)
    return Contents(skipped, labels, channels == 1 and _in_colours(listing), names, listing.unlabelled)


def _in_colours(listing: Listing) -> bool:
    """Whether one of the first images has colours."""
    for position in range(min(GREY_CHECK, len(listing))):
        with suppress(Exception):  # broken images were reported when they were decoded
            if in_colours(listing.read(position)):
                return True
    return False
