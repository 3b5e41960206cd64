"""StyleGAN2's generator: a mapping network and one synthesis block per resolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from search_spaces.base import SquareGenerator
from search_spaces.graph import Graph
from search_spaces.inputs import Inputs
from search_spaces.stylegan2.architecture import GeneratorArchitecture
from search_spaces.stylegan2.mapping import MappingNetwork
from search_spaces.stylegan2.synthesis import NoiseMode, SynthesisBlock

W_AVG_DECAY = 0.998  # per batch, of the mean style that truncation uses

STARTS = ("z", "w", "w+")
"""Latents, with labels where there are classes; one style for all layers; or a style for each layer."""


class StyleGAN2Generator(SquareGenerator):
    """`z` (N, latent_dim), and one-hot labels where there are classes ─► images (N, C, R, R).

    Labels are (N, classes), images float32 in about [-1, 1].
    """

    architecture: GeneratorArchitecture
    sampling_options = frozenset({"psi", "noise"})
    graph_starts = STARTS
    w_avg: Tensor

    def __init__(self, architecture: GeneratorArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        a = architecture
        self.mapping = MappingNetwork(a.latent_dim, a.style_dim, a.mapping_layers, a.classes)
        self.input_specs = self.mapping.input_specs
        self.const = nn.Parameter(torch.randn(a.blocks[0].channels, 4, 4))
        in_widths = [a.blocks[0].channels, *(block.channels for block in a.blocks)]
        self.blocks: Any = nn.ModuleList(  # of SynthesisBlock; torch types an element as a bare module
            SynthesisBlock(in_widths[i], block, 4 << i, a) for i, block in enumerate(a.blocks)
        )
        self.register_buffer("w_avg", torch.zeros(a.style_dim))

    @property
    def styles(self) -> int:
        """How many layers take a style of their own: every convolution, and the last RGB output."""
        return sum(block.convs for block in self.architecture.blocks) + 1

    def _graph(self, start: str) -> StyleGraph:
        return StyleGraph(self, start or STARTS[0])

    def deterministic(self, *inputs: Tensor) -> Tensor:
        return self.forward(*inputs, noise="const")

    def forward(
        self, z: Tensor, labels: Tensor | None = None, *, psi: float = 1.0, noise: NoiseMode = "random"
    ) -> Tensor:
        """Images for latents `z`; `psi` < 1 pulls styles towards their mean (truncation).

        In training mode it also moves that mean, `w_avg`, a little towards the styles of the batch.

        Raises:
            ValueError: there are classes, and no labels.
        """
        w = self.mapping(z, labels)
        if self.training:
            self.w_avg.lerp_(w.detach().mean(dim=0), 1 - W_AVG_DECAY)
        if psi != 1.0:
            w = self.w_avg.lerp(w, psi)
        return self.synthesize(w, noise)

    def stages(self) -> Sequence[nn.Module]:
        return list(self.blocks)

    def with_styles(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        w = self.mapping(*inputs)
        return self.synthesize(w), w

    def synthesize(self, w: Tensor, noise: NoiseMode = "random") -> Tensor:
        """Images (N, C, R, R), float32, for styles `w`: (N, style_dim), or (N, styles, style_dim) by layer.

        The RGB output of a block has the style of the layer that follows, as in the public code.
        """
        x = self.const.expand(w.shape[0], -1, -1, -1)  # exporters take `len` for a constant
        layers = w.unbind(dim=1) if w.ndim == 3 else (w,) * self.styles
        image: Tensor | None = None
        first = 0
        for block in self.blocks:
            following = first + len(block.convs)
            x, image = block(x, image, layers[first : following + 1], noise)
            first = following
        assert image is not None
        return image


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

    def inputs_of(self, *inputs: Tensor) -> Inputs:
        given = inputs if self.start == "z" else (self.generator.mapping(*inputs),)
        if self.start == "w+":
            given = (given[0][:, None].repeat(1, self.generator.styles, 1),)
        return *given, torch.tensor(1.0)

    def forward(self, *inputs: Tensor) -> Tensor:
        *given, psi = inputs
        w = self.generator.mapping(*given) if self.start == "z" else given[0]
        mean = self.generator.w_avg
        return self.generator.synthesize(mean + psi * (w - mean), "const").clamp(-1, 1)
