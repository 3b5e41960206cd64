"""A space of six numbers that takes no time to search, and searches of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import optuna
from optuna.trial import TrialState, create_trial

from benchmarks.samplers import COMPARED
from nas.ranking import Point, RungBoard, hypervolume
from nas.samplers import make_sampler

BUDGET = 500
RUNGS = 2
KNOBS = 6


class Knobs:
    """A space of six numbers up to 9: all cost, the first one helps, the second one has an optimum.

    What is over the budget is turned down from the last knob on, so that different choices come to the same.
    """

    def __init__(self, conditional: bool = False) -> None:
        self._conditional = conditional

    def sample(self, suggest: Any, load: Any) -> tuple[int, ...]:
        if self._conditional and suggest.suggest_categorical("twice", (True, False)):
            suggest.suggest_int("of the second", 1, 3)
        found = [suggest.suggest_int(f"knob {i}", 0, 9) for i in range(KNOBS - 1)]
        found.append(9 * suggest.suggest_categorical("switch", (0, 1)))
        for i in reversed(range(KNOBS)):
            while utilisation(tuple(found)) > 1 and found[i]:
                found[i] -= 1
        return tuple(found)

    def macs(self, architecture: tuple[int, ...]) -> int:
        return 100 + 10 * sum(architecture)

    def params(self, architecture: tuple[int, ...]) -> int:
        return 50 + 3 * sum(architecture)

    def largest(self) -> tuple[int, ...]:
        return (9,) * KNOBS


class EndOfProcessError(Exception):
    """Stands for a kill."""


class FirstChoice:
    """A trial that samples one number, and then no more."""

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial: optuna.Trial | None = trial

    def suggest_int(self, name: str, low: int, high: int) -> int:
        if self._trial is None:
            raise EndOfProcessError
        trial, self._trial = self._trial, None
        return trial.suggest_int(name, low, high)


def utilisation(architecture: tuple[int, ...]) -> float:
    return Knobs().macs(architecture) / BUDGET


def fid(architecture: tuple[int, ...]) -> float:
    return math.exp(4 - 0.3 * architecture[0] + 0.05 * (architecture[1] - 6) ** 2)


def sampler_of(name: str, seed: int, space: Knobs, board: RungBoard) -> optuna.samplers.BaseSampler:
    """The sampler called `name`, of the service's and those of the benchmarks."""
    return make_sampler(name, seed, space, utilisation, board, COMPARED)  # type: ignore[arg-type]


def search(
    name: str,
    seed: int,
    trials: int = 24,
    space: Knobs | None = None,
    given: Sequence[tuple[int, ...]] = (),
    *,
    interrupted: bool = False,
) -> tuple[list[dict[str, Any]], list[tuple[int, ...]]]:
    """Choices and architectures of a search; every fourth candidate is stopped at the first rung.

    Those `given` are trained before, as trials that made no choices. With `interrupted`, each trial is begun
    by one sampler and, after its first choice, continued by another.
    """
    space, board = space or Knobs(), RungBoard(RUNGS)
    study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler_of(name, seed, space, board))
    for number, architecture in enumerate(given):
        values = [fid(architecture), float(space.macs(architecture))]
        board.add(number, 0, (2 * values[0], values[1]))
        board.add(number, 1, (values[0], values[1]))
        study.add_trial(create_trial(values=values, user_attrs={"architecture": str(architecture)}))
    architectures = []
    for number in range(len(given), len(given) + trials):
        trial = study.ask()
        if interrupted:
            with suppress(EndOfProcessError):
                space.sample(FirstChoice(trial), utilisation)
            study.sampler = sampler_of(name, seed, space, board)
            trial = optuna.trial.Trial(study, trial._trial_id)
        architecture = space.sample(trial, utilisation)
        trial.set_user_attr("architecture", str(architecture))
        macs = float(space.macs(architecture))
        board.add(number, 0, (2 * fid(architecture), macs))
        if number % 4 < 3:
            board.add(number, 1, (fid(architecture), macs))
            study.tell(trial, [fid(architecture), macs])
        else:
            study.tell(trial, state=TrialState.PRUNED)
        architectures.append(architecture)
    return [trial.params for trial in study.trials[len(given) :]], architectures


def volume(architectures: list[tuple[int, ...]]) -> float:
    """What their front fills in (log FID, log MACs)."""
    points: list[Point] = [(math.log(fid(a)), math.log(Knobs().macs(a))) for a in architectures]
    return hypervolume(points, (5.0, math.log(BUDGET)))


def learnt_choices(name: str) -> list[set[str]]:
    """The names that a sampler learns about in a study with warm-start trials, one set for each group.

    The study is asked twice: the second answer comes from what the sampler keeps.
    """
    study = optuna.create_study(directions=["minimize"] * 2)
    study.add_trial(create_trial(values=[1.0, 2.0]))
    chosen = study.ask()
    Knobs().sample(chosen, utilisation)
    study.tell(chosen, [1.0, 2.0])
    study.add_trial(create_trial(values=[1.0, 2.0]))
    sampler = sampler_of(name, 0, Knobs(), RungBoard(RUNGS))
    found: list[set[str]] = []
    for _ in range(2):
        space: Any = sampler.infer_relative_search_space(study, study.trials[-1])
        assert space
        found += [set(group) for group in getattr(space, "search_spaces", [space]) if group]  # of TPE: groups
    return found
