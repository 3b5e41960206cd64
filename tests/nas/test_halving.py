"""Who goes on to the next rung."""

import math
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.tune.schedulers import TrialScheduler

from nas.errors import ConfigError
from nas.halving import ParetoHalving, RungBoard
from nas.pareto import Point, crowding, dominates, nondominated_ranks
from nas.study.records import RungRecord

fid = st.floats(1, 1000)
macs = st.integers(10**5, 10**10).map(float)
failed = st.sampled_from([math.nan, math.inf])
results = st.lists(st.tuples(fid, macs), min_size=1, max_size=30)
results_with_failures = st.lists(st.tuples(st.one_of(fid, failed), macs), min_size=1, max_size=30)
factors = st.sampled_from([1.5, 2.0, 3.0, 4.0])


def board_of(points: list[Point], factor: float = 3.0, **options: Any) -> RungBoard:
    board = RungBoard(3, factor, **options)
    for trial, point in enumerate(points):
        board.add(trial, 0, point)
    return board


def going_on(board: RungBoard, count: int) -> list[int]:
    return [trial for trial in range(count) if board.decide(trial, 0)]


# The laws of halving


@given(results, factors)
def test_a_result_that_dominates_the_rung_always_goes_on(points: list[Point], factor: float) -> None:
    best = (min(p[0] for p in points) / 2, min(p[1] for p in points) / 2)
    for place in (0, len(points) // 2, len(points)):
        board = board_of([*points[:place], best, *points[place:]], factor)
        assert board.order(0)[0] == place
        assert board.decide(place, 0)


@given(results_with_failures, factors)
def test_a_dominated_result_never_displaces_its_dominator(points: list[Point], factor: float) -> None:
    board = board_of(points, factor)
    position = {trial: place for place, trial in enumerate(board.order(0))}
    for a in range(len(points)):
        for b in range(len(points)):
            if dominates(points[a], points[b]):
                assert position[a] < position[b]
                assert board.decide(a, 0) or not board.decide(b, 0)


@given(results, factors)
def test_one_in_the_reduction_factor_goes_on_and_never_nobody(points: list[Point], factor: float) -> None:
    assert len(going_on(board_of(points, factor), len(points))) == max(1, math.ceil(len(points) / factor))


@given(results_with_failures, factors, st.randoms(use_true_random=False))
def test_only_the_set_of_results_matters(points: list[Point], factor: float, rng: random.Random) -> None:
    arrivals = list(range(len(points)))
    rng.shuffle(arrivals)
    board = RungBoard(3, factor)
    for trial in arrivals:
        board.add(trial, 0, points[trial])
        board.add(trial, 0, points[trial])  # told twice, counted once
    assert board.order(0) == board_of(points, factor).order(0)


# How far rescaling an objective changes nothing

grid = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30)
"""Powers of two: their logarithms and those of their powers compare alike in floating point."""


@given(grid, factors, st.sampled_from([0.5, 1.0, 2.0]), st.sampled_from([0.25, 1.0, 8.0]))
def test_powers_and_units_of_an_objective_change_no_decision(
    exponents: list[tuple[int, int]], factor: float, power: float, unit: float
) -> None:
    plain = [(2.0**a, 2.0**b) for a, b in exponents]
    rescaled = [(unit * 2.0 ** (a * power), 2.0**b) for a, b in exponents]
    one, other = board_of(plain, factor), board_of(rescaled, factor)
    for trial, (mine, theirs) in enumerate(zip(_standing(one), _standing(other), strict=True)):
        assert mine == pytest.approx(theirs), trial


