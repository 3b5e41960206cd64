"""A generator as a function of tensors alone, which other runtimes can carry out."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from search_spaces.inputs import Inputs

NAMES = {"latent": "z", "label": "labels", "attributes": "attributes", "image": "image"}
"""Names of inputs by their kind."""


class Graph(nn.Module):
    """A generator whose images (N, C, H, W) depend on its inputs alone and are clamped to [-1, 1].

    Noise is held constant: nothing is drawn inside. `input_names` are in the order of `forward`.
    """

    input_names: tuple[str, ...]

    def __init__(self, generator: Any) -> None:  # a `Generator`, whose module imports this one
        super().__init__()
        self.generator = generator
        self.input_names = tuple(NAMES[spec.kind] for spec in generator.input_specs)

    @property
    def batched(self) -> tuple[bool, ...]:
        """Which inputs have a first dimension N."""
        return (True,) * len(self.input_names)

    def example_inputs(self, count: int = 1, seed: int = 0) -> Inputs:
        """`count` inputs of the right shapes, float32, on the CPU."""
        inputs: Inputs = self.generator.example_inputs(count, seed)
        return inputs

    def inputs_of(self, *inputs: Tensor) -> Inputs:
        """Its own inputs that lead to the images which the generator makes of `inputs`."""
        return inputs

    def forward(self, *inputs: Tensor) -> Tensor:
        images: Tensor = self.generator.deterministic(*inputs)
        return images.clamp(-1, 1)
