"""The U-Net translators below one teacher."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from search_spaces.sampling import Choice, OneOf, RelativeWidth, StudentSpace
from search_spaces.unet_translator import architecture as closed_form
from search_spaces.unet_translator import inherit as inheritance
from search_spaces.unet_translator.architecture import GeneratorArchitecture, Level


@dataclass(frozen=True)
class UnetTranslatorSpace(StudentSpace[GeneratorArchitecture]):
    """Students with the teacher's resolution, channels of images, levels, normalisation and dropout.

    Searched: the relative width of every level, and whether its two convolutions are dense or separable; the
    first level, which reads and makes images, stays dense.
    """

    name = "unet-translator"
    macs = staticmethod(closed_form.macs)
    params = staticmethod(closed_form.params)
    inherit = staticmethod(inheritance.inherit)

    def choices(self) -> list[Choice]:
        """Widths first, then kinds, from the finest level; levels are counted from 1."""
        levels = list(enumerate(self.teacher.levels, 1))
        found: list[Choice] = [RelativeWidth(f"width_{i}") for i, _ in levels]
        kinds = ("dense", "separable")
        return found + [
            OneOf(f"kind_{i}", kinds, "dense") for i, level in levels[1:] if level.kind == "dense"
        ]

    def initial_designs(self) -> list[dict[str, Any]]:
        """Widths that fall from the finest level; that rise; separable levels, where dense ones are."""
        separable = {name: "separable" for name in self.uniform() if name.startswith("kind_")}
        designs = [self.tapered(), self.tapered(rising=True)]
        return designs + ([{**self.uniform(), **separable}] if separable else [])

    def widths(self) -> tuple[int, ...]:
        """Channels of every level."""
        return tuple(level.channels for level in self.teacher.levels)

    def with_widths(
        self, architecture: GeneratorArchitecture, widths: Sequence[float]
    ) -> GeneratorArchitecture:
        """`architecture` with the nearest widths of the grid."""
        triples = zip(architecture.levels, widths, self.widths(), strict=True)
        levels = (replace(level, channels=self.grid.snap(width, limit)) for level, width, limit in triples)
        return replace(architecture, levels=tuple(levels))

    def chosen(self, answers: Mapping[str, Any]) -> GeneratorArchitecture:
        """The student that `answers` describe, at the teacher's widths."""
        levels = (
            Level(level.channels, answers.get(f"kind_{i}", level.kind))
            for i, level in enumerate(self.teacher.levels, 1)
        )
        return replace(self.teacher, levels=tuple(levels))

    def simpler(self, architecture: GeneratorArchitecture) -> Iterator[GeneratorArchitecture]:
        """Narrowest widths, then separable levels."""
        yield (simple := self.narrowest(architecture))
        first, *others = simple.levels
        yield replace(simple, levels=(first, *(replace(level, kind="separable") for level in others)))
