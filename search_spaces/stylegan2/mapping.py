"""The mapping network: from latents and labels to styles."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from search_spaces.inputs import InputSpec
from search_spaces.precision import full_precision
from search_spaces.stylegan2.layers import EqualizedLinear, leaky_relu, normalize

MAPPING_LR = 0.01  # the mapping network learns 100× slower


class MappingNetwork(nn.Module):
    """`z` (N, latent_dim), and one-hot labels (N, classes) where there are classes ─► `w` (N, style_dim).

    A discriminator's has `latent_dim` 0: it maps labels alone.
    """

    def __init__(self, latent_dim: int, style_dim: int, layers: int, classes: int = 0) -> None:
        super().__init__()
        self.latent_dim, self.classes = latent_dim, classes
        self.embed = EqualizedLinear(classes, style_dim) if classes else None
        widths = [latent_dim + (style_dim if classes else 0)] + [style_dim] * layers
        self.layers: Any = nn.ModuleList(
            EqualizedLinear(inputs, outputs, lr_multiplier=MAPPING_LR) for inputs, outputs in pairwise(widths)
        )

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """Latents from a normal distribution and, where there are classes, labels of any class alike."""
        latent = InputSpec("latent", (self.latent_dim,), "normal")
        return (latent, InputSpec("label", (self.classes,), "onehot")) if self.classes else (latent,)

    def forward(self, z: Tensor | None, labels: Tensor | None = None) -> Tensor:
        """Styles (N, style_dim), float32, of `z` (None where `latent_dim` is 0) and of one-hot labels.

        Raises:
            ValueError: there are classes, and no labels.
        """
        if self.embed is not None and labels is None:
            raise ValueError(f"a network of {self.classes} classes needs labels, one-hot")
        with full_precision(self.layers[0].weight):
            parts = [] if z is None else [normalize(z)]
            parts += [] if self.embed is None else [normalize(self.embed(labels))]
            x = torch.cat(parts, dim=1)
            for layer in self.layers:
                x = leaky_relu(layer(x))
        return x
