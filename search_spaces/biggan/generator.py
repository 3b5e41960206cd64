"""BigGAN's generator: residual blocks, conditioned on class and latent through batch normalisation."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.base import SquareGenerator
from search_spaces.batch_statistics import measure_statistics
from search_spaces.biggan.architecture import GeneratorArchitecture
from search_spaces.biggan.batch_norm import BatchNorm, ConditionalBatchNorm
from search_spaces.biggan.layers import Embedding, SelfAttention, SpectralConv, SpectralLinear
from search_spaces.inputs import Inputs, InputSpec


class GeneratorBlock(nn.Module):
    """Two convolutions beside a 1×1 shortcut; doubles the side (Brock et al., figure 15b)."""

    def __init__(
        self, in_channels: int, out_channels: int, condition_dim: int, *, shared: bool, attention: bool
    ) -> None:
        super().__init__()
        self.norm1 = ConditionalBatchNorm(in_channels, condition_dim, shared=shared)
        self.conv1 = SpectralConv(in_channels, out_channels, 3)
        self.norm2 = ConditionalBatchNorm(out_channels, condition_dim, shared=shared)
        self.conv2 = SpectralConv(out_channels, out_channels, 3)
        self.shortcut = SpectralConv(in_channels, out_channels, 1)
        self.attention = SelfAttention(out_channels) if attention else None

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """`x` (N, in_channels, H, W), `condition` (N, D) ─► (N, out_channels, 2H, 2W)."""
        y: Tensor = self.conv1(doubled(F.relu(self.norm1(x, condition))))
        y = self.conv2(F.relu(self.norm2(y, condition)))
        y = y + doubled(self.shortcut(x))  # a 1×1 convolution commutes with up-sampling
        return y if self.attention is None else self.attention(y)


class BigGANGenerator(SquareGenerator):
    """`z` (N, latent_dim) and one-hot labels (N, classes) ─► images (N, C, R, R), float32 in [-1, 1].

    It has no `stages` for activation checkpointing: recomputation would update singular vectors and running
    statistics twice.
    """

    architecture: GeneratorArchitecture

    def __init__(self, architecture: GeneratorArchitecture) -> None:
        super().__init__()
        self.architecture = a = architecture
        self.input_specs = (
            InputSpec("latent", (a.latent_dim,), "normal"),
            InputSpec("label", (a.classes,), "onehot"),
        )
        self.embed = Embedding(a.classes, a.shared_dim) if a.shared_dim else None
        self.linear = SpectralLinear(a.chunks[0], a.channels[0] * a.bottom_width**2)
        stages = zip(pairwise(a.channels), a.chunks[1:], a.sides[1:], strict=True)
        self.blocks: Any = nn.ModuleList(  # of GeneratorBlock; torch types an element as a bare module
            GeneratorBlock(
                *widths,
                a.shared_dim + chunk if a.shared_dim else a.classes,
                shared=a.shared_dim > 0,
                attention=side in a.attention,
            )
            for widths, chunk, side in stages
        )
        self.norm = BatchNorm(a.channels[-1])
        self.to_rgb = SpectralConv(a.channels[-1], a.image_channels, 3)

    @property
    def uses_batch_statistics(self) -> bool:
        return True

    def calibrate(self, inputs: Iterable[Inputs]) -> None:
        measure_statistics(self, inputs)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images for latents `z` and one-hot `labels`.

        Raises:
            ValueError: there are no labels.
        """
        first, *conditions = self.conditions(z, labels)
        bottom = self.architecture.bottom_width
        x = self.linear(first).unflatten(1, (-1, bottom, bottom))
        for block, condition in zip(self.blocks, conditions, strict=True):
            x = block(x, condition)
        images: Tensor = self.to_rgb(F.relu(self.norm(x)))
        return images.float().tanh()

    def conditions(self, z: Tensor, labels: Tensor | None) -> list[Tensor]:
        """Conditions of the first layer, (N, chunk), and of every block, (N, D), from `z` and `labels`.

        Raises:
            ValueError: there are no labels.
        """
        if labels is None:
            raise ValueError(f"a network of {self.classes} classes needs labels, one-hot")
        embedded = labels if self.embed is None else self.embed(labels)
        first, *chunks = torch.split(z, list(self.architecture.chunks), dim=1)
        return [first, *(torch.cat([embedded, chunk], dim=1) for chunk in chunks)]


def doubled(x: Tensor) -> Tensor:
    """`x` (N, C, H, W) ─► (N, C, 2H, 2W), every pixel four times."""
    return F.interpolate(x, scale_factor=2.0)
