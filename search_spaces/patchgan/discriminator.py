"""The PatchGAN discriminator."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.base import Discriminator
from search_spaces.chain import outputs
from search_spaces.patchgan.architecture import KERNEL, DiscriminatorArchitecture
from search_spaces.precision import full_precision
from search_spaces.translation import has_biases, initialise, normalisation

SLOPE = 0.2  # of leaky ReLU for negative values


class Block(nn.Module):
    """Convolution, normalisation, LeakyReLU."""

    def __init__(self, conv: nn.Conv2d, norm: nn.Module) -> None:
        super().__init__()
        self.conv, self.norm = conv, norm

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) ─► (N, C', H', W')."""
        return F.leaky_relu(self.norm(self.conv(x)), SLOPE)


class PatchDiscriminator(Discriminator):
    """Images (N, C, R, R), with a condition (N, C', R, R) where it is conditional ─► logits (N, 1, S, S)."""

    architecture: DiscriminatorArchitecture

    def __init__(self, architecture: DiscriminatorArchitecture) -> None:
        super().__init__()
        self.architecture = a = architecture
        widths = (a.condition_channels + a.image_channels, *a.channels)
        self.blocks = nn.ModuleList(
            Block(
                nn.Conv2d(
                    widths[i],
                    width,
                    KERNEL,
                    stride=2 if i < a.halvings else 1,
                    padding=1,
                    bias=i == 0 or has_biases(a.norm),
                ),
                normalisation(a.norm if i else "none", width),
            )
            for i, width in enumerate(a.channels)
        )
        self.out = nn.Conv2d(widths[-1], 1, KERNEL, padding=1)
        initialise(self)

    @property
    def takes_input_image(self) -> bool:
        return self.architecture.condition_channels > 0

    def features(self, images: Tensor, condition: Tensor | None = None) -> list[Tensor]:
        """Activations (N, C, H, W) after every block, finest first.

        Raises:
            ValueError: there is a condition and it takes none, or the other way round.
        """
        if self.takes_input_image != (condition is not None):
            wanted = "needed" if self.takes_input_image else "not taken"
            raise ValueError(f"a condition is {wanted}: {self.architecture}")
        return outputs(self.blocks, images if condition is None else torch.cat([condition, images], dim=1))

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Logits (N, 1, S, S), float32; higher means more real.

        Raises:
            ValueError: as `features`.
        """
        last = self.features(images, condition)[-1].float()
        with full_precision(last):
            logits: Tensor = self.out(last)
        return logits
