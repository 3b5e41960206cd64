"""How far long work is: told by what does it, shown by whoever asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from torch import Tensor

OnProgress = Callable[[str, int, int], None]  # what is going on, images done, images in all


def counted(
    batches: Iterable[Tensor], what: str, total: int, on_progress: OnProgress | None
) -> Iterator[Tensor]:
    """`batches` of images as they are; `on_progress` hears after each how many of `total` went by."""
    done = 0
    for batch in batches:
        yield batch
        done += len(batch)
        if on_progress is not None:
            on_progress(what, done, total)
