"""StyleGAN2's residual discriminator."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from search_spaces.base import Discriminator
from search_spaces.chain import outputs
from search_spaces.precision import full_precision
from search_spaces.stylegan2.architecture import DiscriminatorArchitecture
from search_spaces.stylegan2.layers import EqualizedConv, EqualizedLinear, clamp, leaky_relu
from search_spaces.stylegan2.mapping import MappingNetwork


class DiscriminatorBlock(nn.Module):
    """Two convolutions beside a strided 1×1 shortcut; halves the resolution."""

    def __init__(self, in_channels: int, out_channels: int, limit: float | None = None) -> None:
        super().__init__()
        self.limit = limit
        self.conv1 = EqualizedConv(in_channels, in_channels, 3)
        self.conv2 = EqualizedConv(in_channels, out_channels, 3, down=True)
        self.skip = EqualizedConv(in_channels, out_channels, 1, down=True, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, in_channels, H, W) ─► (N, out_channels, H/2, W/2)."""
        y = clamp(leaky_relu(self.conv2(clamp(leaky_relu(self.conv1(x)), self.limit))), self.limit)
        shortcut: Tensor = self.skip(x)
        return (y + shortcut) / math.sqrt(2)


class StyleGAN2Discriminator(Discriminator):
    """Images (N, C, R, R), and one-hot labels where there are classes ─► logits (N,)."""

    architecture: DiscriminatorArchitecture

    def __init__(self, architecture: DiscriminatorArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        widths = architecture.channels[::-1]  # finest first
        last, self.limit = widths[-1], architecture.conv_clamp
        self.from_rgb = EqualizedConv(architecture.image_channels, widths[0], 1)
        self.blocks = nn.ModuleList(
            DiscriminatorBlock(wide, narrow, self.limit) for wide, narrow in pairwise(widths)
        )
        self.conv = EqualizedConv(last + 1, last, 3)
        self.fc = EqualizedLinear(last * 16, last)
        self.out = EqualizedLinear(last, last if architecture.classes else 1)
        self.mapping = (
            MappingNetwork(0, last, architecture.mapping_layers, architecture.classes)
            if architecture.classes
            else None
        )

    def features(self, images: Tensor) -> list[Tensor]:
        """Activations (N, C, R/2, R/2) … (N, C, 4, 4), finest first."""
        return outputs(self.blocks, clamp(leaky_relu(self.from_rgb(images)), self.limit))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N,), float32; higher means more real.

        Raises:
            ValueError: there are classes, and no labels.
        """
        x = self.features(images)[-1].float()
        with full_precision(x):
            x = torch.cat([x, minibatch_std(x, self.architecture.minibatch_std_group)], dim=1)
            x = clamp(leaky_relu(self.conv(x)), self.limit).flatten(1)
            logits: Tensor = self.out(leaky_relu(self.fc(x)))
            if self.mapping is None:
                return logits.squeeze(1)
            projected: Tensor = (logits * self.mapping(None, labels)).sum(dim=1)
            return projected / math.sqrt(logits.shape[1])


def minibatch_std(x: Tensor, group: int) -> Tensor:
    """Mean standard deviation over groups of samples as one more channel (Karras et al. 2018, section 3).

    `x` (N, C, H, W) ─► (N, 1, H, W). `group` is a number of images; 0, or one that does not divide N, is all.
    """
    n, c, h, w = x.shape
    group = min(group, n) or n
    size = group if n % group == 0 else n
    grouped = x.reshape(size, -1, c, h, w)
    deviation = (grouped - grouped.mean(dim=0)).square().mean(dim=0).add(1e-8).sqrt()
    return deviation.mean(dim=(1, 2, 3))[None].expand(size, -1).reshape(n, 1, 1, 1).expand(n, 1, h, w)
