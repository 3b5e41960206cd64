"""DCGAN's generator: a chain of layers from `z` to the image."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from search_spaces.base import SquareGenerator
from search_spaces.batch_statistics import measure_statistics
from search_spaces.chain import outputs
from search_spaces.dcgan.architecture import GeneratorArchitecture, steps
from search_spaces.dcgan.layers import GeneratorLayer
from search_spaces.inputs import Inputs, InputSpec


class DCGANGenerator(SquareGenerator):
    """`z` (N, latent_dim) ─► images (N, C, R, R), float32 in [-1, 1] behind a tanh."""

    architecture: GeneratorArchitecture

    def __init__(self, architecture: GeneratorArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.input_specs = (InputSpec("latent", (architecture.latent_dim,), architecture.latent),)
        self.layers: Any = nn.ModuleList(  # of GeneratorLayer; torch types an element as a bare module
            GeneratorLayer(channels, layer) for layer, channels, _, _ in steps(architecture)
        )

    @property
    def uses_batch_statistics(self) -> bool:
        return any(layer.norm for layer in self.architecture.layers)

    def forward(self, z: Tensor) -> Tensor:
        """Images for latents `z`."""
        return self.activations(z)[-1].float()

    def activations(self, z: Tensor) -> list[Tensor]:
        """The output of every layer for latents `z`: maps (N, C, H, W), the image last."""
        return outputs(self.layers, z[:, :, None, None])

    def calibrate(self, inputs: Iterable[Inputs]) -> None:
        measure_statistics(self, inputs)
