"""Micro-batches: parts of a batch whose gradients add up to that of the batch, and steps with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from distill.adversarial import Terms
from distill.errors import TrainingError
from distill.tasks import Batch
from distill.training.optimizers import Guard
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


def descend(
    parts: Sequence[Batch],
    terms_of: Callable[[Batch], Terms],
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    guard: Guard | None = None,
) -> Terms:
    """One step down the sum of the terms, each the mean over equal `parts` of a batch.

    A `guard` skips it where it would break the weights.

    Returns:
        The means, without graph.
    """
    optimizer.zero_grad(set_to_none=True)
    if guard is not None:
        guard.before()
    means: Terms = {}
    for batch in parts:
        terms = terms_of(batch)
        first, *others = terms.values()
        torch.autograd.backward(scaler.scale(sum(others, start=first) / len(parts)))
        for name, term in terms.items():
            part = term.detach() / len(parts)
            means[name] = means[name] + part if name in means else part
    if guard is not None:
        guard.check(means, optimizer, scaled=scaler.is_enabled())
    scaler.step(optimizer)
    scaler.update()
    return means
