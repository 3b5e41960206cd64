"""Standing statistics: batch-norm statistics of the current weights, measured over fresh inputs."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import torch
from torch import nn

from search_spaces.base import Generator
from search_spaces.inputs import Inputs

BATCHES = 16
BATCH_SIZE = 64  # suggested for `inputs`


@torch.no_grad()
def measure_statistics(generator: Generator, inputs: Iterable[Inputs], batches: int = BATCHES) -> None:
    """Set the running mean and variance of every batch normalisation in `generator`; change nothing else.

    They become the plain means over the first `batches` of `inputs` (the standing statistics of Brock et al.,
    arXiv 1809.11096, section 4.1): those that training leaves behind are of weights that have changed since,
    and averaged weights have none of their own.

    Args:
        generator: on any device, in either mode, which is kept.
        inputs: batches of its inputs, on the CPU.
        batches: at most so many are used; 0 changes nothing.
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
            norm.training = True  # not `.train()`, which would change modules inside it
        for i, batch in enumerate(islice(inputs, batches)):
            for norm in norms:
                norm.momentum = 1 / (i + 1)  # cumulative mean; the first batch replaces old values
            generator.deterministic(*(x.to(device) for x in batch))
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for module, mode in modes.items():
            module.training = mode


def _normalisations(network: nn.Module) -> list[Any]:
    """Modules with running statistics and a momentum: torch's, and ours."""
    known = ("running_mean", "running_var", "momentum")
    return [m for m in network.modules() if all(getattr(m, name, None) is not None for name in known)]
