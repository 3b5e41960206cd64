"""Batch normalisation whose gain and bias follow from class and latent (Brock et al., arXiv 1809.11096)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_spaces.batch_statistics import RunningNorm
from search_spaces.biggan.layers import Embedding, SpectralLinear


class BatchNorm(RunningNorm):
    """Batch normalisation with one gain and one bias per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.gain = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) ─► the same shape."""
        return self.normalized(x, self.gain, self.bias)


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation with a gain and a bias for every sample, linear in its condition.

    The condition is a shared class embedding with a chunk of `z`, or else a one-hot label.
    """

    def __init__(self, channels: int, condition_dim: int, *, shared: bool) -> None:
        super().__init__()
        self.batch = RunningNorm(channels)  # a layer of its own: its mode may differ from that of the others
        self.gain: nn.Module
        self.bias: nn.Module
        if shared:
            self.gain = SpectralLinear(condition_dim, channels, bias=False)
            self.bias = SpectralLinear(condition_dim, channels, bias=False)
        else:
            self.gain, self.bias = Embedding(condition_dim, channels), Embedding(condition_dim, channels)

    def scale_and_shift(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Gain and bias, (N, C) each, of `condition` (N, D)."""
        return 1 + self.gain(condition), self.bias(condition)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """`x` (N, C, H, W), `condition` (N, D) ─► (N, C, H, W)."""
        gain, bias = self.scale_and_shift(condition)
        return self.batch.normalized(x) * gain[:, :, None, None] + bias[:, :, None, None]
