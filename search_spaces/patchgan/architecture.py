"""The architecture of a PatchGAN discriminator."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.architecture import Architecture
from search_spaces.errors import ArchitectureError
from search_spaces.translation import Norm

KERNEL = 4
MAX_SIDE = 2048  # of images, px
MAX_LAYERS = 8  # published networks have 5
WIDTH = 64  # channels of the first convolution, as published
WIDEST = 8  # times the first width
HALVINGS = 3  # as published, for 70 × 70 px patches
SMALLEST_MAP = 2  # px: least side of the map of logits that `beside` leaves


@dataclass(frozen=True)
class DiscriminatorArchitecture(Architecture):
    """4×4 convolutions with LeakyReLU, the last one of one channel (Isola et al., arXiv 1611.07004).

    All but the last two halve the side. The first and the last are not normalised. The input image, where the
    discriminator is conditional, comes before the judged image in channel order.
    """

    channels: tuple[int, ...]  # of every convolution but the last, finest first
    resolution: int  # of the images, px
    image_channels: int = 3
    condition_channels: int = 0  # of the input image; 0: unconditional
    norm: Norm = "instance"

    def __post_init__(self) -> None:
        if not 2 <= len(self.channels) < MAX_LAYERS:
            raise ArchitectureError(
                f"{len(self.channels)} widths of a PatchGAN: give 2 to {MAX_LAYERS - 1}, one of each "
                "convolution but the last"
            )
        if min(*self.channels, self.image_channels) < 1 or self.condition_channels < 0:
            raise ArchitectureError(f"{self}: channels must be at least 1, of the condition at least 0")
        if not 1 <= self.resolution <= MAX_SIDE:
            raise ArchitectureError(f"{self}: resolution must be 1 to {MAX_SIDE} px")
        if min(self.sides) < 1:
            raise ArchitectureError(
                f"{self}: {self.resolution} px are too few for {self.halvings} halvings, the map of logits "
                "would be empty: give fewer convolutions or larger images"
            )

    def __str__(self) -> str:
        condition = f"{self.condition_channels}+" if self.condition_channels else ""
        widths = " ".join(map(str, self.channels))
        return f"patches of {self.resolution} px c{condition}{self.image_channels} {self.norm} {widths}"

    @property
    def halvings(self) -> int:
        """Number of convolutions of stride 2."""
        return len(self.channels) - 1

    @property
    def sides(self) -> tuple[int, ...]:
        """Sides of the outputs of all convolutions, px; the last one is that of the map of logits."""
        side, found = self.resolution, []
        for i in range(len(self.channels) + 1):
            side = side // 2 if i < self.halvings else side - 1
            found.append(side)
        return tuple(found)

    @classmethod
    def published(
        cls,
        resolution: int,
        image_channels: int,
        *,
        condition_channels: int = 0,
        norm: Norm = "instance",
        width: int = WIDTH,
    ) -> DiscriminatorArchitecture:
        """The published network: widths 64, 128, 256, 512; images below 32 px have fewer halvings.

        Raises:
            ArchitectureError: the images are too small for any.
        """
        halvings = HALVINGS
        while halvings > 1 and (resolution >> halvings) - 2 < SMALLEST_MAP:
            halvings -= 1
        widths = tuple(width * min(WIDEST, 1 << i) for i in range(halvings + 1))
        return cls(widths, resolution, image_channels, condition_channels, norm)
