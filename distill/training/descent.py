"""One step of an optimizer, with the gradients of micro-batches added up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from distill.adversarial import Terms
from distill.tasks import Batch


def descend(
    parts: Sequence[Batch],
    terms_of: Callable[[Batch], Terms],
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
) -> Terms:
    """One step down the sum of the terms, each the mean over equal `parts` of a batch.

    Returns:
        The means, without graph.
    """
    optimizer.zero_grad(set_to_none=True)
    means: Terms = {}
    for batch in parts:
        terms = terms_of(batch)
        first, *others = terms.values()
        torch.autograd.backward(scaler.scale(sum(others, start=first) / len(parts)))
        for name, term in terms.items():
            part = term.detach() / len(parts)
            means[name] = means[name] + part if name in means else part
    scaler.step(optimizer)
    scaler.update()
    return means
