"""The layers of StarGAN's generator: no convolution has a bias, every one but the last is normalised."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.stargan.architecture import BLOCK_KERNEL, BlockKind


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A zero-padded convolution that divides sizes by `stride`."""
    padding = (kernel - stride) // 2
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)


def enlarging(inputs: int, outputs: int, kernel: int) -> nn.ConvTranspose2d:
    """A transposed convolution that doubles sizes."""
    return nn.ConvTranspose2d(inputs, outputs, kernel, 2, (kernel - 2) // 2, bias=False)


def instance_norm(channels: int) -> nn.InstanceNorm2d:
    """Normalisation of every channel of every image by itself, in evaluation too; then scale and shift."""
    return nn.InstanceNorm2d(channels, affine=True)


class NormalizedConv(nn.Module):
    """A convolution, ordinary or transposed, instance normalisation, ReLU."""

    def __init__(self, map: nn.Conv2d | nn.ConvTranspose2d) -> None:
        super().__init__()
        self.map = map
        self.norm = instance_norm(map.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.map(x)))


class SeparableConv(nn.Module):
    """A depthwise convolution, then a 1×1 convolution; nothing in between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = convolution(channels, channels, BLOCK_KERNEL, groups=channels)
        self.pointwise = convolution(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) ─► (N, C, H, W)."""
        y: Tensor = self.pointwise(self.depthwise(x))
        return y


class ResidualBlock(nn.Module):
    """Two normalised convolutions beside the identity, ReLU in between; none after the sum."""

    def __init__(self, channels: int, kind: BlockKind) -> None:
        super().__init__()
        self.conv1, self.conv2 = _block_convolution(channels, kind), _block_convolution(channels, kind)
        self.norm1, self.norm2 = instance_norm(channels), instance_norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) ─► (N, C, H, W)."""
        y: Tensor = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return x + y


def _block_convolution(channels: int, kind: BlockKind) -> nn.Conv2d | SeparableConv:
    return SeparableConv(channels) if kind == "separable" else convolution(channels, channels, BLOCK_KERNEL)


class Skip(nn.Module):
    """Joins the encoder's map of a size to the decoder's by a 1×1 convolution.

    It starts as the identity of the decoder's map, so that adding it to a trained network changes nothing.
    """

    def __init__(self, encoded: int, decoded: int) -> None:
        super().__init__()
        self.map = convolution(decoded + encoded, decoded, 1)
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Become the identity of the decoder's map."""
        self.map.weight.zero_()
        self.map.weight[:, : self.map.out_channels, 0, 0].fill_diagonal_(1.0)

    def forward(self, decoded: Tensor, encoded: Tensor) -> Tensor:
        """Maps (N, decoded, H, W) and (N, encoded, H, W) ─► (N, decoded, H, W)."""
        joined: Tensor = self.map(torch.cat([decoded, encoded], dim=1))
        return joined
