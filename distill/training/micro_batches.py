"""Micro-batches: parts of a batch whose gradients add up to the gradient of the batch."""

from __future__ import annotations

from distill.errors import TrainingError
from search_spaces import Generator


def check_micro_batch(micro_batch: int, batch_size: int) -> None:
    """Raise TrainingError unless `micro_batch` divides `batch_size`; 0 is the whole batch."""
    if micro_batch < 0 or (micro_batch and batch_size % micro_batch):
        raise TrainingError(
            f"--micro-batch {micro_batch} does not divide the batch of {batch_size}: give a number that does"
        )


def check_batch_statistics(generator: Generator, micro_batch: int, batch_size: int) -> None:
    """Raise TrainingError for micro-batches with a generator that `uses_batch_statistics`."""
    if 0 < micro_batch < batch_size and generator.uses_batch_statistics:
        raise TrainingError(
            f"--micro-batch {micro_batch}: an image of this generator depends on the others of its batch, by "
            "batch normalisation, so micro-batches would change the training: leave it out; for less memory "
            "give a smaller --batch-size"
        )


def micro_batches(batch_size: int, micro_batch: int) -> list[slice]:
    """Slices of a batch, `micro_batch` images each: part `i` of `k` holds the images i, i+k, i+2k, ….

    Discriminators that compare the images of a batch in strided groups (`minibatch_std`) then see the same
    groups in the parts as in the whole, as long as a part holds whole groups.
    """
    count = batch_size // micro_batch if micro_batch else 1
    return [slice(first, None, count) for first in range(count)]
