"""What a person sees while a search runs."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from optuna.trial import TrialState
from rich.console import Console

from nas.budget import Cost
from nas.execution import Outcome, SearchProgress
from nas.study import RungRecord
from nas.trials.proposer import Proposal
from nas.workbench import Workbench


def outcome(trial: int, rung: int, fid: float, macs: int = 900_000) -> Outcome:
    record = RungRecord(
        trial=trial, rung=rung, images=64 << rung, fid=fid, fid_samples=50, fid_extractor="digits",
        fid_seed=0, kd_weight=1.0, losses={}, seconds=1.0, worker="host:1",
        checkpoint="x.pt", sha256="0" * 64,
    )  # fmt: skip
    return Outcome(record, Cost(macs, 20_000), "samples.png")


def drawn(progress: SearchProgress) -> str:
    out = io.StringIO()
    Console(file=out, width=200).print(progress._render())
    return out.getvalue()


def search(terminal: bool = False, done: int = 0) -> tuple[SearchProgress, io.StringIO]:
    out = io.StringIO()
    return SearchProgress(
        Console(file=out, force_terminal=terminal, width=120),
        trials=6,
        rungs=3,
        distance="FD (digits)",
        done=done,
    ), out


def test_without_a_terminal_every_rung_and_every_finished_trial_is_one_line(
    warm_bench: Workbench, tmp_path: Path
) -> None:
    progress, out = search(done=2)
    with progress:
        progress.started(Proposal(2, warm_bench.space.smallest(), seed=0))
        progress.measured(2, outcome(2, 0, 80.0))
        progress.finished(2, TrialState.COMPLETE, outcome(2, 2, 40.0))
        progress.finished(3, TrialState.PRUNED, outcome(3, 0, 90.0))
        progress.failed(4, "d_r1 is nan [bold]")
    lines = out.getvalue().splitlines()
    assert lines == [
        "[2/6] trial   2  rung 1/3  FD (digits) 80.00 after 64 images, 900k MACs: promoted",
        "[2/6] trial   2  rung 3/3  FD (digits) 40.00 after 256 images, 900k MACs: last rung",
        "[3/6] trial   2  complete  FD (digits) 40.00 after 256 images, 900k MACs, 20k parameters",
        "[3/6] trial   3  rung 1/3  FD (digits) 90.00 after 64 images, 900k MACs: stopped",
        "[4/6] trial   3  stopped   FD (digits) 90.00 after 64 images, 900k MACs, 20k parameters",
        "[5/6] trial   4  failed    d_r1 is nan [bold]",
    ]


def test_what_the_user_should_know_of_an_outcome_is_a_line() -> None:
    progress, out = search()
    with progress:
        progress.measured(2, replace(outcome(2, 0, 80.0), warning="rung-0.pt is damaged"))
        progress.finished(2, TrialState.COMPLETE, outcome(2, 2, 40.0))
    assert out.getvalue().splitlines()[0] == "[0/6] trial   2  warning: rung-0.pt is damaged"
    assert "damaged" not in out.getvalue().splitlines()[1]


def test_the_display_counts_trials_and_names_the_best_and_the_running(warm_bench: Workbench) -> None:
    progress, _ = search()
    assert "0/6 trials" in drawn(progress)
    assert "no trial complete yet" in drawn(progress)
    progress.started(Proposal(0, warm_bench.space.smallest(), seed=0, baseline=True))
    progress.started(Proposal(1, warm_bench.space.largest(), seed=0, start_rung=2))
    assert "trial 0  baseline, " in drawn(progress)
    assert "trial 1  from rung 2, " in drawn(progress)
    progress.measured(0, outcome(0, 1, 70.0))
    assert "trial 0  rung 2/3, FD (digits) 70.00, 900k MACs" in drawn(progress)
    progress.finished(0, TrialState.COMPLETE, outcome(0, 2, 40.0))
    progress.finished(1, TrialState.COMPLETE, outcome(1, 2, 50.0))
    progress.finished(2, TrialState.PRUNED, outcome(2, 0, 10.0))  # a low-fidelity result is never the best
    text = drawn(progress)
    assert "3/6 trials" in text
    assert "2 complete, 1 stopped, 0 failed, 0 running; best FD (digits) 40.00 at 900k MACs (trial 0)" in text
    assert "left" in text


def test_on_a_terminal_the_display_is_live_and_leaves_nothing_behind() -> None:
    progress, out = search(terminal=True)
    with progress:
        progress.measured(0, outcome(0, 0, 80.0))
        progress.failed(0, "out of memory")
    assert "[1/6]" not in out.getvalue()
    assert "promoted" not in out.getvalue()


def test_a_resumed_search_shows_what_earlier_runs_have_done() -> None:
    earlier = {TrialState.COMPLETE: 2, TrialState.FAIL: 1}
    progress = SearchProgress(
        Console(file=io.StringIO()),
        trials=6,
        rungs=3,
        distance="FD (digits)",
        done=3,
        counts=earlier,
        best=(1, 33.0, 800_000),
    )
    progress.finished(3, TrialState.COMPLETE, outcome(3, 2, 40.0))
    text = drawn(progress)
    assert "4/6 trials" in text
    assert "3 complete, 0 stopped, 1 failed, 0 running; best FD (digits) 33.00 at 800k MACs (trial 1)" in text


def test_a_second_try_is_one_more_trial_to_come() -> None:
    out = io.StringIO()
    progress = SearchProgress(Console(file=out, width=100), trials=2, rungs=1, distance="FID")
    progress.failed(0, "the run failed; retried as trial 1", again=True)
    progress.failed(1, "the run failed")
    assert "[1/3] trial   0" in out.getvalue()
    assert "[2/3] trial   1" in out.getvalue()