def _standing(board: RungBoard) -> list[tuple[int, float]]:
    """Front number and spread of every trial at rung 0: what decides, up to rounding."""
    points = [board._results[0][trial] for trial in sorted(board._results[0])]
    ranks = nondominated_ranks(points)
    spread = {}
    for rank in set(ranks):
        members = [i for i, r in enumerate(ranks) if r == rank]
        logs = [(math.log(points[i][0]), math.log(points[i][1])) for i in members]
        spread |= dict(zip(members, crowding(logs), strict=True))
    return [(rank, spread[i]) for i, rank in enumerate(ranks)]


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=1, max_size=30), factors)
def test_any_increasing_rescaling_changes_only_the_inside_of_the_front_that_is_cut(
    points: list[tuple[int, int]], factor: float
) -> None:
    plain = [(float(a), float(b)) for a, b in points]
    bent = [(math.exp(a), b**3 + b / 7) for a, b in plain]
    before = going_on(board_of(plain, factor), len(points))
    after = going_on(board_of(bent, factor), len(points))
    ranks = nondominated_ranks(plain)
    moved = set(before) ^ set(after)
    assert len({ranks[trial] for trial in moved}) <= 1
    for trial in moved:
        members = [plain[i] for i, rank in enumerate(ranks) if rank == ranks[trial]]
        assert min(members) < plain[trial] < max(members)


# What the rule means for few results


def test_the_first_arrival_goes_on() -> None:
    assert board_of([(900.0, 1e9)]).decide(0, 0)


def test_with_a_single_place_the_lowest_fid_of_the_front_takes_it() -> None:
    board = board_of([(50.0, 3e6), (100.0, 2e6), (700.0, 1e6)])
    assert going_on(board, 3) == [0]


def test_the_ends_of_the_front_go_before_its_inside_and_the_inside_by_spread() -> None:
    crowded = [(10.0, 16e6), (11.0, 15e6), (12.0, 14e6), (40.0, 4e6), (160.0, 1e6)]
    assert board_of(crowded).order(0) == [0, 4, 3, 2, 1]


# Exceptions from the rule


def test_baselines_always_go_on_and_take_no_place() -> None:
    points = [(10.0, 1e6), (20.0, 2e6), (30.0, 3e6)]
    assert going_on(board_of(points, protected=[2]), 3) == [0, 2]
    assert going_on(board_of(points, protected=[0]), 3) == [0, 1]


def test_a_baseline_ranks_others_below_what_it_dominates() -> None:
    points = [(10.0, 2e6), (20.0, 3e6), (5.0, 4e6)]
    assert board_of(points, protected=[0]).order(0) == [2, 0, 1]
    assert going_on(board_of(points, protected=[0]), 3) == [0, 2]


def test_nobody_is_stopped_at_the_last_rung() -> None:
    board = RungBoard(rungs=2)
    for trial in range(9):
        board.add(trial, 1, (10.0 + trial, 1e6 + trial))
    assert all(board.decide(trial, 1) for trial in range(9))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_failed_fid_does_not_go_on_however_few_its_macs(value: float) -> None:
    board = board_of([(value, 1.0)])
    assert not board.decide(0, 0)
    board.add(1, 0, (500.0, 1e9))
    assert going_on(board, 2) == [1]


def test_an_fid_of_zero_is_ranked_like_any_other() -> None:
    assert going_on(board_of([(0.0, 1e6), (-1e-9, 2e6), (5.0, 3e6)]), 3) == [0]


@pytest.mark.parametrize("factor", [1.0, 0.0, -3.0, math.nan, math.inf])
def test_a_reduction_factor_that_halves_nothing_is_refused(factor: float) -> None:
    with pytest.raises(ConfigError, match=f"reduction factor {factor:g}"):
        RungBoard(3, factor)


# Ray Tune


def trial_of(number: int, protected: bool = False) -> Any:
    return SimpleNamespace(config={"trial": number, "protected": protected})


def tell(
    scheduler: ParetoHalving, number: int, rung: int, fid: float, macs: int, protected: bool = False
) -> str:
    result = {"rung": rung, "fid": fid, "macs": macs, "training_iteration": rung + 1}
    return scheduler.on_trial_result(None, trial_of(number, protected), result)


