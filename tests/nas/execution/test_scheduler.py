"""Ray Tune stops the candidates that the board does not promote."""

import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.schedulers import TrialScheduler

from nas.execution import ParetoHalving, from_tune, to_tune
from nas.ranking import RungBoard
from nas.study import RungRecord
from nas.trials import Proposal


def proposal(number: int, **changes: Any) -> Proposal:
    nobody: Any = None  # the scheduler does not look at architectures
    return Proposal(number, nobody, seed=0, **changes)


def trial_of(number: int, **changes: Any) -> Any:
    return SimpleNamespace(config=to_tune(proposal(number, **changes)))


def tell(scheduler: ParetoHalving, number: int, rung: int, fid: float, macs: int, **changes: Any) -> str:
    result = {"rung": rung, "fid": fid, "macs": macs, "training_iteration": rung + 1}
    return scheduler.on_trial_result(None, trial_of(number, **changes), result)


def record_of(trial: int, fid: float) -> RungRecord:
    return RungRecord(
        trial=trial,
        rung=0,
        images=6400,
        fid=fid,
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


def test_the_scheduler_stops_what_the_board_does_not_promote() -> None:
    scheduler = ParetoHalving(RungBoard(rungs=2))
    assert tell(scheduler, 0, 0, 50, 10**6) == TrialScheduler.CONTINUE
    assert tell(scheduler, 1, 0, 60, 2 * 10**6) == TrialScheduler.STOP
    assert tell(scheduler, 2, 0, 70, 3 * 10**6, protected=True) == TrialScheduler.CONTINUE
    assert tell(scheduler, 2, 1, 70, 3 * 10**6) == TrialScheduler.CONTINUE
    assert not scheduler.supports_buffered_results


def test_the_last_rung_is_on_the_board_although_tune_asks_for_no_decision_there() -> None:
    scheduler = ParetoHalving(RungBoard(rungs=2))
    tell(scheduler, 0, 0, 50, 10**6)
    last = {"rung": 1, "fid": 40.0, "macs": 10**6, "done": True}
    scheduler.on_trial_complete(None, trial_of(0), last)
    assert list(scheduler.board.results()) == [(0, 0, 50.0), (0, 1, 40.0)]
    scheduler.on_trial_complete(None, trial_of(1), {"failed": "out of memory", "done": True})
    assert len(list(scheduler.board.results())) == 2


@pytest.mark.parametrize("rung", [0, 1])
def test_a_failed_run_is_discarded_and_stopped_unless_it_is_a_retry(rung: int) -> None:
    scheduler = ParetoHalving(RungBoard(rungs=3, protected=[6, 7]))
    for number in range(5):
        tell(scheduler, number, rung, 10 + number, 10**6)
    assert tell(scheduler, 6, rung, 100, 2 * 10**6) == TrialScheduler.STOP
    assert scheduler.board.discarded == {6}
    assert tell(scheduler, 7, rung, 100, 2 * 10**6, retried=True) == TrialScheduler.CONTINUE
    assert scheduler.board.discarded == {6}
    assert sorted(scheduler.board.order(rung)) == [0, 1, 2, 3, 4, 7]


def test_a_run_that_fails_at_the_last_rung_is_discarded_too() -> None:
    scheduler = ParetoHalving(RungBoard(rungs=1))
    for number, fid in enumerate([10, 11, 12, 13, 14, 100]):
        scheduler.on_trial_complete(None, trial_of(number), {"rung": 0, "fid": fid, "macs": 10**6})
    assert scheduler.board.discarded == {5}


def test_replicates_are_known_to_the_scheduler_by_their_config() -> None:
    scheduler = ParetoHalving(RungBoard(rungs=2))
    tell(scheduler, 0, 0, 50, 10**6)
    assert tell(scheduler, 1, 0, 80, 10**6, replicate_of=0) == TrialScheduler.CONTINUE
    assert scheduler.board.order(0) == [0]
    assert {trial for trial, _, _ in scheduler.board.results()} == {0, 1}


def test_a_result_without_a_rung_passes() -> None:
    scheduler = ParetoHalving(RungBoard(rungs=2))
    assert (
        scheduler.on_trial_result(None, trial_of(0), {"reason": "out of memory"}) == TrialScheduler.CONTINUE
    )


def test_a_resumed_search_decides_as_the_interrupted_one_would() -> None:
    macs = {trial: 10**6 * (trial + 1) for trial in range(6)}
    records = [record_of(trial, 50.0 + trial) for trial in range(6)]
    live = ParetoHalving(RungBoard(rungs=2, protected=[1]))
    for record in records:
        tell(live, record.trial, 0, record.fid, macs[record.trial])
    resumed = ParetoHalving(RungBoard.from_rungs(records, macs, rungs=2, protected=[1]))
    for newcomer in ((40.0, 9 * 10**6), (55.0, 10**5), (99.0, 10**7)):
        assert tell(live, 6, 0, *newcomer) == tell(resumed, 6, 0, *newcomer)


def test_a_promoted_candidate_is_not_discarded_when_a_resumed_search_replays_its_rung() -> None:
    macs = {trial: 2 * 10**6 - trial for trial in range(6)}
    records = [record_of(0, 100.0), *(record_of(trial, 10.0) for trial in range(1, 6))]
    scheduler = ParetoHalving(RungBoard.from_rungs(records, macs, rungs=2, protected=[0]))
    assert tell(scheduler, 0, 0, 100, macs[0]) == TrialScheduler.CONTINUE
    assert not scheduler.board.discarded


@pytest.mark.slow
def test_ray_tune_stops_dominated_trials_after_their_first_rung(tmp_path: Path) -> None:
    import ray
    from ray import tune

    class Candidate(tune.Trainable):  # type: ignore[misc]
        def setup(self, config: dict[str, Any]) -> None:
            self.rung = -1

        def step(self) -> dict[str, Any]:
            self.rung += 1
            number = from_tune(self.config).trial
            return {"rung": self.rung, "fid": 50 + number, "macs": 1000 + number, "done": self.rung == 2}

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.rung = -1
            return True

    ray.init(num_cpus=1, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    try:
        trials = [to_tune(proposal(n, protected=n == 2)) for n in range(4)]
        tuner = tune.Tuner(
            Candidate,
            param_space=tune.grid_search(trials),
            tune_config=tune.TuneConfig(
                scheduler=ParetoHalving(RungBoard(rungs=3)), max_concurrent_trials=1, reuse_actors=True
            ),
            run_config=tune.RunConfig(storage_path=str(tmp_path), verbose=0),
        )
        rungs = {from_tune(result.config).trial: result.metrics["rung"] for result in tuner.fit()}
    finally:
        ray.shutdown()
    assert rungs == {0: 2, 1: 0, 2: 2, 3: 0}


def test_a_worker_is_known_while_it_starts_and_after() -> None:
    scheduler = ParetoHalving(RungBoard(rungs=2))
    trial = SimpleNamespace(temporary_state=SimpleNamespace(ray_actor=None))
    assert scheduler.worker_of(trial) is None
    actors = {"tracked": ("starting", "resources")}
    manager = SimpleNamespace(_live_actors_to_ray_actors_resources=actors)
    started = {id(trial): "tracked"}
    table = SimpleNamespace(get=lambda one: started.get(id(one)))
    scheduler.on_trial_add(SimpleNamespace(_trial_to_actor=table, _actor_manager=manager), trial)
    assert scheduler.worker_of(trial) == "starting"
    trial.temporary_state.ray_actor = "started"
    assert scheduler.worker_of(trial) == "started"
    assert pickle.loads(pickle.dumps(scheduler)).worker_of(trial) == "started"


def test_tables_of_another_tune_name_no_worker_that_starts() -> None:
    scheduler = ParetoHalving(RungBoard(rungs=2))
    scheduler.on_trial_add(SimpleNamespace(), None)
    assert scheduler.worker_of(SimpleNamespace(temporary_state=SimpleNamespace(ray_actor=None))) is None
