"""The ResNet translators below one teacher."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from search_spaces.resnet_translator import architecture as closed_form
from search_spaces.resnet_translator import inherit as inheritance
from search_spaces.resnet_translator.architecture import Block, GeneratorArchitecture
from search_spaces.sampling import Choice, Count, OneOf, RelativeWidth, StudentSpace

GROUPS = 3  # of residual blocks with a width in common, as in GAN Compression
LEAST_KERNEL = 3  # of all layers
KERNELS = ("stem_kernel", "image_kernel", "block_kernel")  # choices, named as in the architecture
QUARTER, HALF = 0.25, 0.5  # relative widths of the first initial design


@dataclass(frozen=True)
class ResnetTranslatorSpace(StudentSpace[GeneratorArchitecture]):
    """Students with the teacher's resolution, channels of images, halvings, normalisation and padding.

    Searched: relative widths of the first convolution, of those of stride 2, of three groups of residual
    blocks (between their convolutions) and of the transposed ones; the number of blocks; dense or separable
    for every block; kernels of the first and last convolution, and of the blocks where the teacher's are
    larger than 3.
    """

    name = "resnet-translator"
    macs = staticmethod(closed_form.macs)
    params = staticmethod(closed_form.params)
    inherit = staticmethod(inheritance.inherit)

    def choices(self) -> list[Choice]:
        """Widths, number of blocks, kinds of blocks, kernels, each from the input to the image."""
        t = self.teacher
        found: list[Choice] = [RelativeWidth(name) for name in self._names()]
        found += [Count("blocks", len(t.blocks))] if len(t.blocks) > 1 else []
        found += [
            OneOf(f"kind_{i}", ("dense", "separable"), "dense")
            for i, block in enumerate(t.blocks, 1)
            if block.kind == "dense"
        ]
        for name in KERNELS if t.blocks else KERNELS[:2]:
            sizes = kernels(getattr(t, name))
            found += [OneOf(name, sizes, sizes[0])] if len(sizes) > 1 else []
        return found

    def initial_designs(self) -> list[dict[str, Any]]:
        """Narrow where images are large; separable blocks; both with two thirds of the blocks.

        Each where it differs from the uniform choices.
        """
        uniform = self.uniform()
        narrow: dict[str, Any] = {
            "width_stem": QUARTER,
            "width_down_1": HALF,
            f"width_up_{len(self.teacher.up)}": QUARTER,
        }
        separable = {name: "separable" for name in uniform if name.startswith("kind_")}
        fewer = {"blocks": max(1, len(self.teacher.blocks) * 2 // 3)} if "blocks" in uniform else {}
        small = {name: LEAST_KERNEL for name in KERNELS if name in uniform}
        designs: list[dict[str, Any]] = [
            narrow,
            separable,
            {**narrow, **separable, **fewer},
            {**separable, **small},
        ]
        found: list[dict[str, Any]] = []
        for changes in designs:
            design = {**uniform, **changes}
            if design not in (uniform, *found):
                found.append(design)
        return found

    def widths(self) -> tuple[int, ...]:
        """Channels in the order of the relative widths; of a group, those of its widest block."""
        t = self.teacher
        groups = (max(b.channels for b, i in self._grouped() if i == group) for group in self._groups())
        return (t.stem, *t.down, *groups, *t.up)

    def with_widths(
        self, architecture: GeneratorArchitecture, widths: Sequence[float]
    ) -> GeneratorArchitecture:
        """`architecture` with the nearest widths of the grid; blocks of a group keep their proportions."""
        t = self.teacher
        names = self._names()
        given = dict(zip(names, widths, strict=True))
        widest = dict(zip(names, self.widths(), strict=True))
        count = len(architecture.blocks)
        blocks = []
        for i, block in enumerate(architecture.blocks):
            limit = t.blocks[self.source(i, count)].channels
            name = f"width_blocks_{group_of(i, count)}"
            width = given[name] / widest[name] * limit
            blocks.append(replace(block, channels=self.grid.snap(width, limit)))

        def snapped(place: str, limits: Sequence[int]) -> tuple[int, ...]:
            return tuple(
                self.grid.snap(given[f"width_{place}_{i}"], limit) for i, limit in enumerate(limits, 1)
            )

        return replace(
            architecture,
            stem=self.grid.snap(given["width_stem"], t.stem),
            down=snapped("down", t.down),
            blocks=tuple(blocks),
            up=snapped("up", t.up),
        )

    def narrowest(self, architecture: GeneratorArchitecture) -> GeneratorArchitecture:
        """`architecture` with every width one step of the grid."""
        return self.with_widths(architecture, [0.0] * len(self.widths()))

    def chosen(self, answers: Mapping[str, Any]) -> GeneratorArchitecture:
        """The student that `answers` describe, at the teacher's widths."""
        t = self.teacher
        count = answers.get("blocks", len(t.blocks))
        sources = [t.blocks[self.source(i, count)] for i in range(count)]
        asked = [answers.get(f"kind_{i + 1}") == "separable" for i in range(count)]
        return replace(
            t,
            blocks=tuple(
                Block(block.channels, "separable" if separable else block.kind)
                for block, separable in zip(sources, asked, strict=True)
            ),
            **{name: answers.get(name, getattr(t, name)) for name in KERNELS},
        )

    def simpler(self, architecture: GeneratorArchitecture) -> Iterator[GeneratorArchitecture]:
        """Narrowest widths, the smallest kernels one by one, separable blocks, ever fewer of them."""
        yield (simple := self.narrowest(architecture))
        least: dict[str, Any] = {name: kernels(getattr(self.teacher, name))[-1] for name in KERNELS}
        for name, kernel in least.items():
            yield (simple := replace(simple, **{name: kernel}))
        blocks = tuple(replace(block, kind="separable") for block in simple.blocks)
        yield replace(simple, blocks=blocks)
        count = len(blocks)
        while count > 1:
            count //= 2
            separable = {f"kind_{i + 1}": "separable" for i in range(count)}
            yield self.narrowest(self.chosen({**least, **separable, "blocks": count}))

    def source(self, block: int, count: int) -> int:
        """The teacher's block that limits a student's width, both counted from 0.

        They are evenly spread; a single one is the teacher's narrowest.
        """
        t = self.teacher
        if count == 1:
            return min(range(len(t.blocks)), key=lambda i: t.blocks[i].channels)
        return round(block * (len(t.blocks) - 1) / (count - 1))

    def _names(self) -> list[str]:
        """Names of the relative widths, from the input to the image."""
        t = self.teacher
        return [
            "width_stem",
            *(f"width_down_{i}" for i in range(1, len(t.down) + 1)),
            *(f"width_blocks_{i}" for i in self._groups()),
            *(f"width_up_{i}" for i in range(1, len(t.up) + 1)),
        ]

    def _grouped(self) -> list[tuple[Block, int]]:
        """The teacher's blocks with their groups."""
        blocks = self.teacher.blocks
        return [(block, group_of(i, len(blocks))) for i, block in enumerate(blocks)]

    def _groups(self) -> list[int]:
        return sorted({group for _, group in self._grouped()})


def group_of(block: int, count: int) -> int:
    """The group, counted from 1, of a block, counted from 0, of `count` blocks."""
    return block * GROUPS // count + 1


def kernels(kernel: int) -> tuple[int, ...]:
    """Kernels that a student may have, the teacher's own first."""
    return tuple(range(kernel, LEAST_KERNEL - 1, -2)) or (kernel,)
