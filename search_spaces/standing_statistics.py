"""Statistics of batch normalisation that belong to the present weights: means over freshly drawn inputs."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import torch
from torch import nn

from search_spaces.base import Generator
from search_spaces.inputs import Inputs

BATCHES = 16
BATCH_SIZE = 64  # that suits them


@torch.no_grad()
def measure_statistics(generator: Generator, inputs: Iterable[Inputs], batches: int = BATCHES) -> None:
    """Set the running mean and variance of every batch normalisation in `generator`, and nothing else.

    They become the plain means over the first `batches` of `inputs` (the standing statistics of Brock et al.,
    arXiv 1809.11096, section 4.1): those that training leaves behind are of weights that have changed since,
    and averaged weights have none of their own.

    Args:
        generator: on any device, in either mode; it is left in the mode it was in.
        inputs: batches of its inputs, on the CPU.
        batches: how many are used, at most; 0 leaves everything as it is.
    """
    norms = _normalisations(generator)
    if not norms:
        return
    device = next(generator.parameters()).device
    modes = {module: module.training for module in generator.modules()}
    momenta = [norm.momentum for norm in norms]
    generator.eval()
    try:
        for norm in norms:
            norm.training = True  # of itself alone: modules inside it stay as they are
        for i, batch in enumerate(islice(inputs, batches)):
            for norm in norms:
                norm.momentum = 1 / (i + 1)  # the mean so far: what was there before weighs nothing
            generator.deterministic(*(x.to(device) for x in batch))
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for module, mode in modes.items():
            module.training = mode


def _normalisations(network: nn.Module) -> list[Any]:
    """The modules that keep running statistics with a momentum: torch's own, and those that work alike."""
    known = ("running_mean", "running_var", "momentum")
    return [m for m in network.modules() if all(getattr(m, name, None) is not None for name in known)]
