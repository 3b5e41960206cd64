"""Decode all images of a listing, on all cores, in order."""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from distill.data.decoding import UnusableImageError, damage, decode
from distill.data.image_set import Pixels
from distill.data.sources import Listing
from distill.progress import OnProgress
from search_spaces import one_line

CHUNK = 32  # images that a thread decodes at a time
DECODING = "Decoding images, once"


@dataclass(frozen=True)
class Outcome:
    """Images that were decoded, and images that were left out."""

    kept: tuple[int, ...]  # positions in the listing
    skipped: tuple[str, ...]  # names, with the reason


def decode_all(
    listing: Listing,
    resolution: int,
    channels: int,
    keep: Callable[[Pixels], object],
    on_progress: OnProgress | None = None,
) -> Outcome:
    """Hand every image that can be decoded to `keep`, one after another, in the order of `listing`.

    Threads, not processes: Pillow lets go of Python's lock while it decodes and resizes, and what it made
    need not be sent anywhere. Little more than what is being decoded is held in memory.
    """
    kept: list[int] = []
    skipped: list[str] = []
    for position, result in enumerate(_results(listing, resolution, channels)):
        if isinstance(result, str):
            skipped.append(f"{one_line(listing.names[position])}: {result}")
        else:
            keep(result)
            kept.append(position)
        if on_progress is not None and ((position + 1) % CHUNK == 0 or position + 1 == len(listing)):
            on_progress(DECODING, position + 1, len(listing))
    return Outcome(tuple(kept), tuple(skipped))


def _results(listing: Listing, resolution: int, channels: int) -> Iterator[Pixels | str]:
    """Pixels of each image, or why there are none."""

    def decode_one(position: int) -> Pixels | str:
        try:
            return decode(listing.read(position), resolution, channels)
        except UnusableImageError as error:
            return str(error)
        except Exception as error:  # of a damaged archive
            return damage(error)

    def decode_chunk(start: int) -> list[Pixels | str]:
        return [decode_one(i) for i in range(start, min(start + CHUNK, len(listing)))]

    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    starts = iter(range(0, len(listing), CHUNK))
    waiting: deque[Future[list[Pixels | str]]] = deque()
    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        warnings.simplefilter("ignore")  # oversized images are refused, odd metadata doesn't matter
        while True:
            waiting.extend(pool.submit(decode_chunk, s) for s in islice(starts, 2 * threads - len(waiting)))
            if not waiting:
                return
            yield from waiting.popleft().result()
