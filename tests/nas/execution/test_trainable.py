"""Ray Tune's view of a candidate: a step is a rung, and a failure is a result."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from distill.errors import NonFiniteImagesError, TeacherError, TrainingDivergedError
from nas.exchange import ExchangeError, ExchangeOutageError
from nas.execution import MOST_LOST, Candidate, CandidateTrial, to_tune
from nas.execution import trainable as module
from nas.study import FolderOwner
from nas.trials import Proposal
from nas.workbench import Workbench


@pytest.fixture
def bench(make_bench: Callable[..., Workbench]) -> Workbench:
    return make_bench()


TOKEN = "of this driver"


def trainable(bench: Workbench, monkeypatch: pytest.MonkeyPatch, start_rung: int = 0) -> CandidateTrial:
    """The trainable as Tune makes it, in this process."""
    monkeypatch.setattr(module, "Workbench", lambda config, **_: bench)
    monkeypatch.setattr(module, "use_threads", lambda count: None)
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=float))
    bench.config.folder.mkdir(parents=True, exist_ok=True)
    FolderOwner(bench.config.folder, TOKEN).claim()
    made = CandidateTrial.__new__(CandidateTrial)
    made._trial_info = None
    monkeypatch.setattr(
        CandidateTrial, "trial_resources", type("Bundles", (), {"required_resources": {"CPU": 1}})()
    )
    made.setup(
        to_tune(Proposal(3, bench.space.smallest(), seed=0, start_rung=start_rung)),
        bench.config.absolute().model_dump(mode="json"),
        TOKEN,
    )
    return made


def test_a_step_is_a_rung_and_the_last_one_is_done(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = trainable(bench, monkeypatch)
    results = [actor.step() for _ in range(3)]
    assert [result["rung"] for result in results] == [0, 1, 2]
    assert [result["done"] for result in results] == [False, False, True]
    assert results[2]["fid"] == results[2]["outcome"].record.fid
    assert results[2]["macs"] == bench.space.macs(bench.space.smallest())


def test_an_actor_starts_where_the_study_says_and_can_be_used_again(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for rung in range(2):
        Candidate(bench, Proposal(3, bench.space.smallest(), 0)).run(rung)
    actor = trainable(bench, monkeypatch, start_rung=1)
    assert actor.step()["rung"] == 1
    assert actor.step()["done"]
    assert actor.reset_config(to_tune(Proposal(4, bench.space.largest(), seed=0)))
    assert actor.step()["outcome"].record.trial == 4


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (TrainingDivergedError("d_r1 is nan after 32 images"), "d_r1 is nan after 32 images"),
        (NonFiniteImagesError("the generator made NaN"), "the generator made NaN"),
        (MemoryError(), "out of memory"),
        (torch.OutOfMemoryError("tried to allocate 2 GiB\nmore"), "out of memory: tried to allocate 2 GiB"),
        (RuntimeError("[x.cpp:1] can't allocate memory"), "out of memory: [x.cpp:1] can't allocate memory"),
        (ZeroDivisionError("division by zero\nmore"), "ZeroDivisionError: division by zero"),
        (KeyError("width"), "KeyError: 'width'"),
        (RuntimeError(""), "RuntimeError"),
    ],
)
def test_a_failure_is_a_result_with_its_reason_in_one_line(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    actor = trainable(bench, monkeypatch)

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Candidate, "run", fail)
    result = actor.step()
    assert result["done"]
    assert result["failed"].startswith(says)
    assert "\n" not in result["failed"]
    luck = isinstance(error, TrainingDivergedError | NonFiniteImagesError)
    assert result.get("diverged", False) == luck  # another seed may fare better


def test_a_worker_writes_nothing_into_a_folder_that_another_driver_has_claimed(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = trainable(bench, monkeypatch)
    actor.step()
    before = sorted(bench.config.folder.rglob("*"))
    FolderOwner(bench.config.folder, "of another driver").claim()
    result = actor.step()
    assert result["done"]
    assert "was taken over by another driver" in result["broken"]
    assert sorted(bench.config.folder.rglob("*")) == before


def test_a_worker_whose_folder_is_claimed_while_it_measures_writes_no_picture(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, folder = Candidate._measure, bench.config.folder

    def claimed(self: Candidate, *given: Any) -> dict[str, Any]:
        FolderOwner(folder, "of another driver").claim()
        return measure(self, *given)

    actor = trainable(bench, monkeypatch)
    monkeypatch.setattr(Candidate, "_measure", claimed)
    assert "was taken over by another driver" in actor.step()["broken"]
    assert list(folder.rglob("*.png")) == list(folder.rglob("*.pt")) == []


def test_a_full_disk_is_told_with_the_node_and_the_fix(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/runs/x.pt")

    actor = trainable(bench, monkeypatch)
    monkeypatch.setattr(Candidate, "run", full)
    said = actor.step()["broken"]
    assert said.startswith(f"/runs/x.pt on {socket.gethostname()}: ")
    assert said.endswith(": make room or mend the disk there")


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_store_that_is_away_loses_workers_and_then_ends_the_search_but_fails_no_candidate(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    actor = trainable(bench, monkeypatch)
    actor.reset_config(to_tune(Proposal(3, bench.space.smallest(), 0, workers_lost=lost)))

    def away(*_: object) -> None:
        raise ExchangeOutageError("s3://b/p has not answered for 300 s (503)")

    monkeypatch.setattr(Candidate, "run", away)
    if lost < MOST_LOST - 1:
        with pytest.raises(ExchangeOutageError):
            actor.step()
        return
    result = actor.step()
    assert result["done"]
    assert result["broken"] == (
        "s3://b/p has not answered for 300 s (503): start the object store or mend the network, then run the "
        "same command again"
    )


def test_a_store_that_refuses_ends_the_search(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = trainable(bench, monkeypatch)

    def refuse(*_: object) -> None:
        raise ExchangeError("s3://b/p refuses access (AccessDenied)")

    monkeypatch.setattr(Candidate, "run", refuse)
    assert actor.step() == {"broken": "s3://b/p refuses access (AccessDenied)", "done": True}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TeacherError("teacher.pkl does not exist"), "teacher.pkl does not exist"),
        (
            OSError(28, "No space left on device"),
            f"a file on {socket.gethostname()}: No space left on device: make room or mend the disk there",
        ),
    ],
)
def test_what_a_worker_misses_on_its_node_ends_the_search_with_the_reason(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    actor = trainable(bench, monkeypatch)

    def missing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(module, "Workbench", missing)
    proposal = to_tune(Proposal(3, bench.space.smallest(), 0))
    actor.setup(proposal, bench.config.absolute().model_dump(mode="json"), TOKEN)
    assert actor.reset_config(proposal)
    assert actor.step() == {"broken": said, "done": True}
