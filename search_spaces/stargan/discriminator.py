"""StarGAN's discriminator: realness of patches, and the attributes of an image."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.base import Discriminator
from search_spaces.chain import outputs
from search_spaces.precision import full_precision
from search_spaces.stargan.architecture import DiscriminatorArchitecture

SLOPE = 0.01  # of leaky ReLU for negative values


class StarGANDiscriminator(Discriminator):
    """Images (N, C, R, R) ─► realness (N, 1, H', W'), and by `classify` logits of attributes (N, K).

    A Wasserstein critic without normalisation. H' = W' is the side of the last map: 2 px at 128 px.
    """

    architecture: DiscriminatorArchitecture

    def __init__(self, architecture: DiscriminatorArchitecture) -> None:
        super().__init__()
        self.architecture = a = architecture
        self.convs = nn.ModuleList(
            nn.Conv2d(*widths, kernel_size=4, stride=2, padding=1)
            for widths in pairwise((a.image_channels, *a.channels))
        )
        self.realness = nn.Conv2d(a.channels[-1], 1, kernel_size=3, padding=1, bias=False)
        self.attributes = nn.Conv2d(a.channels[-1], a.attributes, kernel_size=a.last_side, bias=False)

    def features(self, images: Tensor) -> list[Tensor]:
        """Activations (N, C, R/2, R/2), (N, C, R/4, R/4), …"""
        return outputs([partial(_activated, conv) for conv in self.convs], images)

    def forward(self, images: Tensor) -> Tensor:
        """Realness of patches (N, 1, H', W'), float32; higher means more real."""
        x = self.features(images)[-1].float()
        with full_precision(x):
            logits: Tensor = self.realness(x)
        return logits

    def classify(self, images: Tensor) -> Tensor:
        """Logits of attributes (N, K), float32."""
        x = self.features(images)[-1].float()
        with full_precision(x):
            logits: Tensor = self.attributes(x)
        return logits.flatten(1)


def _activated(conv: nn.Module, x: Tensor) -> Tensor:
    return F.leaky_relu(conv(x), SLOPE)
