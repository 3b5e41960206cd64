"""Samplers by name: one contract for all of them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import optuna
import pytest

from nas.errors import ConfigError
from nas.ranking import RungBoard
from nas.samplers import SAMPLERS, check_sampler, make_sampler
from nas.samplers.gp import LEAST_RESULTS
from tests.nas.samplers.knobs import (
    KNOBS,
    RUNGS,
    Knobs,
    learnt_choices,
    sampler_of,
    search,
    utilisation,
    volume,
)


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


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_search_that_is_resumed_in_every_trial_proposes_the_same(name: str) -> None:
    assert search(name, 1, interrupted=True) == search(name, 1)


def test_the_surrogate_proposes_what_nobody_has_trained() -> None:
    _, architectures = search("gp", seed=0, trials=30)
    beginning = architectures[: 2 * LEAST_RESULTS]
    later = architectures[2 * LEAST_RESULTS :]
    assert len(set(later)) == len(later)
    assert not set(later) & set(beginning)


GIVEN = [(0,) * KNOBS] * (LEAST_RESULTS + 1)  # so many that the surrogate would begin with them


@pytest.mark.parametrize(("seed", "given"), [(0, ()), (1, ()), (0, GIVEN)])
def test_the_surrogate_fills_far_more_than_chance_does(seed: int, given: Sequence[tuple[int, ...]]) -> None:
    found = search("gp", seed, 40, given=given)[1]
    by_chance = fmean(volume(search("random", other, 40)[1]) for other in range(5))
    assert volume(found) > 1.4 * by_chance


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "random"])
def test_architectures_that_were_given_leave_the_choices_to_be_learnt(name: str) -> None:
    groups = learnt_choices(name)
    assert all(group == {*(f"knob {i}" for i in range(KNOBS - 1)), "switch"} for group in groups)


def test_tpe_sees_widths_together_and_running_trials() -> None:
    sampler: Any = sampler_of("tpe", 0, Knobs(), RungBoard(RUNGS))
    tpe = sampler._current
    assert (tpe._multivariate, tpe._group, tpe._constant_liar) == (True, True, True)


def test_an_unknown_sampler_is_answered_with_the_known_ones() -> None:
    says = "--sampler grid: choose one of gp, tpe, nsga2, random"
    with pytest.raises(ConfigError, match=says):
        check_sampler("grid")
    with pytest.raises(ConfigError, match=says):
        make_sampler("grid", 0, Knobs(), utilisation, RungBoard(RUNGS))  # type: ignore[arg-type]  # a space of numbers
    for name in SAMPLERS:
        check_sampler(name)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ConfigError, match="--seed -1: give 0 or more"):
        make_sampler("random", -1, Knobs(), utilisation, RungBoard(RUNGS))  # type: ignore[arg-type]  # a space of numbers
