"""Normalisation as public translators have it: by instance without scale and shift, by batch with both."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.batch_statistics import EPSILON, BatchNorm

Norm = Literal["instance", "batch", "none"]

NORM_MACS: dict[Norm, int] = {"instance": 4, "batch": 2, "none": 0}
"""MACs of one value as fvcore counts them in evaluation mode."""

NORM_PARAMS: dict[Norm, int] = {"instance": 0, "batch": 2, "none": 0}
"""Parameters of one channel."""


class InstanceNorm(nn.Module):
    """Normalise every channel of every image by itself (Ulyanov et al., arXiv 1607.08022)."""

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) ─► the same shape."""
        return F.instance_norm(x, eps=EPSILON)


def normalisation(norm: Norm, channels: int) -> nn.Module:
    """A layer (N, channels, H, W) ─► the same shape."""
    if norm == "batch":
        return BatchNorm(channels)
    return InstanceNorm() if norm == "instance" else nn.Identity()


def has_biases(norm: Norm) -> bool:
    """Whether convolutions in front of the normalisation have biases, as in the public code."""
    return norm == "instance"


def inherit_norm(source: nn.Module, target: nn.Module, channels: Tensor) -> None:
    """Copy scale, shift and running statistics of some channels, where there are any."""
    if isinstance(source, BatchNorm) and isinstance(target, BatchNorm):
        for name, tensor in target.state_dict(keep_vars=True).items():
            tensor.copy_(getattr(source, name)[channels])
