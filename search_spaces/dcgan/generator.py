"""DCGAN's generator: a chain of layers from `z` to the image."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from search_spaces.base import Generator
from search_spaces.dcgan.architecture import GeneratorArchitecture, steps
from search_spaces.dcgan.layers import GeneratorLayer
from search_spaces.standing_statistics import measure_statistics


class DCGANGenerator(Generator):
    """`z` (N, latent_dim) ─► images (N, C, R, R), float32 in [-1, 1] behind a tanh."""

    architecture: GeneratorArchitecture

    def __init__(self, architecture: GeneratorArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.layers: Any = nn.ModuleList(  # of GeneratorLayer; torch types an element as a bare module
            GeneratorLayer(channels, layer) for layer, channels, _, _ in steps(architecture)
        )

    def sample_inputs(self, count: int, rng: torch.Generator) -> tuple[Tensor, ...]:
        shape = (count, self.architecture.latent_dim)
        if self.architecture.latent == "uniform":
            return (torch.rand(shape, generator=rng) * 2 - 1,)
        return (torch.randn(shape, generator=rng),)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        side = self.architecture.resolution
        return self.architecture.image_channels, side, side

    @property
    def uses_batch_statistics(self) -> bool:
        return any(layer.norm for layer in self.architecture.layers)

    def forward(self, z: Tensor) -> Tensor:
        """Images for latents `z`."""
        return self.activations(z)[-1].float()

    def activations(self, z: Tensor) -> list[Tensor]:
        """What every layer makes of `z`: maps (N, C, H, W), the image last."""
        x, maps = z[:, :, None, None], []
        for layer in self.layers:
            x = layer(x)
            maps.append(x)
        return maps

    def calibrate(self, rng: torch.Generator) -> None:
        measure_statistics(self, rng)

    def with_styles(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Images and their latents: there are no styles between the two."""
        z = inputs[0].detach().requires_grad_(True)
        return self(z), z
