"""The StyleGAN2 students below one teacher."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from search_spaces.sampling import Choice, Count, OneOf, RelativeWidth, StudentSpace
from search_spaces.stylegan2 import architecture as closed_form
from search_spaces.stylegan2 import inherit as inheritance
from search_spaces.stylegan2.architecture import Block, ConvKind, GeneratorArchitecture

SEARCHED_KERNELS = 2  # the kernel size is searched in this many last blocks


@dataclass(frozen=True)
class StyleGAN2Space(StudentSpace[GeneratorArchitecture]):
    """Students with the teacher's resolution, colours and latent `z`; nothing in them exceeds the teacher's.

    Searched: per resolution the relative width, number of convolutions, full or separable kernels; kernel
    size of the last blocks; depth and width of the mapping network.
    """

    name = "stylegan2"
    macs = staticmethod(closed_form.macs)
    params = staticmethod(closed_form.params)
    inherit = staticmethod(inheritance.inherit)

    def choices(self) -> list[Choice]:
        """Mapping network first, then the blocks from 4 px to the image."""
        t = self.teacher
        found: list[Choice] = [
            OneOf("style_dim", _style_dims(t.style_dim), t.style_dim),
            Count("mapping_layers", t.mapping_layers),
        ]
        for i, block in enumerate(t.blocks):
            side = 4 << i
            kinds = ("full", "separable") if block.kind == "full" else ("separable",)
            found += [RelativeWidth(f"width_{side}"), OneOf(f"kind_{side}", kinds, block.kind)]
            found += [Count(f"convs_{side}", block.convs)] if block.convs > 1 else []
            if self._searches_kernel(i):
                kernels = tuple(range(1, block.kernel + 1, 2))
                found.append(OneOf(f"kernel_{side}", kernels, block.kernel))
        return found

    def initial_designs(self) -> list[dict[str, Any]]:
        """Tapered widths; separable kernels; tapered widths with separable kernels in the finest block."""
        separable = {f"kind_{4 << i}": "separable" for i in range(len(self.teacher.blocks))}
        finest = f"kind_{self.teacher.resolution}"
        return [self.tapered(), {**self.uniform(), **separable}, {**self.tapered(), finest: "separable"}]

    def widths(self) -> tuple[int, ...]:
        """Channels of every block."""
        return tuple(block.channels for block in self.teacher.blocks)

    def with_widths(
        self, architecture: GeneratorArchitecture, widths: Sequence[float]
    ) -> GeneratorArchitecture:
        """`architecture` with the nearest widths of the grid."""
        triples = zip(architecture.blocks, widths, self.widths(), strict=True)
        blocks = (  # no `replace`: a budget is met by thousands of these
            Block(self.grid.snap(width, limit), block.convs, block.kind, block.kernel)
            for block, width, limit in triples
        )
        return replace(architecture, blocks=tuple(blocks))

    def chosen(self, answers: Mapping[str, Any]) -> GeneratorArchitecture:
        """The student of the choices `answers` at full width."""
        blocks = []
        for i, block in enumerate(self.teacher.blocks):
            side = 4 << i
            kernel = answers.get(f"kernel_{side}", block.kernel)
            kind: ConvKind = (
                "full" if kernel == 1 else answers[f"kind_{side}"]
            )  # one pixel has nothing to separate
            blocks.append(Block(block.channels, answers.get(f"convs_{side}", block.convs), kind, kernel))
        mapping = {"style_dim": answers["style_dim"], "mapping_layers": answers["mapping_layers"]}
        return replace(self.teacher, blocks=tuple(blocks), **mapping)

    def simpler(self, architecture: GeneratorArchitecture) -> Iterator[GeneratorArchitecture]:
        """Narrowest widths, the smallest mapping network, fewest convolutions, cheapest kernels."""
        yield (simple := self.narrowest(architecture))
        yield (simple := replace(simple, mapping_layers=1))
        yield (simple := replace(simple, style_dim=_style_dims(self.teacher.style_dim)[-1]))
        yield (simple := replace(simple, blocks=tuple(replace(b, convs=1) for b in simple.blocks)))
        yield (simple := replace(simple, blocks=tuple(_cheapest(b) for b in simple.blocks)))
        kernels = (1 if self._searches_kernel(i) else b.kernel for i, b in enumerate(simple.blocks))
        blocks = (replace(b, kernel=k) for b, k in zip(simple.blocks, kernels, strict=True))
        yield replace(simple, blocks=tuple(_cheapest(b) for b in blocks))

    def _searches_kernel(self, block: int) -> bool:
        return block >= len(self.teacher.blocks) - SEARCHED_KERNELS


def _cheapest(block: Block) -> Block:
    """The block with its cheapest kernels: full 1×1 or separable larger ones."""
    return replace(block, kind="full" if block.kernel == 1 else "separable")


def _style_dims(style_dim: int) -> tuple[int, ...]:
    """The teacher's style width and a half of it."""
    return tuple(dict.fromkeys((style_dim, max(1, style_dim // 2))))
