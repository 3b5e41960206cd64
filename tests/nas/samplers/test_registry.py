"""Samplers by name: one contract for all of them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from nas.errors import ConfigError
from nas.ranking import Point, RungBoard, hypervolume
from nas.samplers.gp import LEAST_RESULTS
from nas.samplers.registry import SAMPLERS, check_sampler, make_sampler, resume_seed

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


def utilisation(architecture: tuple[int, ...]) -> float:
    return Knobs().macs(architecture) / BUDGET


def fid(architecture: tuple[int, ...]) -> float:
    return math.exp(4 - 0.3 * architecture[0] + 0.05 * (architecture[1] - 6) ** 2)


def sampler_of(name: str, seed: int, space: Knobs, board: RungBoard) -> optuna.samplers.BaseSampler:
    return make_sampler(name, seed, space, utilisation, board)  # type: ignore[arg-type]


def search(
    name: str, seed: int, trials: int = 24, space: Knobs | None = None, given: Sequence[tuple[int, ...]] = ()
) -> tuple[list[dict[str, Any]], list[tuple[int, ...]]]:
    """Choices and architectures of a search; every fourth candidate is stopped at the first rung.

    Those `given` are trained before, as trials that made no choices.
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


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_searches_quietly_what_fits(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("error", optuna.exceptions.ExperimentalWarning)
        _, architectures = search(name, seed=1)
    assert len(architectures) == 24
    assert all(utilisation(architecture) <= 1 for architecture in architectures)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "gp"])  # it needs one kind of vector
def test_the_others_search_conditional_spaces_too(name: str) -> None:
    choices, _ = search(name, seed=1, space=Knobs(conditional=True))
    assert {chosen["twice"] for chosen in choices} == {True, False}
    assert all(("of the second" in chosen) == chosen["twice"] for chosen in choices)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_same_seed_proposes_the_same_and_another_seed_something_else(name: str) -> None:
    assert search(name, 1) == search(name, 1)
    assert search(name, 1) != search(name, 2)


def test_the_surrogate_proposes_what_nobody_has_trained() -> None:
    _, architectures = search("gp", seed=0, trials=30)
    beginning = architectures[: 2 * LEAST_RESULTS]
    later = architectures[2 * LEAST_RESULTS :]
    assert len(set(later)) == len(later)
    assert not set(later) & set(beginning)


def volume(architectures: list[tuple[int, ...]]) -> float:
    """What their front fills in (log FID, log MACs)."""
    points: list[Point] = [(math.log(fid(a)), math.log(Knobs().macs(a))) for a in architectures]
    return hypervolume(points, (5.0, math.log(BUDGET)))


GIVEN = [(0,) * KNOBS] * (LEAST_RESULTS + 1)  # so many that the surrogate would begin with them


@pytest.mark.parametrize(("name", "trials", "better"), [("gp", 40, 1.5), ("evolution", 300, 1.1)])
@pytest.mark.parametrize(("seed", "given"), [(0, ()), (1, ()), (0, GIVEN)])
def test_who_learns_fills_far_more_than_chance_does(
    name: str, trials: int, better: float, seed: int, given: Sequence[tuple[int, ...]]
) -> None:
    found = search(name, seed, trials, given=given)[1]
    assert volume(found) > better * volume(search("random", seed, trials)[1])


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "random"])
def test_architectures_that_were_given_leave_the_choices_to_be_learnt(name: str) -> None:
    study = optuna.create_study(directions=["minimize"] * 2)
    study.add_trial(create_trial(values=[1.0, 2.0]))
    chosen = study.ask()
    Knobs().sample(chosen, utilisation)
    study.tell(chosen, [1.0, 2.0])
    study.add_trial(create_trial(values=[1.0, 2.0]))
    sampler = sampler_of(name, 0, Knobs(), RungBoard(RUNGS))
    for _ in range(2):  # the second time, from what it keeps
        space: Any = sampler.infer_relative_search_space(study, study.trials[-1])
        for found in getattr(space, "search_spaces", [space]):  # of TPE: one for each group
            if found:
                assert found.keys() == chosen.params.keys()
        assert space


def test_tpe_sees_widths_together_and_running_trials() -> None:
    tpe: Any = sampler_of("tpe", 0, Knobs(), RungBoard(RUNGS))
    assert (tpe._multivariate, tpe._group, tpe._constant_liar) == (True, True, True)


def test_an_unknown_sampler_is_answered_with_the_known_ones() -> None:
    says = "unknown sampler 'grid': choose one of gp, tpe, nsga2, random, evolution"
    with pytest.raises(ConfigError, match=says):
        check_sampler("grid")
    with pytest.raises(ConfigError, match=says):
        sampler_of("grid", 0, Knobs(), RungBoard(RUNGS))
    for name in SAMPLERS:
        check_sampler(name)


def test_a_resumed_run_has_a_seed_of_its_own_and_always_the_same() -> None:
    seeds = [resume_seed(seed, trials) for seed in range(10) for trials in range(50)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert resume_seed(3, 7) == resume_seed(3, 7)
    with pytest.raises(ConfigError, match="seed -1 is negative"):
        resume_seed(-1, 0)
