"""Samplers by name: one contract for all of them."""

import importlib.util
import warnings

import optuna
import pytest

from nas import samplers
from nas.errors import ConfigError
from nas.samplers import SAMPLERS, make_sampler, resume_seed


def search(name: str, seed: int, trials: int = 14) -> list[dict[str, object]]:
    """A tiny conditional space with two objectives, so that every sampler gets past its random start."""
    study = optuna.create_study(directions=["minimize"] * 2, sampler=make_sampler(name, seed))
    for _ in range(trials):
        trial = study.ask()
        width = trial.suggest_int("width", 8, 64, step=8)
        blocks = trial.suggest_categorical("blocks", [1, 2])
        second = trial.suggest_int("width.2", 8, 64, step=8) if blocks == 2 else 0
        study.tell(trial, [100 / (width + second), float(width**2 + second**2)])
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_searches_a_conditional_space_quietly(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("error", optuna.exceptions.ExperimentalWarning)
        assert len(search(name, seed=1)) == 14
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["tpe", "nsga2", "random"])
def test_the_same_seed_proposes_the_same_and_another_seed_something_else(name: str) -> None:
    assert search(name, seed=1) == search(name, seed=1)
    assert search(name, seed=1) != search(name, seed=2)


def test_tpe_sees_widths_together_and_running_trials() -> None:
    tpe = make_sampler("tpe", 0)
    assert (tpe._multivariate, tpe._group, tpe._constant_liar) == (True, True, True)  # type: ignore[attr-defined]


def test_an_unknown_sampler_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="unknown sampler 'grid': choose one of tpe, nsga2, random, gp"):
        make_sampler("grid", 0)


def test_gp_says_at_once_what_it_misses(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        samplers.importlib.util, "find_spec", lambda name: None if name == "scipy" else found(name)
    )
    with pytest.raises(ConfigError, match="sampler 'gp' needs scipy: pip install scipy"):
        make_sampler("gp", 0)


def test_a_resumed_run_has_a_seed_of_its_own_and_always_the_same() -> None:
    seeds = [resume_seed(seed, trials) for seed in range(10) for trials in range(50)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert resume_seed(3, 7) == resume_seed(3, 7)
    with pytest.raises(ConfigError, match="seed -1 is negative"):
        resume_seed(-1, 0)
