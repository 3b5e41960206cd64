"""The BigGAN students below one teacher, proposed so that they fit a budget by construction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from search_spaces.base import Slimmable, Suggest, Utilisation
from search_spaces.biggan import architecture as closed_form
from search_spaces.biggan.architecture import ATTENTION_DIVISOR, SMALLEST_HALVED, GeneratorArchitecture
from search_spaces.biggan.generator import BigGANGenerator
from search_spaces.biggan.inherit import inherit
from search_spaces.errors import ArchitectureError
from search_spaces.widths import MIN_BUDGET_FRACTION, MIN_RELATIVE_WIDTH, snap_width, spend, width_step

COARSEST_ATTENTION = 8  # px: at 4 px every place is within reach of two convolutions
NO_ATTENTION = "none"
HIERARCHICAL, FLAT = "hierarchical", "flat"  # every block gets its chunk of z; the start gets all of it


@dataclass(frozen=True)
class BigGANSpace:
    """Students that keep the teacher's resolution, colours, classes and latent `z`, and cost no more.

    Searched: the share of the budget to spend; relative width per resolution; where self-attention is, at the
    teacher's sides, at one coarser side or nowhere; width of the shared class embedding; whether blocks get
    their chunks of `z`, or the start all of it. The widths are then scaled together until the share is spent;
    those that attention looks at stay multiples of 8.
    """

    teacher: GeneratorArchitecture

    name = "biggan"

    def macs(self, architecture: GeneratorArchitecture) -> int:
        return closed_form.macs(architecture)

    def params(self, architecture: GeneratorArchitecture) -> int:
        return closed_form.params(architecture)

    def largest(self) -> GeneratorArchitecture:
        return self.teacher

    def smallest(self) -> GeneratorArchitecture:
        return list(self._simpler(self.teacher))[-1]

    def uniform(self) -> dict[str, Any]:
        widths = {f"width_{side}": 1.0 for side in self.teacher.sides}
        return {
            "attention": _named(self.teacher.attention),
            "shared_dim": self.teacher.shared_dim,
            "latent": self._latents()[0],
            **widths,
        }

    def initial_designs(self) -> list[dict[str, Any]]:
        last = len(self.teacher.sides) - 1
        taper = {f"width_{s}": MIN_RELATIVE_WIDTH ** (i / last) for i, s in enumerate(self.teacher.sides)}
        bulge = {f"width_{s}": MIN_RELATIVE_WIDTH ** (1 - i / last) for i, s in enumerate(self.teacher.sides)}
        initial_designs = [{**self.uniform(), **taper}, {**self.uniform(), **bulge}]
        if self.teacher.attention:
            initial_designs.append({**self.uniform(), **taper, "attention": NO_ATTENTION})
        return initial_designs

    def sample(self, suggest: Suggest, utilisation: Utilisation) -> GeneratorArchitecture:
        share = suggest.suggest_float("budget_fraction", MIN_BUDGET_FRACTION, 1.0)
        proposal = self._choose(suggest)
        relative = [
            suggest.suggest_float(f"width_{side}", MIN_RELATIVE_WIDTH, 1.0, log=True)
            for side in self.teacher.sides
        ]

        def scaled(scale: float) -> GeneratorArchitecture:
            """`proposal` at the teacher's widths times the relative ones times `scale`."""
            widths = enumerate(zip(self.teacher.channels, relative, strict=True))
            return replace(
                proposal,
                channels=tuple(self._snap(w * r * scale, i, proposal.attention) for i, (w, r) in widths),
            )

        def load_within_teacher(architecture: GeneratorArchitecture) -> float:
            return utilisation(architecture) if self._within_teacher(architecture) else float("inf")

        return spend(share, load_within_teacher, scaled, relative, self._simpler)

    def inherit(self, teacher: BigGANGenerator, student: BigGANGenerator) -> None:
        inherit(teacher, student)

    def slimmable(self, teacher: BigGANGenerator) -> Slimmable:
        raise ArchitectureError(
            "BigGAN students can't share weights: part of a weight has another largest singular value, and "
            "other activation statistics, than the whole: search without shared weights"
        )

    def shared(self) -> dict[str, Any]:
        return {}

    def _choose(self, suggest: Suggest) -> GeneratorArchitecture:
        """An architecture at the teacher's widths."""
        attention = suggest.suggest_categorical("attention", tuple(self._attentions()))
        shared_dim = suggest.suggest_categorical("shared_dim", self._shared_dims())
        latent = suggest.suggest_categorical("latent", self._latents())
        return self._with(attention=self._attentions()[attention], shared_dim=shared_dim, latent=latent)

    def _with(self, *, attention: tuple[int, ...], shared_dim: int, latent: str) -> GeneratorArchitecture:
        """The teacher with other choices; where attention was added, its width is a multiple of 8."""
        t = self.teacher
        flat = (t.latent_dim, *(0 for _ in t.chunks[1:]))
        chunks = flat if latent == FLAT else t.chunks
        widths = (self._snap(width, i, attention) for i, width in enumerate(t.channels))
        return replace(t, channels=tuple(widths), attention=attention, shared_dim=shared_dim, chunks=chunks)

    def _attentions(self) -> dict[str, tuple[int, ...]]:
        """Where attention may be, by the names of the choices: the teacher's sides, a coarser one, none."""
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

    def _within_teacher(self, architecture: GeneratorArchitecture) -> bool:
        """Attention at a coarser side has more weights, and so has a start that gets all of z."""
        cheaper = self.macs(architecture) <= self.macs(self.teacher)
        return cheaper and self.params(architecture) <= self.params(self.teacher)

    def _snap(self, channels: float, stage: int, attention: tuple[int, ...]) -> int:
        """The nearest width that a stage can have: on the grid, or a multiple of 8 before attention."""
        limit = self.teacher.channels[stage]
        if stage == 0 or self.teacher.sides[stage] not in attention:
            return snap_width(channels, limit)
        eighths = min(limit // ATTENTION_DIVISOR, round(channels / ATTENTION_DIVISOR))
        return ATTENTION_DIVISOR * max(1, eighths)

    def _simpler(self, architecture: GeneratorArchitecture) -> Iterator[GeneratorArchitecture]:
        """Ever cheaper variants of `architecture`, the last one being the smallest of the space."""
        stages = enumerate(self.teacher.channels)
        narrow = tuple(self._snap(width_step(width), i, architecture.attention) for i, width in stages)
        yield replace(architecture, channels=narrow)
        narrowest = tuple(width_step(width) for width in self.teacher.channels)
        yield (simple := replace(architecture, channels=narrowest, attention=()))
        yield (simple := replace(simple, shared_dim=self._shared_dims()[-1]))
        chunkings = (
            self._with(attention=(), shared_dim=simple.shared_dim, latent=each).chunks
            for each in self._latents()
        )
        yield min((replace(simple, chunks=chunks) for chunks in chunkings), key=self.macs)


def _named(sides: tuple[int, ...]) -> str:
    """A choice of where attention is, in a word: "none", "64" or "32+64"."""
    return "+".join(map(str, sides)) or NO_ATTENTION
