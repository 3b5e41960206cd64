"""The ResNet translator: an image in, an image of the same side out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Self

from torch import Tensor, nn

from search_spaces.base import SquareGenerator
from search_spaces.batch_statistics import measure_statistics
from search_spaces.chain import outputs, spread
from search_spaces.inputs import Inputs, InputSpec
from search_spaces.resnet_translator.architecture import GeneratorArchitecture
from search_spaces.resnet_translator.layers import Padded, ResidualBlock, doubling, halving, stem
from search_spaces.translation import initialise, resized, tanh


class ResnetTranslator(SquareGenerator):
    """Images (N, C, R, R) ─► images (N, C', R, R), both float32 in [-1, 1]; other sides work as well.

    A side must be a multiple of `architecture.stride`.
    """

    architecture: GeneratorArchitecture

    def __init__(self, architecture: GeneratorArchitecture) -> None:
        super().__init__()
        self.architecture = a = architecture
        self.input_specs = (InputSpec("image", (a.input_channels, a.resolution, a.resolution), "data"),)
        # torch types an element of a ModuleList as a bare module
        self.stem: Any = stem(a.input_channels, a.stem, a.stem_kernel, a.norm, a.padding)
        self.down: Any = nn.ModuleList(halving(*pair, a.norm) for pair in pairwise((a.stem, *a.down)))
        self.blocks: Any = nn.ModuleList(
            ResidualBlock(a.trunk, block, a.block_kernel, a.norm, a.padding) for block in a.blocks
        )
        self.up: Any = nn.ModuleList(doubling(*pair, a.norm) for pair in pairwise((a.trunk, *a.up)))
        last = nn.Conv2d(a.up[-1], a.image_channels, a.image_kernel)
        self.image: Any = Padded(last, a.image_kernel, a.padding)
        initialise(self)

    @property
    def stride(self) -> int:
        """What the sides of input images must be multiples of, px."""
        return self.architecture.stride

    def at_resolution(self, resolution: int) -> Self:
        return resized(self, resolution)

    @property
    def uses_batch_statistics(self) -> bool:
        return self.architecture.norm == "batch"

    def stages(self) -> Sequence[nn.Module]:
        """The layers; none with batch normalisation, whose running statistics would be updated twice."""
        return () if self.uses_batch_statistics else self.layers()

    def compared_layers(self) -> Sequence[nn.Module]:
        """The last halving and the ends of three thirds of the residual blocks, as GAN Compression has it."""
        return [*self.down[-1:], *spread(self.blocks, 3)]

    def layers(self) -> list[nn.Module]:
        """All layers but the last, in order: each reads the output of the one before."""
        return [self.stem, *self.down, *self.blocks, *self.up]

    def activations(self, image: Tensor) -> list[Tensor]:
        """The output of every one of `layers` for images `image`, maps (N, C, H, W)."""
        return outputs(self.layers(), image)

    def forward(self, image: Tensor) -> Tensor:
        """Translated images for `image`."""
        x = image
        for layer in self.layers():
            x = layer(x)
        return tanh(self.image(x))

    def calibrate(self, inputs: Iterable[Inputs]) -> None:
        measure_statistics(self, inputs)
