"""The students that can share weights: their space, and the checks of a request for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from nas.budget import Budget
from nas.errors import ConfigError
from search_spaces import (
    FAMILIES,
    Architecture,
    BudgetFractions,
    Family,
    FixedSuggest,
    Importance,
    PartlyFixedSuggest,
    SearchSpace,
    StyleBased,
    Suggest,
    Utilisation,
    WeightSharing,
)

if TYPE_CHECKING:
    from nas.workbench.workbench import Workbench


@dataclass(frozen=True)
class SharedSpace:
    """The students of `space` that share weights; choices in which all equal the teacher are fixed."""

    space: SearchSpace
    fixed: Mapping[str, Any]

    @classmethod
    def of(cls, family: Family, space: SearchSpace) -> SharedSpace:
        """The students of `space`, one of `family`, that share weights.

        Raises:
            ConfigError: this family has no weight sharing.
        """
        choices = space.uniform()
        return cls(space, {name: choices[name] for name in weight_sharing(family).fixed_choices})

    @property
    def fractions(self) -> BudgetFractions:
        return self.space.fractions

    def with_fractions(self, fractions: BudgetFractions) -> Self:
        return replace(self, space=self.space.with_fractions(fractions))

    def sample(self, suggest: Suggest, utilisation: Utilisation) -> Architecture:
        return self.space.sample(PartlyFixedSuggest(suggest, self.fixed), utilisation)

    def uniform(self) -> dict[str, Any]:
        return self._searched(self.space.uniform())

    def initial_designs(self) -> list[dict[str, Any]]:
        return [self._searched(design) for design in self.space.initial_designs()]

    def _searched(self, choices: dict[str, Any]) -> dict[str, Any]:
        return {name: choice for name, choice in choices.items() if name not in self.fixed}

    def macs(self, architecture: Any) -> int:
        return self.space.macs(architecture)

    def params(self, architecture: Any) -> int:
        return self.space.params(architecture)

    def smallest(self) -> Architecture:
        return self.space.smallest()

    def largest(self) -> Architecture:
        return self.space.largest()

    def inherit(self, teacher: Any, student: Any, importance: Importance = "magnitude") -> None:
        self.space.inherit(teacher, student, importance)


def weight_sharing(family: Family) -> WeightSharing:
    """The weight sharing of `family`.

    Raises:
        ConfigError: the family has none.
    """
    if family.slimmable is None:
        able = ", ".join(name for name, each in FAMILIES.items() if each.slimmable is not None)
        raise ConfigError(
            f"--share-weights: {family.name} students can't share weights ({able} students can): leave it out"
        )
    return family.slimmable


def searched_space(bench: Workbench) -> SearchSpace:
    """The space that a search proposes from; with shared weights, the part that they contain."""
    family = bench.teacher.family
    return SharedSpace.of(family, bench.space) if bench.config.share_weights else bench.space


def check_shareable(bench: Workbench) -> None:
    """Check that candidates can share weights.

    Raises:
        ConfigError: the family has no weight sharing, or shared weights lack the styles of the recipe.
        BudgetError: see `check_narrowest`.
    """
    space, sharing = SharedSpace.of(bench.teacher.family, bench.space), weight_sharing(bench.teacher.family)
    if bench.recipe.needs_styles and not isinstance(
        sharing.build(bench.teacher.generator.cpu(), bench.config.importance), StyleBased
    ):
        raise ConfigError(
            f"--share-weights: --recipe {bench.config.recipe} regularises path lengths, which shared weights "
            "do not support: leave it out, or give another --recipe"
        )
    check_narrowest(bench.config.budget, space)


def check_narrowest(budget: Budget, space: SharedSpace) -> None:
    """Check that the narrowest student with the teacher's choices, the most expensive ones, fits the budget.

    Raises:
        BudgetError: it does not fit.
    """

    def over_the_budget(architecture: Any) -> float:
        return 1.0  # above any budget fraction, so that widths shrink to their minimum

    choices = {"budget_fraction": space.fractions.low, **space.uniform()}
    narrowest = space.sample(FixedSuggest(choices), over_the_budget)
    budget.require(space, narrowest, "the narrowest student that keeps the teacher's mapping network")
