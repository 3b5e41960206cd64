"""The BigGAN students below one teacher."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from search_spaces.base import Suggest, Utilisation
from search_spaces.biggan import architecture as closed_form
from search_spaces.biggan import inherit as inheritance
from search_spaces.biggan.architecture import ATTENTION_DIVISOR, SMALLEST_HALVED, GeneratorArchitecture
from search_spaces.sampling import Choice, OneOf, RelativeWidth, StudentSpace

COARSEST_ATTENTION = 8  # px; at 4 px two convolutions reach every position
NO_ATTENTION = "none"
HIERARCHICAL, FLAT = "hierarchical", "flat"  # a chunk of z per block; all of z in the first layer


@dataclass(frozen=True)
class BigGANSpace(StudentSpace[GeneratorArchitecture]):
    """Students with the teacher's resolution, colours, classes and latent `z`, of no more MACs or parameters.

    Searched: relative width per resolution; where self-attention is, at the teacher's sides, at one coarser
    side or nowhere; width of the shared class embedding; whether blocks get their chunks of `z`, or the start
    all of it. Widths before attention stay multiples of 8.
    """

    name = "biggan"
    macs = staticmethod(closed_form.macs)
    params = staticmethod(closed_form.params)
    inherit = staticmethod(inheritance.inherit)

    def choices(self) -> list[Choice]:
        """Attention, class embedding and latent, then widths from the first image to the last block's."""
        t = self.teacher
        return [
            OneOf("attention", tuple(self._attentions()), _named(t.attention)),
            OneOf("shared_dim", self._shared_dims(), t.shared_dim),
            OneOf("latent", self._latents(), self._latents()[0]),
            *(RelativeWidth(f"width_{side}") for side in t.sides),
        ]

    def initial_designs(self) -> list[dict[str, Any]]:
        """Widths that fall towards the image; that rise; that fall, without attention."""
        designs = [self.tapered(), self.tapered(rising=True)]
        return designs + ([{**self.tapered(), "attention": NO_ATTENTION}] if self.teacher.attention else [])

    def sample(self, suggest: Suggest, utilisation: Utilisation) -> GeneratorArchitecture:
        """See `SearchSpace`.

        Attention at a coarser side has more weights, and so has a start that gets all of `z`: what costs more
        than the teacher does not fit.
        """
        return super().sample(suggest, self.within_teacher(utilisation))

    def widths(self) -> tuple[int, ...]:
        """Channels of the first image and of every block."""
        return self.teacher.channels

    def with_widths(
        self, architecture: GeneratorArchitecture, widths: Sequence[float]
    ) -> GeneratorArchitecture:
        """`architecture` with the nearest widths of the grid, or multiples of 8 before attention."""
        snapped = (self._snap(width, i, architecture.attention) for i, width in enumerate(widths))
        return replace(architecture, channels=tuple(snapped))

    def chosen(self, answers: Mapping[str, Any]) -> GeneratorArchitecture:
        """The student of the choices `answers` at full width (multiples of 8 before attention)."""
        t, attention = self.teacher, self._attentions()[answers["attention"]]
        widths = (self._snap(width, i, attention) for i, width in enumerate(t.channels))
        return replace(
            t,
            channels=tuple(widths),
            attention=attention,
            shared_dim=answers["shared_dim"],
            chunks=self._chunks(answers["latent"]),
        )

    def simpler(self, architecture: GeneratorArchitecture) -> Iterator[GeneratorArchitecture]:
        """Narrowest widths, no attention, the narrowest class embedding, the cheaper kind of latent."""
        yield self.narrowest(architecture)
        yield (simple := self.narrowest(replace(architecture, attention=())))
        yield (simple := replace(simple, shared_dim=self._shared_dims()[-1]))
        yield min((replace(simple, chunks=self._chunks(each)) for each in self._latents()), key=self.macs)

    def _chunks(self, latent: str) -> tuple[int, ...]:
        """Dimensions of `z` for the first layer and every block."""
        t = self.teacher
        return (t.latent_dim, *(0 for _ in t.chunks[1:])) if latent == FLAT else t.chunks

    def _attentions(self) -> dict[str, tuple[int, ...]]:
        """Possible sides of attention by the name of the choice: the teacher's, a coarser one, none."""
        t = self.teacher
        finest = max(t.attention, default=0)
        coarser = [
            (side,)
            for side, width in zip(t.sides[1:], t.channels[1:], strict=True)
            if COARSEST_ATTENTION <= side <= finest
            and width >= ATTENTION_DIVISOR
            and side % SMALLEST_HALVED == 0
        ]
        return {_named(sides): sides for sides in dict.fromkeys([t.attention, *coarser, ()])}

    def _shared_dims(self) -> tuple[int, ...]:
        """The teacher's width of the class embedding, a half and a quarter of it."""
        width = self.teacher.shared_dim
        return tuple(dict.fromkeys((width, max(1, width // 2), max(1, width // 4)))) if width else (0,)

    def _latents(self) -> tuple[str, ...]:
        return (HIERARCHICAL, FLAT) if any(self.teacher.chunks[1:]) else (FLAT,)

    def _snap(self, channels: float, stage: int, attention: tuple[int, ...]) -> int:
        """The nearest allowed width of a stage: on the grid, or a multiple of 8 before attention."""
        limit = self.teacher.channels[stage]
        if stage == 0 or self.teacher.sides[stage] not in attention:
            return self.grid.snap(channels, limit)
        eighths = min(limit // ATTENTION_DIVISOR, round(channels / ATTENTION_DIVISOR))
        return ATTENTION_DIVISOR * max(1, eighths)


def _named(sides: tuple[int, ...]) -> str:
    """The name of a choice of attention: "none", "64" or "32+64"."""
    return "+".join(map(str, sides)) or NO_ATTENTION
