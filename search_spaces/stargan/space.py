"""The StarGAN students below one teacher."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from search_spaces.base import Suggest, Utilisation
from search_spaces.sampling import Choice, Count, OneOf, RelativeWidth, StudentSpace
from search_spaces.stargan import architecture as closed_form
from search_spaces.stargan import inherit as inheritance
from search_spaces.stargan.architecture import SIZES, BlockKind, GeneratorArchitecture

WIDTHS = ("encoder_full", "encoder_half", "blocks", "decoder_half", "decoder_full")
SMALLEST_KERNELS = {"stem": 3, "image": 3, "down": 2, "up": 2}
FEW_BLOCKS = 2  # of an initial design, as LIT (Koratana et al., arXiv 1810.01937) keeps of StarGAN's six


@dataclass(frozen=True)
class StarGANSpace(StudentSpace[GeneratorArchitecture]):
    """Students with the teacher's resolution, colours and attributes, of no more MACs or parameters.

    Searched: relative width of every stage; number of residual blocks, each dense or depthwise-separable;
    skips from the encoder's maps to the decoder's; kernel sizes of the other layers.
    """

    name = "stargan"
    macs = staticmethod(closed_form.macs)
    params = staticmethod(closed_form.params)
    inherit = staticmethod(inheritance.inherit)

    def choices(self) -> list[Choice]:
        """Widths from the stem to the last layer before the image, then blocks, skips, kernels."""
        t = self.teacher
        found: list[Choice] = [RelativeWidth(f"width_{name}") for name in WIDTHS]
        found.append(Count("blocks", len(t.blocks)))
        for i, kind in enumerate(t.blocks, 1):
            found.append(OneOf(f"kind_{i}", tuple(dict.fromkeys((kind, self._cheapest(kind)))), kind))
        found += [OneOf(f"skip_{size}", (False, True), size in t.skips) for size in SIZES]
        return found + [OneOf(name, sizes, sizes[0]) for name, sizes in self._kernels().items()]

    def initial_designs(self) -> list[dict[str, Any]]:
        """Separable blocks; the same with all skips; the same with small kernels; few blocks.

        Each where it differs from those before it.
        """
        uniform = self.uniform()
        separable = {f"kind_{i}": self._cheapest(kind) for i, kind in enumerate(self.teacher.blocks, 1)}
        skips = {f"skip_{size}": True for size in SIZES}
        small = {name: sizes[-1] for name, sizes in self._kernels().items()}
        few = {"blocks": min(FEW_BLOCKS, len(self.teacher.blocks))}
        designs: list[dict[str, Any]] = []
        for changes in (separable, separable | skips, separable | small, few):
            design = {**uniform, **changes}
            designs += [design] if design not in [uniform, *designs] else []
        return designs

    def sample(self, suggest: Suggest, utilisation: Utilisation) -> GeneratorArchitecture:
        """See `SearchSpace`.

        Skips have weights of their own: what costs more than the teacher does not fit.
        """
        return super().sample(suggest, self.within_teacher(utilisation))

    def widths(self) -> tuple[int, ...]:
        """Channels of the encoder's stages, the last of them the residual blocks', and of the decoder's."""
        return (*self.teacher.encoder, *self.teacher.decoder)

    def with_widths(
        self, architecture: GeneratorArchitecture, widths: Sequence[float]
    ) -> GeneratorArchitecture:
        """`architecture` with the nearest widths of the grid."""
        pairs = zip(widths, self.widths(), strict=True)
        full, half, blocks, up, last = (self.grid.snap(width, limit) for width, limit in pairs)
        return replace(architecture, encoder=(full, half, blocks), decoder=(up, last))

    def chosen(self, answers: Mapping[str, Any]) -> GeneratorArchitecture:
        """The student of the choices `answers` at full width."""
        return replace(
            self.teacher,
            blocks=tuple(answers[f"kind_{i}"] for i in range(1, answers["blocks"] + 1)),
            skips=tuple(size for size in SIZES if answers[f"skip_{size}"]),
            **_kernel_fields({name: answers[name] for name in self._kernels()}),
        )

    def simpler(self, architecture: GeneratorArchitecture) -> Iterator[GeneratorArchitecture]:
        """Narrowest widths, smallest kernels, no skips, the cheapest kinds of blocks, a single block."""
        yield (simple := self.narrowest(architecture))
        for name, sizes in self._kernels().items():
            yield (simple := replace(simple, **_kernel_fields({name: sizes[-1]})))
        yield (simple := replace(simple, skips=()))
        yield (simple := replace(simple, blocks=tuple(map(self._cheapest, simple.blocks))))
        yield replace(simple, blocks=simple.blocks[:1])

    def _cheapest(self, kind: BlockKind) -> BlockKind:
        """The cheaper of a residual block's own kind and "separable", which saves nothing at one channel."""
        return "separable" if self.teacher.encoder[-1] > 1 else kind

    def _kernels(self) -> dict[str, tuple[int, ...]]:
        """The choices of kernel sizes: the teacher's, and every second smaller one, which keeps map sizes."""
        t = self.teacher
        own = {"stem": t.stem_kernel, "down": t.down_kernel, "up": t.up_kernel, "image": t.image_kernel}
        return {
            f"kernel_{name}": tuple(range(own[name], min(own[name], smallest) - 1, -2))
            for name, smallest in SMALLEST_KERNELS.items()
        }


def _kernel_fields(answers: Mapping[str, int]) -> dict[str, Any]:
    """The fields of an architecture for the answers to choices of kernel sizes."""
    return {f"{name.removeprefix('kernel_')}_kernel": kernel for name, kernel in answers.items()}
