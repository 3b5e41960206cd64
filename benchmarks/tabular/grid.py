"""The tabular benchmark's search space: few choices for what matters, all else as the teacher has it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from search_spaces import FixedSuggest, Importance, SearchSpace, Suggest, Utilisation

LEVELS: dict[str, tuple[float, ...]] = {  # ordered: samplers see the index
    "budget_fraction": (0.35, 0.6, 1.0),  # of the budget
    "width_8": (0.5, 1.0),  # relative to the first block's, before all are scaled to the budget fraction
    "width_16": (0.25, 0.5, 1.0),
    "convs_16": (1, 2),
}
KINDS: dict[str, tuple[str, ...]] = {"kind_8": ("full", "separable"), "kind_16": ("full", "separable")}


@dataclass(frozen=True)
class Grid:
    """The architectures of `space` that the choices of `LEVELS` and `KINDS` make; a `SearchSpace` itself."""

    space: SearchSpace
    _made: dict[tuple[Any, ...], Any] = field(default_factory=dict, compare=False)  # under one budget

    name = "grid"

    def choices(self) -> Iterator[dict[str, Any]]:
        """Every choice, as `sample` asks for it."""
        names = [*LEVELS, *KINDS]
        for values in itertools.product(*(range(len(v)) for v in LEVELS.values()), *KINDS.values()):
            yield dict(zip(names, values, strict=True))

    def all(self, utilisation: Utilisation) -> list[Any]:
        """Every architecture, each once, in a fixed order."""
        found = (self.sample(FixedSuggest(choices), utilisation) for choices in self.choices())
        return list({str(architecture): architecture for architecture in found}.values())

    def sample(self, suggest: Suggest, utilisation: Utilisation) -> Any:
        levels = {
            name: values[suggest.suggest_int(name, 0, len(values) - 1)] for name, values in LEVELS.items()
        }
        kinds = {name: suggest.suggest_categorical(name, values) for name, values in KINDS.items()}
        key = (*levels.values(), *kinds.values())
        if key not in self._made:
            choices = FixedSuggest({**self.space.uniform(), **levels, **kinds})
            self._made[key] = self.space.sample(choices, utilisation)
        return self._made[key]

    def uniform(self) -> dict[str, Any]:
        """Choices of the uniform-width baseline, all but its budget fraction."""
        full = {name: len(values) - 1 for name, values in LEVELS.items() if name != "budget_fraction"}
        return {**full, **dict.fromkeys(KINDS, "full")}

    def initial_designs(self) -> list[dict[str, Any]]:
        """The space's own, in the grid's terms: tapered, separable, tapered with a separable end."""
        tapered = {**self.uniform(), "width_8": 0, "width_16": 0}
        separable = {**self.uniform(), **dict.fromkeys(KINDS, "separable")}
        return [tapered, separable, {**tapered, "kind_16": "separable"}]

    def smallest(self) -> Any:
        return self.space.smallest()

    def largest(self) -> Any:
        return self.space.largest()

    def inherit(self, teacher: Any, student: Any, importance: Importance = "magnitude") -> None:
        self.space.inherit(teacher, student, importance)

    def macs(self, architecture: Any) -> int:
        return self.space.macs(architecture)

    def params(self, architecture: Any) -> int:
        return self.space.params(architecture)
