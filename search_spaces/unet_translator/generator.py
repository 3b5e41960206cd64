"""The U-Net translator: an image in, an image of the same side out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from search_spaces.base import SquareGenerator
from search_spaces.batch_statistics import measure_statistics
from search_spaces.chain import outputs
from search_spaces.inputs import Inputs, InputSpec
from search_spaces.translation import initialise, resized, tanh
from search_spaces.unet_translator.architecture import GeneratorArchitecture
from search_spaces.unet_translator.layers import Down, Up


class UnetTranslator(SquareGenerator):
    """Images (N, C, R, R) ─► images (N, C', R, R), both float32 in [-1, 1]; other sides work as well.

    A side must be a multiple of `architecture.stride`. In training, coarse levels have dropout, as published.
    """

    architecture: GeneratorArchitecture

    def __init__(self, architecture: GeneratorArchitecture) -> None:
        super().__init__()
        self.architecture = a = architecture
        self.input_specs = (InputSpec("image", (a.input_channels, a.resolution, a.resolution), "data"),)
        widths = (a.input_channels, *(level.channels for level in a.levels))
        last = len(a.levels) - 1
        # torch types an element of a ModuleList as a bare module
        self.down: Any = nn.ModuleList(
            Down(widths[i], level.channels, level.kind, a.norm, first=i == 0, last=i == last)
            for i, level in enumerate(a.levels)
        )
        self.up: Any = nn.ModuleList(  # of level 0 first, which runs last
            Up(
                level.channels if i == last else 2 * level.channels,
                a.outer(i),
                level.kind,
                a.norm,
                first=i == 0,
                dropout=a.drops(i),
            )
            for i, level in enumerate(a.levels)
        )
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
        return () if self.uses_batch_statistics else [*self.down, *reversed(self.up)]

    def compared_layers(self) -> Sequence[nn.Module]:
        """The doublings, coarsest first, but the last, which makes the image."""
        return list(reversed(self.up[1:]))

    def activations(self, image: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Outputs of the halvings and of the doublings for images `image`, finest first each.

        The first doubling's is the image before its tanh.
        """
        down = outputs(self.down, image)
        up = [self.up[-1](down[-1])]
        for skip, layer in zip(reversed(down[:-1]), reversed(self.up[:-1]), strict=True):
            up.append(layer(torch.cat([skip, up[-1]], dim=1)))
        return down, up[::-1]

    def forward(self, image: Tensor) -> Tensor:
        """Translated images for `image`."""
        return tanh(self.activations(image)[1][0])

    def calibrate(self, inputs: Iterable[Inputs]) -> None:
        measure_statistics(self, inputs)
