"""StyleGAN2's generator as a function of tensors alone, from latents or from styles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from search_spaces.graph import Graph
from search_spaces.inputs import Inputs

if TYPE_CHECKING:
    from search_spaces.stylegan2.generator import StyleGAN2Generator

STARTS = ("z", "w", "w+")
"""Latents, with labels where there are classes; one style for all layers; or a style for each layer."""


class StyleGraph(Graph):
    """`z` (N, latent_dim), `w` (N, style_dim) or `w+` (N, styles, style_dim), and `psi` () ─► images.

    The last input, `psi`, pulls styles towards their mean: 1 leaves them as they are.
    """

    generator: StyleGAN2Generator

    def __init__(self, generator: StyleGAN2Generator, start: str) -> None:
        super().__init__(generator)
        self.start = start
        if start != "z":
            self.input_names = (start.replace("+", "_plus"),)
        self.input_names += ("psi",)

    @property
    def batched(self) -> tuple[bool, ...]:
        return (*(True for _ in self.input_names[:-1]), False)

    @torch.no_grad()
    def example_inputs(self, count: int = 1, seed: int = 0) -> Inputs:
        inputs = super().example_inputs(count, seed)
        if self.start != "z":
            inputs = (self.generator.mapping(*inputs),)
        if self.start == "w+":
            (w,) = inputs  # a style for each layer, all different
            scale = torch.linspace(0.5, 1, self.generator.styles, device=w.device)
            inputs = (w[:, None] * scale[:, None],)
        return *inputs, torch.tensor(0.7)

    def forward(self, *inputs: Tensor) -> Tensor:
        *given, psi = inputs
        w = self.generator.mapping(*given) if self.start == "z" else given[0]
        mean = self.generator.w_avg
        return self.generator.synthesize(mean + psi * (w - mean), "const").clamp(-1, 1)
