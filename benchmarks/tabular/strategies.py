"""What a user could pick: the service's search as it is and in parts, and what others would do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from benchmarks.tabular.replay import Answer, World, replay, replay_supernet
from nas.config import SearchConfig
from nas.trials import Proposer

BUDGET = 2_000_000  # MACs, the table's


class Plain(Proposer):
    """A sampler alone: no baselines, no initial designs."""

    def _enqueue(self) -> None:
        pass


NAIVE: dict[str, Any] = {"proposer_class": Plain, "naive": True}
OPTUNA: dict[str, Any] = {"halving": False, **NAIVE}
OPENED: dict[str, Any] = {"halving": False, "naive": True}
SCALAR: dict[str, Any] = {"scalar": True, **NAIVE}
ONCE: dict[str, Any] = {"replicates": 0}


class Strategy(Protocol):
    """Something a user could do with so many images to train on."""

    def answers(self, world: World, seed: int, images: int) -> Iterator[Answer]:
        """What it would answer after every training."""


@dataclass(frozen=True)
class Search:
    """The service's search, with settings of the search and options of the replay."""

    sampler: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    goes_on: bool = False  # until the images are used up; ours asks for the trials that they would pay for

    def answers(self, world: World, seed: int, images: int) -> Iterator[Answer]:
        affordable = images // world.table.images[-1]
        config = SearchConfig.of(
            budget_macs=BUDGET,
            trials=len(world.table.architectures) if self.goes_on else affordable,
            seeds=len(world.observed),
            **{"replicates": 10, **self.settings},
        )
        return replay(world, config, self.sampler, seed, images, **self.options)


class Supernet:
    """Shared weights, and an evolution over what is read out of them."""

    def answers(self, world: World, seed: int, images: int) -> Iterator[Answer]:
        return replay_supernet(world, images)


STRATEGIES: dict[str, Strategy] = {
    "ours": Search("gp"),
    "ours with TPE": Search("tpe"),
    "ours with Optuna's GP": Search("optuna-gp"),
    "ours without halving": Search("gp", {}, {"halving": False}),
    "ours, exact FIDs (no ties, no replicates)": Search("gp", {"significance": 0.0, **ONCE}, {"naive": True}),
    "random search": Search("random", ONCE, OPTUNA, goes_on=True),
    "Optuna TPE": Search("tpe", ONCE, OPTUNA, goes_on=True),
    "Optuna TPE + baselines and initial designs": Search("tpe", ONCE, OPENED, goes_on=True),
    "Optuna GP": Search("optuna-gp", ONCE, OPTUNA, goes_on=True),
    "Optuna GP + baselines and initial designs": Search("optuna-gp", ONCE, OPENED, goes_on=True),
    "Optuna NSGA-II": Search("nsga2", ONCE, OPTUNA, goes_on=True),
    "ASHA on FID alone (stopping)": Search("random", {"significance": 0.0, **ONCE}, SCALAR, goes_on=True),
    "supernet + evolution": Supernet(),
}
