"""Layers of StyleGAN2's generator and discriminator (Karras et al., arXiv 1912.04958).

Weights are stored with unit variance and scaled when used (equalised learning rate), as in the public
checkpoints.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def leaky_relu(x: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2 with the gain √2 that keeps the variance."""
    return F.leaky_relu(x, 0.2) * math.sqrt(2)


def clamp(x: Tensor, limit: float | None) -> Tensor:
    """`x` clamped to ± `limit`; unchanged without a limit."""
    return x if limit is None else x.clamp(-limit, limit)


def normalize(x: Tensor) -> Tensor:
    """Vectors (N, D) scaled to a mean square of one."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


def blur_filter(gain: float) -> Tensor:
    """The 4×4 binomial filter [1, 3, 3, 1]², its sum being `gain`."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    filter_ = torch.outer(taps, taps)
    return filter_ * (gain / filter_.sum())


def blur(x: Tensor, filter_: Tensor, pad: tuple[int, int], stride: int = 1) -> Tensor:
    """Filter every channel of `x` by `filter_` after padding `pad` = (before, after) zeros on both axes.

    `x` is (N, C, H, W), `filter_` (4, 4).
    """
    channels = x.shape[1]
    weight = filter_.to(x.dtype).expand(channels, 1, 4, 4)
    if pad[0] == pad[1]:
        return F.conv2d(x, weight, padding=pad[0], stride=stride, groups=channels)
    return F.conv2d(F.pad(x, (pad[0], pad[1], pad[0], pad[1])), weight, stride=stride, groups=channels)


class EqualizedLinear(nn.Module):
    """A linear layer whose weight is stored with unit variance and scaled by `lr_multiplier / sqrt(in)`."""

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, lr_multiplier: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), bias / lr_multiplier))
        self.gain = lr_multiplier / math.sqrt(inputs)
        self.lr_multiplier = lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        """`x` (…, inputs) ─► (…, outputs)."""
        return F.linear(x, self.weight * self.gain, self.bias * self.lr_multiplier)


class EqualizedConv(nn.Module):
    """A convolution with equalised learning rate; with `down`, blurred and strided by two."""

    filter: Tensor

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, *, down: bool = False, bias: bool = True
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.gain = 1 / math.sqrt(in_channels * kernel**2)
        self.kernel, self.down = kernel, down
        if down:
            self.register_buffer("filter", blur_filter(gain=1.0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) ─► (N, out_channels, H, W); half the height and width with `down`."""
        weight = self.weight * self.gain
        if not self.down:
            return F.conv2d(x, weight, self.bias, padding=self.kernel // 2)
        pad = (self.kernel + 1) // 2
        if (
            self.kernel == 1
        ):  # a pointwise convolution may follow the stride: the blur computes only what is kept
            return F.conv2d(blur(x, self.filter, (pad, pad), stride=2), weight, self.bias)
        return F.conv2d(blur(x, self.filter, (pad, pad)), weight, self.bias, stride=2)
