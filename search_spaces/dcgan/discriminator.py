"""DCGAN's discriminator as WGAN-GP has it: a critic without normalisation."""

from __future__ import annotations

from torch import Tensor, nn

from search_spaces.base import Discriminator
from search_spaces.dcgan.architecture import DiscriminatorArchitecture
from search_spaces.dcgan.layers import initialise, leaky_relu
from search_spaces.precision import full_precision


class DCGANDiscriminator(Discriminator):
    """Images (N, C, R, R) ─► logits (N,).

    No batch normalisation: a gradient penalty is defined for single images (Gulrajani et al., arXiv
    1704.00028, section 4).
    """

    architecture: DiscriminatorArchitecture

    def __init__(self, architecture: DiscriminatorArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        widths = (architecture.image_channels, *architecture.channels)
        self.convs = nn.ModuleList(
            nn.Conv2d(widths[i], widths[i + 1], kernel_size=4, stride=2, padding=1)
            for i in range(len(architecture.channels))
        )
        side = architecture.resolution >> len(architecture.channels)  # odd sides lose their last row
        self.out = nn.Linear(widths[-1] * side**2, 1)
        for conv, width in zip(self.convs, widths, strict=False):
            assert isinstance(conv, nn.Conv2d)
            initialise(conv, 16 * width)
        initialise(self.out, self.out.in_features)

    def features(self, images: Tensor) -> list[Tensor]:
        """Activations (N, C, R/2, R/2), (N, C, R/4, R/4), …"""
        x, maps = images, []
        for conv in self.convs:
            x = leaky_relu(conv(x))
            maps.append(x)
        return maps

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N,), float32; higher means more real."""
        x = self.features(images)[-1].float()
        with full_precision(x):
            logits: Tensor = self.out(x.flatten(1))
        return logits.squeeze(1)