def test_the_scheduler_stops_what_the_board_turns_down() -> None:
    scheduler = ParetoHalving(RungBoard(rungs=2))
    assert tell(scheduler, 0, 0, 50, 10**6) == TrialScheduler.CONTINUE
    assert tell(scheduler, 1, 0, 60, 2 * 10**6) == TrialScheduler.STOP
    assert tell(scheduler, 2, 0, 70, 3 * 10**6, protected=True) == TrialScheduler.CONTINUE
    assert tell(scheduler, 2, 1, 70, 3 * 10**6) == TrialScheduler.CONTINUE
    assert not scheduler.supports_buffered_results


def test_a_result_without_a_rung_passes() -> None:
    scheduler = ParetoHalving(RungBoard(rungs=2))
    assert (
        scheduler.on_trial_result(None, trial_of(0), {"reason": "out of memory"}) == TrialScheduler.CONTINUE
    )


def test_a_resumed_search_decides_as_the_interrupted_one_would() -> None:
    macs = {trial: 10**6 * (trial + 1) for trial in range(6)}
    records = [
        RungRecord(
            trial=trial,
            rung=0,
            images=6400,
            fid=50 + trial,
            fid_samples=2000,
            fid_extractor="digits",
            fid_seed=0,
            kd_weight=1,
            losses={},
            seconds=1,
            worker="w",
            checkpoint="c",
            sha256="0",
        )
        for trial in range(6)
    ]
    live = ParetoHalving(RungBoard(rungs=2, protected=[1]))
    for record in records:
        tell(live, record.trial, 0, record.fid, macs[record.trial])
    resumed = ParetoHalving(RungBoard.from_rungs(records, macs, rungs=2, protected=[1]))
    for newcomer in ((40.0, 9 * 10**6), (55.0, 10**5), (99.0, 10**7)):
        assert tell(live, 6, 0, *newcomer) == tell(resumed, 6, 0, *newcomer)


@pytest.mark.slow
def test_ray_tune_stops_dominated_trials_after_their_first_rung(tmp_path: Path) -> None:
    import ray
    from ray import tune

    class Candidate(tune.Trainable):  # type: ignore[misc]
        def setup(self, config: dict[str, Any]) -> None:
            self.rung = -1

        def step(self) -> dict[str, Any]:
            self.rung += 1
            number = self.config["trial"]
            return {"rung": self.rung, "fid": 50 + number, "macs": 1000 + number, "done": self.rung == 2}

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.rung = -1
            return True

    ray.init(num_cpus=1, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    try:
        trials = [{"trial": n, "protected": n == 2} for n in range(4)]
        tuner = tune.Tuner(
            Candidate,
            param_space=tune.grid_search(trials),
            tune_config=tune.TuneConfig(
                scheduler=ParetoHalving(RungBoard(rungs=3)), max_concurrent_trials=1, reuse_actors=True
            ),
            run_config=tune.RunConfig(storage_path=str(tmp_path), verbose=0),
        )
        rungs = {result.config["trial"]: result.metrics["rung"] for result in tuner.fit()}
    finally:
        ray.shutdown()
    assert rungs == {0: 2, 1: 0, 2: 2, 3: 0}


def test_a_trial_that_went_on_is_not_judged_again_when_its_rungs_are_replayed() -> None:
    board = board_of([(50.0, 2e6)])
    assert board.decide(0, 0)
    for rival, fid in enumerate((20.0, 10.0, 5.0), start=1):
        board.add(rival, 0, (fid, 1e6))
    board.add(0, 0, (50.0, 2e6))
    assert board.decide(0, 0)


def test_a_recorded_rung_means_that_the_earlier_ones_were_passed() -> None:
    board = board_of([(50.0, 2e6), (20.0, 1e6), (10.0, 1e6), (5.0, 1e6)])
    board.add(0, 1, (40.0, 2e6))
    assert board.decide(0, 0)
