"""Batch normalisation with running statistics and any gain and bias, without torch's batch counter."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MOMENTUM = 0.1  # weight of a batch in the running statistics; torch's default
EPSILON = 1e-5  # torch's default


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
