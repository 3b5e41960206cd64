"""BigGAN's discriminator: residual blocks, a sum over positions, and a projection on the class."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.base import Discriminator
from search_spaces.biggan.architecture import DiscriminatorArchitecture
from search_spaces.biggan.layers import SelfAttention, SpectralConv, SpectralEmbedding, SpectralLinear
from search_spaces.chain import outputs
from search_spaces.precision import full_precision


class DiscriminatorBlock(nn.Module):
    """Two convolutions beside a shortcut, 1×1 where side or width change (Brock et al., figure 15c)."""

    def __init__(
        self, in_channels: int, out_channels: int, *, activated: bool, halves: bool, attention: bool
    ) -> None:
        super().__init__()
        self.activated, self.halves = activated, halves  # before the first convolution; after the last
        self.conv1 = SpectralConv(in_channels, out_channels, 3)
        self.conv2 = SpectralConv(out_channels, out_channels, 3)
        changed = halves or in_channels != out_channels
        self.shortcut = SpectralConv(in_channels, out_channels, 1) if changed else None
        self.attention = SelfAttention(out_channels) if attention else None

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, in_channels, H, W) ─► (N, out_channels, H, W), or H/2 and W/2."""
        y: Tensor = self.conv1(F.relu(x) if self.activated else x)
        y = self.conv2(F.relu(y))
        if self.halves:
            y, x = F.avg_pool2d(y, 2), F.avg_pool2d(x, 2)
        y = y + (x if self.shortcut is None else self.shortcut(x))
        return y if self.attention is None else self.attention(y)


class BigGANDiscriminator(Discriminator):
    """Images (N, C, R, R) and one-hot labels (N, classes) ─► logits (N,)."""

    architecture: DiscriminatorArchitecture

    def __init__(self, architecture: DiscriminatorArchitecture) -> None:
        super().__init__()
        self.architecture = a = architecture
        in_widths = (a.image_channels, *a.channels)
        self.blocks = nn.ModuleList(
            DiscriminatorBlock(
                in_widths[i],
                width,
                activated=i > 0,
                halves=i < a.halvings,
                attention=a.sides[i] in a.attention,
            )
            for i, width in enumerate(a.channels)
        )
        self.linear = SpectralLinear(a.channels[-1], 1)
        self.embed = SpectralEmbedding(a.classes, a.channels[-1])

    def features(self, images: Tensor) -> list[Tensor]:
        """Activations (N, C, H, W) after every block, finest first."""
        return outputs(self.blocks, images)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N,), float32; higher means more real.

        Raises:
            ValueError: there are no labels.
        """
        if labels is None:
            raise ValueError(f"a network of {self.architecture.classes} classes needs labels, one-hot")
        last = self.features(images)[-1].float()
        with full_precision(last):
            x = F.relu(last).sum(dim=(2, 3))
            projected = (self.embed(labels) * x).sum(dim=1)
            logits: Tensor = self.linear(x).squeeze(1) + projected
            return logits
