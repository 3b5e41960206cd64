"""Batch normalisation with running statistics, and the measurement of those that evaluation needs."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.base import Generator
from search_spaces.inputs import Inputs

MOMENTUM = 0.1  # weight of a batch in the running statistics; torch's default
EPSILON = 1e-5  # torch's default
BATCHES = 16
BATCH_SIZE = 64  # suggested for `inputs`


class RunningNorm(nn.Module):
    """Normalise with the statistics of the batch in training, else with the running ones."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, epsilon: float = EPSILON) -> None:
        super().__init__()
        self.epsilon, self.momentum = epsilon, MOMENTUM
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def normalized(self, x: Tensor, gain: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """`x` (N, C, H, W) normalised; then, if given, times `gain` (C,) plus `bias` (C,)."""
        return F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            gain,
            bias,
            self.training,
            self.momentum,
            self.epsilon,
        )


class BatchNorm(RunningNorm):
    """Batch normalisation of maps (N, C, H, W) with scale and shift."""

    def __init__(self, channels: int, epsilon: float = EPSILON) -> None:
        super().__init__(channels, epsilon)
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised by the batch in training mode, by the running statistics in evaluation mode."""
        return self.normalized(x, self.weight, self.bias)

    def scale(self) -> Tensor:
        """Factor of each channel in evaluation mode, `(C,)`."""
        return self.weight * (self.running_var + self.epsilon).rsqrt()


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
