"""The layers of U-Net translators."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.translation import Norm, has_biases, normalisation
from search_spaces.unet_translator.architecture import KERNEL, Kind

SLOPE = 0.2  # of leaky ReLU for negative values
DROPOUT = 0.5  # part of the values that are set to 0 in training

STRIDED: dict[str, Any] = {"kernel_size": KERNEL, "stride": 2, "padding": 1}


class Down(nn.Module):
    """LeakyReLU, a convolution that halves the side, normalisation."""

    def __init__(self, inside: int, out: int, kind: Kind, norm: Norm, *, first: bool, last: bool) -> None:
        super().__init__()
        self.first = first
        bias = has_biases(norm)
        self.conv = (
            nn.Conv2d(inside, out, **STRIDED, bias=bias)
            if kind == "dense"
            else SeparableDown(inside, out, bias=bias)
        )
        self.norm = normalisation("none" if first or last else norm, out)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) ─► (N, C', H/2, W/2); the first level reads images as they are."""
        images: Tensor = self.norm(self.conv(x if self.first else F.leaky_relu(x, SLOPE)))
        return images


class Up(nn.Module):
    """ReLU, a transposed convolution that doubles the side, normalisation, dropout."""

    def __init__(self, inside: int, out: int, kind: Kind, norm: Norm, *, first: bool, dropout: bool) -> None:
        super().__init__()
        bias = has_biases(norm) or first
        self.conv = (
            nn.ConvTranspose2d(inside, out, **STRIDED, bias=bias)
            if kind == "dense"
            else SeparableUp(inside, out, bias=bias)
        )
        self.norm = normalisation("none" if first else norm, out)
        self.dropout = nn.Dropout(DROPOUT if dropout else 0.0)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) ─► (N, C', 2H, 2W)."""
        images: Tensor = self.dropout(self.norm(self.conv(F.relu(x))))
        return images


class SeparableDown(nn.Module):
    """A depthwise convolution of stride 2, then a pointwise one."""

    def __init__(self, inside: int, out: int, *, bias: bool) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inside, inside, **STRIDED, groups=inside, bias=False)
        self.pointwise = nn.Conv2d(inside, out, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) ─► (N, C', H/2, W/2)."""
        images: Tensor = self.pointwise(self.depthwise(x))
        return images


class SeparableUp(nn.Module):
    """A pointwise convolution, then a transposed depthwise one of stride 2: cheapest in this order."""

    def __init__(self, inside: int, out: int, *, bias: bool) -> None:
        super().__init__()
        self.pointwise = nn.Conv2d(inside, out, 1, bias=False)
        self.depthwise = nn.ConvTranspose2d(out, out, **STRIDED, groups=out, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) ─► (N, C', 2H, 2W)."""
        images: Tensor = self.depthwise(self.pointwise(x))
        return images
