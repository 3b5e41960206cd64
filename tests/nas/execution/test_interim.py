"""A candidate that is interrupted between two rungs resumes from the state that it saved there."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch

from nas.execution import Candidate
from nas.progress import TRAINING
from nas.study import interim_file
from nas.workbench import Workbench
from tests.nas.execution.candidates import candidate, ema, files, measured

MakeBench = Callable[..., Workbench]


@pytest.fixture
def bench(make_bench: MakeBench) -> Workbench:
    return make_bench()


class KilledError(Exception):
    """Stands for a process that ends."""


def killed_after(running: Candidate, rung: int, reports: int) -> None:
    """Run `rung`, and end it after so many steps, wherever that is."""

    class Last:
        left, clear, flush = reports, running._report.clear, running._report.flush

        def __call__(self, what: str, *_: object, **__: object) -> None:
            self.left -= what == TRAINING
            if self.left < 0:
                raise KilledError

    running._report = Last()  # type: ignore[assignment]  # a stand-in
    with pytest.raises(KilledError):
        running.run(rung)


def logs(candidate: Candidate) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in candidate.folder.glob("losses-*.csv")}


LONG = {"rungs": (320, 640), "batch_size": 16, "checkpoint_every": 1e-9}  # 20 steps a rung, each saved


@pytest.fixture(scope="module")
def straight(
    warm_bench: Workbench, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[dict[str, Any]], dict[str, torch.Tensor], dict[str, bytes]]:
    """Records, weights and logs of a candidate that nobody interrupts, and that saves at rungs only."""
    bench = copy.copy(warm_bench)
    vars(bench).pop("identity", None)
    changes = LONG | {"checkpoint_every": 0.0, "workdir": tmp_path_factory.mktemp("straight")}
    bench.config = warm_bench.config.model_copy(update=changes)
    running = candidate(bench)
    records = [running.run(rung).record for rung in range(2)]
    return [measured(record) for record in records], ema(bench, records[1]), logs(running)


@pytest.mark.parametrize("at", [1, 2, 7, 16, 17, 18, 19])
def test_a_candidate_killed_between_two_rungs_ends_as_if_it_was_not(
    make_bench: MakeBench, straight: Any, at: int
) -> None:
    bench = make_bench(**LONG)
    killed_after(candidate(bench), 0, at)
    assert interim_file(bench.config.folder, 0).exists()
    torch.manual_seed(at)
    resumed = candidate(bench)
    resumed._resume()
    assert resumed._trainer is not None
    assert resumed._trainer.images == 16 * at
    resumed = candidate(bench)
    first = resumed.run(0).record
    assert not interim_file(bench.config.folder, 0).exists()
    killed_after(resumed, 1, 20 - at)
    second = candidate(bench).run(1).record
    records, weights, log = straight
    assert [measured(first), measured(second)] == records
    found = ema(bench, second)
    assert all(torch.equal(found[name], weights[name]) for name in weights)
    assert logs(resumed) == log
    assert not [name for name in files(resumed) if "interim" in name]


def test_a_candidate_killed_again_and_again_ends_as_if_it_was_not(
    make_bench: MakeBench, straight: Any
) -> None:
    bench = make_bench(**LONG)
    for _ in range(5):
        killed_after(candidate(bench), 0, 3)
    resumed = candidate(bench)
    assert measured(resumed.run(0).record) == straight[0][0]
    assert logs(resumed)["losses-rung-1.csv"] == straight[2]["losses-rung-1.csv"]


def test_a_damaged_state_between_two_rungs_is_reported_and_not_used(
    make_bench: MakeBench, straight: Any
) -> None:
    bench = make_bench(**LONG)
    killed_after(candidate(bench), 0, 5)
    path = interim_file(bench.config.folder, 0)
    path.write_bytes(path.read_bytes()[:1000])
    outcome = candidate(bench).run(0)
    assert outcome.warning == f"{path} is damaged: its rung is trained again"
    assert measured(outcome.record) == straight[0][0]


def test_a_state_that_was_left_before_a_rung_is_not_used_after_it(
    make_bench: MakeBench, straight: Any
) -> None:
    bench = make_bench(**LONG)
    killed_after(candidate(bench), 0, 5)
    path = interim_file(bench.config.folder, 0)
    left = path.read_bytes()
    candidate(bench).run(0)
    path.write_bytes(left)  # the process was killed between the rung's checkpoint and its removal
    assert measured(candidate(bench).run(1).record) == straight[0][1]
    assert not path.exists()


def test_with_0_a_state_is_saved_at_rungs_only(make_bench: MakeBench) -> None:
    bench = make_bench(**LONG | {"checkpoint_every": 0.0})
    killed_after(candidate(bench), 0, 5)
    assert not interim_file(bench.config.folder, 0).exists()
