"""What a search trains before the sampler has its turn: baselines and initial designs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from search_spaces import SearchSpace


@dataclass(frozen=True)
class Plan:
    """Uniform-width baselines and initial designs: together at most half of the trials, and at least one."""

    baselines: tuple[float, ...]  # budget fractions, largest first; that one is never stopped early
    designs: tuple[Mapping[str, Any], ...]  # choices, with their budget fraction

    @classmethod
    def of(cls, space: SearchSpace, trials: int) -> Self:
        """The plan of a search of so many `trials`; with few, baselines and designs share what there is."""
        fractions, designs = space.fractions.baselines, space.initial_designs()
        planned = min(max(1, trials // 2), len(fractions) + len(designs))
        baselines = min(len(fractions), max(math.ceil(planned / 2), planned - len(designs)))
        return cls(
            fractions[:baselines],
            tuple({"budget_fraction": fractions[0], **each} for each in designs[: planned - baselines]),
        )

    @property
    def trials(self) -> int:
        """How many there are."""
        return len(self.baselines) + len(self.designs)
