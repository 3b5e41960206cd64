"""The choices that span a search space: what each may be, and what the teacher has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from search_spaces.base import Suggest

MIN_RELATIVE_WIDTH = 0.25  # of the teacher's width, before all widths are scaled together


@dataclass(frozen=True)
class OneOf:
    """One of several options."""

    name: str
    options: tuple[Any, ...]
    teacher: Any  # the teacher's own, one of `options`

    def ask(self, suggest: Suggest) -> Any:
        """The answer of `suggest`."""
        return suggest.suggest_categorical(self.name, self.options)


@dataclass(frozen=True)
class Count:
    """How many layers of a kind there are: 1 to as many as the teacher has."""

    name: str
    teacher: int

    def ask(self, suggest: Suggest) -> int:
        """The answer of `suggest`, in [1, teacher]."""
        return suggest.suggest_int(self.name, 1, self.teacher)


@dataclass(frozen=True)
class RelativeWidth:
    """The width of a layer relative to the teacher's, before all widths are scaled to the budget."""

    name: str
    teacher: float = 1.0

    def ask(self, suggest: Suggest) -> float:
        """The answer of `suggest`, in [0.25, 1], log-uniform."""
        return suggest.suggest_float(self.name, MIN_RELATIVE_WIDTH, 1.0, log=True)


Choice: TypeAlias = OneOf | Count | RelativeWidth


def tapered(names: Sequence[str], *, rising: bool = False) -> dict[str, float]:
    """Relative widths that fall geometrically from 1 to the least, first name to last; or rise."""
    last = max(1, len(names) - 1)
    exponents = (1 - i / last if rising else i / last for i in range(len(names)))
    return {name: MIN_RELATIVE_WIDTH**exponent for name, exponent in zip(names, exponents, strict=True)}
