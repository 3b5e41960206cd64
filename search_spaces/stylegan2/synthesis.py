"""Synthesis blocks from styles to images, one per resolution, with skip RGB outputs.

Modulation scales activations instead of weights (`x·s → conv → ·d`), which is the same function without a
grouped convolution per sample, so that every multiply is seen by fvcore and ONNX.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.precision import full_precision
from search_spaces.stylegan2.architecture import Block, GeneratorArchitecture
from search_spaces.stylegan2.layers import EqualizedLinear, blur, blur_filter, clamp, leaky_relu

NoiseMode = Literal["random", "const", "none"]

DEMODULATION_EPS = 1e-8


class ModulatedConv(nn.Module):
    """A convolution whose input channels are scaled by styles and whose output variance is made one again.

    A separable one is a pointwise convolution and then a depthwise one (BSConv-U, Haase and Amthor 2020), so
    that a full kernel's best rank-1 approximation per output channel is a good start for it.
    """

    filter: Tensor

    def __init__(self, in_channels: int, block: Block, *, up: bool) -> None:
        super().__init__()
        self.separable = block.kind == "separable"
        self.kernel, self.up = block.kernel, up
        if self.separable:
            self.weight = nn.Parameter(torch.randn(block.channels, in_channels, 1, 1))
            self.depthwise = nn.Parameter(torch.randn(block.channels, 1, block.kernel, block.kernel))
        else:
            self.weight = nn.Parameter(torch.randn(block.channels, in_channels, block.kernel, block.kernel))
        if up:
            self.register_buffer("filter", blur_filter(gain=4.0), persistent=False)

    def forward(self, x: Tensor, styles: Tensor) -> Tensor:
        """`x` (N, in_channels, H, W), `styles` (N, in_channels) ─► (N, channels, H, W), doubled if `up`."""
        x = x * styles[:, :, None, None]
        if self.separable:
            x = self._spatial(F.conv2d(x, self.weight), self.depthwise, groups=len(self.weight))
        else:
            x = self._spatial(x, self.weight, groups=1)
        return x * self._demodulation(styles.float())[:, :, None, None].to(x.dtype)

    def _spatial(self, x: Tensor, weight: Tensor, groups: int) -> Tensor:
        if not self.up:
            return F.conv2d(x, weight, padding=self.kernel // 2, groups=groups)
        transposed = weight if groups > 1 else weight.transpose(0, 1)
        x = F.conv_transpose2d(x, transposed, stride=2, groups=groups)
        pad = (5 - self.kernel) // 2  # brings 2·(h-1) + kernel back to 2·h after the 4-tap filter
        return blur(x, self.filter, (pad, pad))

    def _demodulation(self, styles: Tensor) -> Tensor:
        """`1 / σ` of every output channel, `(N, O)`, for inputs of unit variance."""
        power = self.weight.square().sum(dim=(2, 3))
        if self.separable:
            power = power * self.depthwise.square().sum(dim=(1, 2, 3))[:, None]
        return ((styles.square()[:, None, :] * power).sum(dim=2) + DEMODULATION_EPS).rsqrt()


class StyledConv(nn.Module):
    """Style ─► modulated convolution ─► noise ─► bias ─► leaky ReLU."""

    noise_const: Tensor

    def __init__(
        self,
        in_channels: int,
        block: Block,
        style_dim: int,
        resolution: int,
        *,
        up: bool,
        limit: float | None = None,
    ) -> None:
        super().__init__()
        self.limit = limit
        self.affine = EqualizedLinear(style_dim, in_channels, bias=1.0)
        self.conv = ModulatedConv(in_channels, block, up=up)
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(block.channels))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))

    def forward(self, x: Tensor, w: Tensor, noise: NoiseMode) -> Tensor:
        """`x` (N, in_channels, H, W), styles `w` (N, style_dim) ─► (N, channels, R, R), R the resolution."""
        x = self.conv(x, self.affine(w))
        if noise == "random":
            x = x + self.noise_strength * torch.randn_like(x[:, :1])
        elif noise == "const":
            x = x + self.noise_strength * self.noise_const
        return clamp(leaky_relu(x + self.bias[:, None, None].to(x.dtype)), self.limit)


class ToRGB(nn.Module):
    """A modulated 1×1 convolution without demodulation, from features to image channels."""

    def __init__(
        self, in_channels: int, image_channels: int, style_dim: int, limit: float | None = None
    ) -> None:
        super().__init__()
        self.limit = limit
        self.affine = EqualizedLinear(style_dim, in_channels, bias=1.0)
        self.weight = nn.Parameter(torch.randn(image_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(image_channels))
        self.gain = 1 / math.sqrt(in_channels)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Features (N, in_channels, R, R) and styles `w` (N, style_dim) ─► (N, image_channels, R, R)."""
        styles = self.affine(w) * self.gain
        return clamp(F.conv2d(x * styles[:, :, None, None], self.weight, self.bias), self.limit)


class SynthesisBlock(nn.Module):
    """The convolutions of one resolution and its RGB output, added to the up-sampled image so far."""

    filter: Tensor

    def __init__(
        self, in_channels: int, block: Block, resolution: int, architecture: GeneratorArchitecture
    ) -> None:
        super().__init__()
        first, style_dim, limit = resolution == 4, architecture.style_dim, architecture.conv_clamp
        widths = [in_channels] + [block.channels] * (block.convs - 1)
        self.convs: Any = nn.ModuleList(
            StyledConv(width, block, style_dim, resolution, up=not first and i == 0, limit=limit)
            for i, width in enumerate(widths)
        )
        self.to_rgb = ToRGB(block.channels, architecture.image_channels, style_dim, limit)
        self.register_buffer("filter", blur_filter(gain=4.0), persistent=False)

    def forward(
        self, x: Tensor, image: Tensor | None, styles: Sequence[Tensor], noise: NoiseMode
    ) -> tuple[Tensor, Tensor]:
        """Features and the image so far, at half this resolution, ─► both at this one, the image float32.

        The 4 px block takes features of its own size, and no image. `styles` (N, style_dim) are those of the
        convolutions and of the RGB output, in this order.
        """
        *of_convs, of_rgb = styles
        for conv, w in zip(self.convs, of_convs, strict=True):
            x = conv(x, w, noise)
        rgb = self.to_rgb(x, of_rgb).float()  # the image is summed up in full precision
        return x, rgb if image is None else rgb + self._upsample(image)

    def _upsample(self, image: Tensor) -> Tensor:
        n, c, h, w = image.shape
        # zeros after each pixel; Core ML and LiteRT know no more than five dimensions
        spread = F.pad(image.reshape(n * c, h, 1, w, 1), (0, 1, 0, 0, 0, 1))
        with full_precision(image):
            return blur(spread.reshape(n, c, 2 * h, 2 * w), self.filter, (2, 1))
