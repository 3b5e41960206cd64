"""What the search spaces of all families share: sampling within a budget, the baseline, both ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, Self, TypeVar

from search_spaces.architecture import Architecture
from search_spaces.base import WITHIN_BUDGET, BudgetFractions, Importance, Suggest, Utilisation
from search_spaces.sampling.choices import Choice, RelativeWidth, tapered
from search_spaces.sampling.widths import WidthGrid, scale_to_budget

A = TypeVar("A", bound=Architecture)


@dataclass(frozen=True)
class StudentSpace(ABC, Generic[A]):
    """The students of one family that are no larger than one teacher; a `SearchSpace`.

    A family states its choices, and how answers, widths and simplifications become an architecture. Besides
    them `sample` asks for `budget_fraction`, the target utilisation, and scales all widths to it.
    """

    teacher: A
    fractions: BudgetFractions = WITHIN_BUDGET

    grid: ClassVar[WidthGrid] = WidthGrid()

    @abstractmethod
    def choices(self) -> Sequence[Choice]:
        """The choices in the order in which `sample` asks for them; a `RelativeWidth` for each width."""

    @abstractmethod
    def widths(self) -> tuple[int, ...]:
        """The teacher's widths that are searched, channels."""

    @abstractmethod
    def with_widths(self, architecture: A, widths: Sequence[float]) -> A:
        """`architecture` with the nearest possible widths, one for each of `widths()`."""

    @abstractmethod
    def chosen(self, answers: Mapping[str, Any]) -> A:
        """The student that `answers` (choice name ─► answer) describe, at any widths."""

    @abstractmethod
    def simpler(self, architecture: A) -> Iterator[A]:
        """Ever cheaper variants of `architecture`; the last one is the smallest of the space."""

    @abstractmethod
    def macs(self, architecture: A) -> int:
        """See `SearchSpace`."""

    @abstractmethod
    def params(self, architecture: A) -> int:
        """See `SearchSpace`."""

    @abstractmethod
    def initial_designs(self) -> list[dict[str, Any]]:
        """See `SearchSpace`."""

    @abstractmethod
    def inherit(self, teacher: Any, student: Any, importance: Importance = "magnitude") -> None:
        """See `SearchSpace`."""

    def sample(self, suggest: Suggest, utilisation: Utilisation) -> A:
        """See `SearchSpace`."""
        fraction = self.fractions.ask(suggest)
        answers = {choice.name: choice.ask(suggest) for choice in self.choices()}
        relative = [answers[name] for name in self.width_names()]
        proposal = self.chosen(answers)

        def scaled(scale: float) -> A:
            widths = zip(self.widths(), relative, strict=True)
            return self.with_widths(proposal, [width * r * scale for width, r in widths])

        return scale_to_budget(fraction, utilisation, scaled, relative, self.simpler)

    def within_teacher(self, utilisation: Utilisation) -> Utilisation:
        """`utilisation`, and infinite for what costs more than the teacher in MACs or parameters."""

        def limited(architecture: A) -> float:
            cheaper = self.macs(architecture) <= self.macs(self.teacher)
            cheaper = cheaper and self.params(architecture) <= self.params(self.teacher)
            return utilisation(architecture) if cheaper else float("inf")

        return limited

    def with_fractions(self, fractions: BudgetFractions) -> Self:
        """See `SearchSpace`."""
        return replace(self, fractions=fractions)

    def uniform(self) -> dict[str, Any]:
        """See `SearchSpace`."""
        return {choice.name: choice.teacher for choice in self.choices()}

    def largest(self) -> A:
        """The teacher's architecture."""
        return self.teacher

    def smallest(self) -> A:
        """See `SearchSpace`."""
        return list(self.simpler(self.teacher))[-1]

    def narrowest(self, architecture: A) -> A:
        """`architecture` with every width one step of the grid."""
        return self.with_widths(architecture, [self.grid.step(width) for width in self.widths()])

    def width_names(self) -> list[str]:
        """Names of the relative widths, in the order of `widths`."""
        return [choice.name for choice in self.choices() if isinstance(choice, RelativeWidth)]

    def tapered(self, *, rising: bool = False) -> dict[str, Any]:
        """The uniform choices, but with widths that fall (or rise) from the first to the last."""
        return {**self.uniform(), **tapered(self.width_names(), rising=rising)}
