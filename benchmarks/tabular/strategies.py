"""Strategies to compare: the service's search as it is and in parts, and other methods."""

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
WITH_DESIGNS: dict[str, Any] = {"halving": False, "naive": True}
SCALAR: dict[str, Any] = {"scalar": True, **NAIVE}
ONCE: dict[str, Any] = {"replicates": 0}


class Strategy(Protocol):
    """A way to spend a number of training images."""

    def answers(self, world: World, seed: int, images: int) -> Iterator[Answer]:
        """What it would answer after every training."""


@dataclass(frozen=True)
class Search:
    """The service's search, with settings of the search and options of the replay."""

    sampler: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    spends_all: bool = False  # search until the images are used up; else for the trials that they pay for

    def answers(self, world: World, seed: int, images: int) -> Iterator[Answer]:
        affordable = images // world.table.images[-1]
        config = SearchConfig.of(
            budget_macs=BUDGET,
            trials=len(world.table.architectures) if self.spends_all else affordable,
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
    "ours, exact distances (no margin, no replicates)": Search(
        "gp", {"significance": 0.0, **ONCE}, {"naive": True}
    ),
    "random search": Search("random", ONCE, OPTUNA, spends_all=True),
    "Optuna TPE": Search("tpe", ONCE, OPTUNA, spends_all=True),
    "Optuna TPE + baselines and initial designs": Search("tpe", ONCE, WITH_DESIGNS, spends_all=True),
    "Optuna GP": Search("optuna-gp", ONCE, OPTUNA, spends_all=True),
    "Optuna GP + baselines and initial designs": Search("optuna-gp", ONCE, WITH_DESIGNS, spends_all=True),
    "Optuna NSGA-II": Search("nsga2", ONCE, OPTUNA, spends_all=True),
    "ASHA on the distance alone (stopping)": Search(
        "random", {"significance": 0.0, **ONCE}, SCALAR, spends_all=True
    ),
    "supernet + evolution": Supernet(),
}
