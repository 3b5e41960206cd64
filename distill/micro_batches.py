"""A batch worked off in parts, whose gradients add up to those of the whole."""

from __future__ import annotations

from torch import Tensor

from distill.errors import TrainingError


def check_micro_batch(micro_batch: int, batch_size: int) -> None:
    """Raise TrainingError unless `micro_batch` divides `batch_size`; 0 is the whole batch."""
    if micro_batch < 0 or (micro_batch and batch_size % micro_batch):
        raise TrainingError(
            f"--micro-batch {micro_batch} does not divide the batch of {batch_size}: give a number that does"
        )


def parts(batch_size: int, micro_batch: int) -> list[slice]:
    """The parts of a batch, `micro_batch` images each: part `i` of `k` holds the images i, i+k, i+2k, ….

    Discriminators that compare the images of a batch in strided groups (`minibatch_std`) then see the same
    groups in the parts as in the whole, as long as a part holds whole groups.
    """
    count = batch_size // micro_batch if micro_batch else 1
    return [slice(first, None, count) for first in range(count)]


def cut(tensors: tuple[Tensor, ...], part: slice) -> tuple[Tensor, ...]:
    """One part of each of `tensors`, along their first dimension."""
    return tuple(tensor[part] for tensor in tensors)
