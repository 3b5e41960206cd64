"""The samplers that benchmarks compare with keep the contract of the service's own."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import optuna
import pytest

from benchmarks.samplers import COMPARED
from nas.samplers import SAMPLERS
from nas.samplers.gp import LEAST_RESULTS
from tests.nas.samplers.knobs import KNOBS, Knobs, learnt_choices, search, utilisation, volume

OTHERS = [name for name in COMPARED if name not in SAMPLERS]
GIVEN = [(0,) * KNOBS] * (LEAST_RESULTS + 1)


@pytest.mark.parametrize("name", OTHERS)
def test_every_sampler_searches_quietly_what_fits(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    _, architectures = search(name, seed=1)
    assert len(architectures) == 24
    assert all(utilisation(architecture) <= 1 for architecture in architectures)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", OTHERS)
def test_the_same_seed_proposes_the_same_and_another_seed_something_else(name: str) -> None:
    assert search(name, 1) == search(name, 1)
    assert search(name, 1) != search(name, 2)


def test_evolution_searches_conditional_spaces_too() -> None:
    choices, _ = search("evolution", seed=1, space=Knobs(conditional=True))
    assert {chosen["twice"] for chosen in choices} == {True, False}
    assert all(("of the second" in chosen) == chosen["twice"] for chosen in choices)


@pytest.mark.parametrize("given", [(), GIVEN])
def test_evolution_fills_more_than_chance_does(given: Sequence[tuple[int, ...]]) -> None:
    seeds = range(6)
    found = fmean(volume(search("evolution", seed, 300, given=given)[1]) for seed in seeds)
    by_chance = fmean(volume(search("random", seed, 300)[1]) for seed in seeds)
    assert found > 1.05 * by_chance


def test_warm_start_trials_leave_evolution_the_choices_to_be_learnt() -> None:
    groups = learnt_choices("evolution")
    assert all(group == {*(f"knob {i}" for i in range(KNOBS - 1)), "switch"} for group in groups)
