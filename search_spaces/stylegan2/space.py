"""The StyleGAN2 students below one teacher, proposed so that they fit a budget by construction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from search_spaces.base import Suggest, Utilisation
from search_spaces.stylegan2 import architecture as closed_form
from search_spaces.stylegan2.architecture import Block, ConvKind, GeneratorArchitecture
from search_spaces.stylegan2.generator import StyleGAN2Generator
from search_spaces.stylegan2.inherit import inherit
from search_spaces.stylegan2.slimmable import SlimmableStyleGAN2
from search_spaces.widths import MIN_BUDGET_FRACTION, MIN_RELATIVE_WIDTH, snap_width, spend, width_step

SEARCHED_KERNELS = 2  # the kernel size is searched in this many last blocks


@dataclass(frozen=True)
class StyleGAN2Space:
    """Students that keep the teacher's resolution, colours and latent `z`, and exceed it nowhere.

    Searched: the share of the budget to spend; relative width, number of convolutions, full or separable
    kernels per resolution; kernel size of the last blocks; depth and width of the mapping network. The widths
    are then scaled together until the share is spent.
    """

    teacher: GeneratorArchitecture

    name = "stylegan2"

    def macs(self, architecture: GeneratorArchitecture) -> int:
        return closed_form.macs(architecture)

    def params(self, architecture: GeneratorArchitecture) -> int:
        return closed_form.params(architecture)

    def largest(self) -> GeneratorArchitecture:
        return self.teacher

    def smallest(self) -> GeneratorArchitecture:
        return list(self._simpler(self.teacher))[-1]

    def uniform(self) -> dict[str, Any]:
        choices: dict[str, Any] = {
            "style_dim": self.teacher.style_dim,
            "mapping_layers": self.teacher.mapping_layers,
        }
        for i, block in enumerate(self.teacher.blocks):
            side = 4 << i
            choices |= {f"width_{side}": 1.0, f"kind_{side}": block.kind, f"convs_{side}": block.convs}
            choices |= {f"kernel_{side}": block.kernel}
        return choices

    def initial_designs(self) -> list[dict[str, Any]]:
        blocks = len(self.teacher.blocks)
        taper = {f"width_{4 << i}": MIN_RELATIVE_WIDTH ** (i / (blocks - 1)) for i in range(blocks)}
        tapered = {**self.uniform(), **taper}
        separable = {f"kind_{4 << i}": "separable" for i in range(blocks)}
        finest = f"kind_{self.teacher.resolution}"
        return [tapered, {**self.uniform(), **separable}, {**tapered, finest: "separable"}]

    def sample(self, suggest: Suggest, utilisation: Utilisation) -> GeneratorArchitecture:
        share = suggest.suggest_float("budget_fraction", MIN_BUDGET_FRACTION, 1.0)
        proposal, widths = self._choose(suggest)

        def scaled(scale: float) -> GeneratorArchitecture:
            """`proposal` with its relative widths times `scale`."""
            blocks = (
                replace(block, channels=snap_width(block.channels * width * scale, block.channels))
                for block, width in zip(proposal.blocks, widths, strict=True)
            )
            return replace(proposal, blocks=tuple(blocks))

        return spend(share, utilisation, scaled, widths, self._simpler)

    def inherit(self, teacher: StyleGAN2Generator, student: StyleGAN2Generator) -> None:
        inherit(teacher, student)

    def slimmable(self, teacher: StyleGAN2Generator) -> SlimmableStyleGAN2:
        return SlimmableStyleGAN2(teacher)

    def shared(self) -> dict[str, Any]:
        return {"style_dim": self.teacher.style_dim, "mapping_layers": self.teacher.mapping_layers}

    def _choose(self, suggest: Suggest) -> tuple[GeneratorArchitecture, list[float]]:
        """An architecture at the teacher's widths, and the relative widths that are still to be scaled."""
        style_dim = suggest.suggest_categorical("style_dim", _halvings(self.teacher.style_dim))
        layers = suggest.suggest_int("mapping_layers", 1, self.teacher.mapping_layers)
        blocks, widths = [], []
        for i, block in enumerate(self.teacher.blocks):
            side = 4 << i
            widths.append(suggest.suggest_float(f"width_{side}", MIN_RELATIVE_WIDTH, 1.0, log=True))
            kinds: tuple[ConvKind, ...] = ("full", "separable") if block.kind == "full" else ("separable",)
            kind: ConvKind = suggest.suggest_categorical(f"kind_{side}", kinds)
            convs = suggest.suggest_int(f"convs_{side}", 1, block.convs) if block.convs > 1 else block.convs
            kernel = block.kernel
            if i >= len(self.teacher.blocks) - SEARCHED_KERNELS:
                kernel = suggest.suggest_categorical(f"kernel_{side}", tuple(range(1, block.kernel + 1, 2)))
            kind = "full" if kernel == 1 else kind  # one pixel has nothing to separate
            blocks.append(Block(block.channels, convs, kind, kernel))
        proposal = replace(self.teacher, blocks=tuple(blocks), style_dim=style_dim, mapping_layers=layers)
        return proposal, widths

    def _simpler(self, architecture: GeneratorArchitecture) -> Iterator[GeneratorArchitecture]:
        """Ever cheaper variants of `architecture`, the last one being the smallest of the space."""
        narrow = tuple(replace(b, channels=width_step(t.channels)) for b, t in self._pairs(architecture))
        yield (simple := replace(architecture, blocks=narrow))
        yield (simple := replace(simple, mapping_layers=1))
        yield (simple := replace(simple, style_dim=_halvings(self.teacher.style_dim)[-1]))
        yield (simple := replace(simple, blocks=tuple(replace(b, convs=1) for b in simple.blocks)))
        yield (simple := replace(simple, blocks=tuple(self._cheapest(b) for b in simple.blocks)))
        first_searched = len(simple.blocks) - SEARCHED_KERNELS
        kernels = (1 if i >= first_searched else b.kernel for i, b in enumerate(simple.blocks))
        blocks = (replace(b, kernel=k) for b, k in zip(simple.blocks, kernels, strict=True))
        yield replace(simple, blocks=tuple(self._cheapest(b) for b in blocks))

    def _pairs(self, architecture: GeneratorArchitecture) -> zip[tuple[Block, Block]]:
        return zip(architecture.blocks, self.teacher.blocks, strict=True)

    @staticmethod
    def _cheapest(block: Block) -> Block:
        """A separable kernel costs less than a full one only when it spans more than one pixel."""
        return replace(block, kind="full" if block.kernel == 1 else "separable")


def _halvings(style_dim: int) -> tuple[int, ...]:
    """The teacher's style width and a half of it."""
    return tuple(dict.fromkeys((style_dim, max(1, style_dim // 2))))
