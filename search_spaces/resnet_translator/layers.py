"""The layers of ResNet translators."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.resnet_translator.architecture import SAMPLING_KERNEL, Block, Padding
from search_spaces.translation import Norm, SeparableConv, has_biases, normalisation


class Padded(nn.Module):
    """Padding that keeps the side, then a convolution."""

    def __init__(self, conv: nn.Conv2d | SeparableConv, kernel: int, padding: Padding) -> None:
        super().__init__()
        self.conv = conv
        self.around = (kernel // 2,) * 4
        self.mode = "reflect" if padding == "reflect" else "constant"

    def padded(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) with the pixels that the kernel needs around it."""
        return F.pad(x, self.around, self.mode)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) ─► (N, C', H, W)."""
        images: Tensor = self.conv(self.padded(x))
        return images


class ConvBlock(nn.Module):
    """A convolution of any kind, normalisation, ReLU."""

    def __init__(self, conv: Padded | nn.Conv2d | nn.ConvTranspose2d, norm: nn.Module) -> None:
        super().__init__()
        self.conv, self.norm = conv, norm

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) ─► (N, C', H', W')."""
        return F.relu(self.norm(self.conv(x)))


class ResidualBlock(nn.Module):
    """Two convolutions with normalisation, added to their input."""

    def __init__(self, trunk: int, block: Block, kernel: int, norm: Norm, padding: Padding) -> None:
        super().__init__()
        conv = SeparableConv if block.kind == "separable" else _dense
        self.conv1 = Padded(conv(trunk, block.channels, kernel, norm), kernel, padding)
        self.norm1 = normalisation(norm, block.channels)
        self.conv2 = Padded(conv(block.channels, trunk, kernel, norm), kernel, padding)
        self.norm2 = normalisation(norm, trunk)

    def inside(self, x: Tensor) -> Tensor:
        """What the second convolution reads, (N, channels, H, W), for `x` (N, trunk, H, W)."""
        return F.relu(self.norm1(self.conv1(x)))

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, trunk, H, W) ─► the same shape."""
        images: Tensor = x + self.norm2(self.conv2(self.inside(x)))
        return images


def stem(inside: int, out: int, kernel: int, norm: Norm, padding: Padding) -> ConvBlock:
    """The first convolution."""
    conv = _dense(inside, out, kernel, norm)
    return ConvBlock(Padded(conv, kernel, padding), normalisation(norm, out))


def halving(inside: int, out: int, norm: Norm) -> ConvBlock:
    """A convolution of stride 2."""
    conv = nn.Conv2d(inside, out, SAMPLING_KERNEL, stride=2, padding=1, bias=has_biases(norm))
    return ConvBlock(conv, normalisation(norm, out))


def doubling(inside: int, out: int, norm: Norm) -> ConvBlock:
    """A transposed convolution of stride 2."""
    conv = nn.ConvTranspose2d(
        inside, out, SAMPLING_KERNEL, stride=2, padding=1, output_padding=1, bias=has_biases(norm)
    )
    return ConvBlock(conv, normalisation(norm, out))


def _dense(inside: int, out: int, kernel: int, norm: Norm) -> nn.Conv2d:
    return nn.Conv2d(inside, out, kernel, bias=has_biases(norm))
