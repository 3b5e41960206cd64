"""StarGAN's generator: an image and target attributes become the image with these attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Self

import torch
from torch import Tensor, nn

from search_spaces.base import SquareGenerator
from search_spaces.chain import spread
from search_spaces.inputs import InputSpec
from search_spaces.stargan.architecture import SIZES, STRIDE, GeneratorArchitecture, Size, skip_widths
from search_spaces.stargan.layers import NormalizedConv, ResidualBlock, Skip, convolution, enlarging
from search_spaces.translation import resized


class StarGANGenerator(SquareGenerator):
    """Images (N, C, R, R) in [-1, 1] and attributes (N, K) ─► images (N, C, R, R), float32 in [-1, 1].

    Attributes are tiled to maps beside the image's colours. Normalisation is by instance, in evaluation mode
    as in training: an image does not depend on others of its batch.
    """

    architecture: GeneratorArchitecture

    def __init__(self, architecture: GeneratorArchitecture) -> None:
        super().__init__()
        a = architecture
        self.stem = NormalizedConv(convolution(a.image_channels + a.attributes, a.encoder[0], a.stem_kernel))
        self.downs: Any = nn.ModuleList(  # torch types an element as a bare module
            NormalizedConv(convolution(*widths, a.down_kernel, stride=2)) for widths in pairwise(a.encoder)
        )
        self.blocks: Any = nn.ModuleList(ResidualBlock(a.encoder[-1], kind) for kind in a.blocks)
        decoder = pairwise((a.encoder[-1], *a.decoder))
        self.ups: Any = nn.ModuleList(NormalizedConv(enlarging(*widths, a.up_kernel)) for widths in decoder)
        joined = zip(SIZES, skip_widths(a), strict=True)
        self.skips: Any = nn.ModuleDict(  # "half" alone is a method of modules
            {f"at_{size}": Skip(*widths) for size, widths in joined if size in a.skips}
        )
        self.to_image = convolution(a.decoder[-1], a.image_channels, a.image_kernel)
        self._describe(architecture)

    def set_resolution(self, resolution: int) -> None:
        """Take and make images of another side, px: no weight depends on it.

        Raises:
            ArchitectureError: the network has no images of that side.
        """
        self._describe(replace(self.architecture, resolution=resolution))

    def _describe(self, architecture: GeneratorArchitecture) -> None:
        self.architecture = a = architecture
        self.input_specs = (
            InputSpec("image", (a.image_channels, a.resolution, a.resolution), "data"),
            InputSpec("attributes", (a.attributes,), "data"),
        )

    @property
    def stride(self) -> int:
        """What the sides of input images must be multiples of, px."""
        return STRIDE

    def at_resolution(self, resolution: int) -> Self:
        return resized(self, resolution)

    def stages(self) -> Sequence[nn.Module]:
        return [self.stem, *self.downs, *self.blocks, *self.ups]

    def compared_layers(self) -> Sequence[nn.Module]:
        """The last halving and the ends of three thirds of the residual blocks."""
        return [*self.downs[-1:], *spread(self.blocks, 3)]

    def skip(self, size: Size) -> Skip | None:
        """The skip at maps of `size`, if there is one."""
        found: Skip | None = dict(self.skips).get(f"at_{size}")
        return found

    def forward(self, image: Tensor, attributes: Tensor) -> Tensor:
        """`image` (N, C, R, R) with the target `attributes` (N, K)."""
        tiled = attributes[:, :, None, None].expand(-1, -1, *image.shape[2:])
        x = self.stem(torch.cat([image, tiled.to(image.dtype)], dim=1))
        encoded = [x]
        for down in self.downs:
            encoded.append(x := down(x))
        for block in self.blocks:
            x = block(x)
        for up in self.ups:
            x = up(self._joined(x, encoded))
        x = self._joined(x, encoded)
        return torch.tanh(self.to_image(x).float())

    def _joined(self, decoded: Tensor, encoded: list[Tensor]) -> Tensor:
        """The decoder's map, with the last of the encoder's, which it removes, where there is a skip."""
        last = encoded.pop()
        skip = self.skip(SIZES[len(encoded)])
        return decoded if skip is None else skip(decoded, last)
