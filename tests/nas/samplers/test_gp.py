"""Where the surrogate sampler looks: at all costs, elsewhere than those that run, and within its means."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from nas.ranking import RungBoard
from nas.samplers import gp as gp_sampler
from nas.samplers.gp import MOST_RESULTS, SurrogateSampler

RUNGS = 2
LAST = RUNGS - 1
DISTRIBUTIONS = {name: FloatDistribution(0.0, 1.0) for name in ("size", "shape")}


class Dials:
    """A space of two numbers in [0, 1]: the first one costs, 2 to 2,000 MACs, the second one does not."""

    def sample(self, suggest: Any, load: Any) -> tuple[float, float]:
        return suggest.suggest_float("size", 0.0, 1.0), suggest.suggest_float("shape", 0.0, 1.0)

    def macs(self, architecture: tuple[float, float]) -> int:
        return round(2 * 1000 ** architecture[0])

    def params(self, architecture: tuple[float, float]) -> int:
        return 100

    def largest(self) -> tuple[float, float]:
        return (1.0, 1.0)


class Searched:
    """A study of `Dials`, the board with its results, and the sampler that looks at both."""

    def __init__(self, seed: int = 0) -> None:
        self.board, self.space = RungBoard(RUNGS), Dials()
        space: Any = self.space
        self.sampler = SurrogateSampler(seed, space, self.utilisation, self.board)
        self.study = optuna.create_study(directions=["minimize"] * 2, sampler=self.sampler)

    def utilisation(self, architecture: tuple[float, float]) -> float:
        return self.space.macs(architecture) / 2_000

    def train(self, size: float, shape: float, fid: float, *, baseline: bool = False) -> None:
        number = self.begin(size, shape, {"baseline": "uniform"} if baseline else {})
        macs = float(self.space.macs((size, shape)))
        for rung in range(RUNGS):
            self.board.add(number, rung, (fid, macs))
        self.study.tell(number, [fid, macs])

    def report_teacher(self, size: float, shape: float, fid: float) -> None:
        """A proposal that gave the teacher's architecture: its FID is known, and no rung has it."""
        number = self.begin(size, shape, {"architecture": "", "same_as_teacher": True})
        self.study.tell(number, [fid, float(self.space.macs((size, shape)))])

    def begin(self, size: float, shape: float, notes: dict[str, Any] | None = None) -> int:
        """A trial that runs from now on, and that the sampler was not asked for; returns its number."""
        named = {"architecture": str((size, shape)), **(notes or {})}
        choices = {"size": size, "shape": shape}
        made = create_trial(
            state=TrialState.RUNNING, params=choices, distributions=DISTRIBUTIONS, user_attrs=named
        )
        self.study.add_trial(made)
        return len(self.study.trials) - 1

    def ask(self) -> tuple[float, float]:
        return self.space.sample(self.study.ask(), self.utilisation)


def test_the_expensive_end_is_proposed_for_its_fids() -> None:
    searched = Searched()
    for size in (0.0, 0.2, 0.4, 0.6, 0.8):  # ever better with size, and nothing more expensive than 0.8 seen
        searched.train(size, 0.5, math.exp(6 - 3 * size), baseline=size == 0.0)
    searched.train(0.8, 0.2, math.exp(6 - 3 * 0.8))
    assert searched.ask()[0] > 0.8


def test_the_teachers_own_architecture_counts_with_its_known_fid(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = Searched()
    for size in (0.1, 0.3, 0.5, 0.7):
        searched.train(size, 0.5, math.exp(6 - 2 * size), baseline=size == 0.1)
    searched.report_teacher(1.0, 1.0, 0.5)
    steps: list[tuple[float, float]] = []
    original = gp_sampler.expected_hypervolume_improvement

    def watched(mean: Any, deviation: Any, costs: Any, front: Any, reference: Any) -> Any:
        steps.extend(front)
        return original(mean, deviation, costs, front, reference)

    monkeypatch.setattr(gp_sampler, "expected_hypervolume_improvement", watched)
    searched.ask()
    assert steps[-1] == pytest.approx((math.log(0.5), math.log(2_000)))


def test_a_teachers_architecture_whose_fid_was_not_reported_before_a_kill_counts_as_predicted() -> None:
    searched = Searched()
    for size in (0.1, 0.3, 0.5, 0.7):
        searched.train(size, 0.5, math.exp(6 - 2 * size), baseline=size == 0.1)
    interrupted = searched.begin(1.0, 1.0, {"architecture": "", "same_as_teacher": True})
    assert searched.study.trials[interrupted].values is None
    assert searched.ask() != (1.0, 1.0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_workers_that_ask_one_after_the_other_look_elsewhere(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = Searched(seed)
    searched.train(0.1, 0.5, 50.0, baseline=True)
    for size, shape in ((0.3, 0.1), (0.3, 0.9), (0.6, 0.2), (0.6, 0.9), (0.9, 0.1), (0.9, 0.8)):
        searched.train(size, shape, math.exp(3 + 4 * (shape - 0.5) ** 2 - size))
    asked = []
    # the same choices compete each time
    monkeypatch.setattr(searched.sampler, "rng_of", lambda *_: np.random.default_rng(seed))
    for _ in range(6):  # who asks stays RUNNING
        asked.append(searched.ask())
    assert min(math.dist(one, other) for one, other in combinations(asked, 2)) > 0.1


def test_a_long_study_is_fitted_to_its_last_rung_and_then_to_what_is_newest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searched = Searched()
    for size in (0.0, 0.3, 0.6, 0.9):
        searched.train(size, 0.5, 10.0)
    rng = np.random.default_rng(0)
    for number in range(4, 4 + MOST_RESULTS):
        params = {"size": float(rng.random()), "shape": float(rng.random())}
        searched.study.add_trial(
            create_trial(state=TrialState.PRUNED, params=params, distributions=DISTRIBUTIONS)
        )
        searched.board.add(number, 0, (float(number), 5.0))
    fitted: list[tuple[int, ...]] = []
    original = gp_sampler.fit

    def watched(inputs: Any, rungs: Any, logs: Any, *scales: Any) -> Any:
        fitted.append((len(rungs), int((rungs == LAST).sum()), round(math.exp(logs[rungs == 0].min()))))
        return original(inputs[:50], rungs[:50], logs[:50], *scales)  # quick

    monkeypatch.setattr(gp_sampler, "fit", watched)
    searched.ask()
    assert fitted[-1] == (MOST_RESULTS, 4, 8)  # all four at the last rung; of the others the first four went


def test_scales_are_estimated_again_in_a_long_study_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gp_sampler, "MOST_RESULTS", 10)
    given: list[bool] = []
    original = gp_sampler.fit

    def watched(inputs: Any, rungs: Any, logs: Any, scales: Any = None) -> Any:
        given.append(scales is not None)
        return original(inputs, rungs, logs, scales)

    monkeypatch.setattr(gp_sampler, "fit", watched)
    searched = Searched()
    for count in range(30):
        searched.train(count / 30, (7 * count % 30) / 30, 10.0 + count)
        given.clear()
    searched.sampler._fitted_to = 40  # results, of the 60 that there are
    searched.ask()
    assert given == [False, True], "estimated from the first results, then all are fitted to"
