"""One candidate: every rung leaves a checkpoint, and interrupting it changes nothing."""

from __future__ import annotations

import copy
import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from distill.errors import NonFiniteImagesError, TrainingDivergedError
from nas.execution import Candidate
from nas.execution.candidate import FID_SEED_OFFSET
from nas.trials import Proposal
from nas.workbench import Workbench
from search_spaces import file_digest
from tests.nas.execution.candidates import candidate, ema, files, measured

MakeBench = Callable[..., Workbench]


@pytest.fixture
def bench(make_bench: MakeBench) -> Workbench:
    return make_bench()


def without_a_setting(path: Path, name: str) -> None:
    """Make a checkpoint one of a time before the setting `name`."""
    state = torch.load(path, weights_only=True)
    del state["identity"][name]
    torch.save(state, path)


def no_training(*_: object) -> None:
    raise AssertionError("this rung was trained again")


# Rungs


def test_a_rung_leaves_its_checkpoint_its_log_and_a_sample_grid(bench: Workbench) -> None:
    outcome = candidate(bench, trial=7).run(0)
    record = outcome.record
    assert (record.trial, record.rung, record.images) == (7, 0, 64)
    assert (record.fid_samples, record.fid_extractor) == (50, "digits")
    assert record.fid_extractor_digest == bench.fidelity.extractor.digest
    assert record.checkpoint == "trials/0007/checkpoint-rung-1.pt"
    assert file_digest(bench.config.folder / record.checkpoint) == record.sha256
    assert outcome.samples == "trials/0007/samples.png"
    assert (bench.config.folder / outcome.samples).read_bytes().startswith(b"\x89PNG")
    log = (bench.config.folder / "trials/0007/losses-rung-1.csv").read_text().splitlines()
    assert log[0].startswith("images,kd_weight,d_adversarial,")
    assert [line.split(",")[0] for line in log[1:]] == ["32", "64"]
    assert float(log[1].split(",")[1]) == 1
    assert record.kd_weight == pytest.approx(float(log[-1].split(",")[1]), rel=1e-5)
    smallest = bench.space.smallest()
    assert (outcome.cost.macs, outcome.cost.params) == (
        bench.space.macs(smallest),
        bench.space.params(smallest),
    )


def test_the_kd_weight_has_fallen_at_the_last_rung(bench: Workbench) -> None:
    running = candidate(bench)
    weights = [running.run(rung).record.kd_weight for rung in range(3)]
    assert weights[0] >= weights[1] > weights[2] >= 0


def test_a_checkpoint_from_before_a_setting_had_its_default(
    bench: Workbench, make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = candidate(bench).run(0)
    without_a_setting(bench.config.folder / before.record.checkpoint, "rung_samples")
    other = candidate(make_bench(rung_samples=20))
    monkeypatch.setattr(Candidate, "_train", no_training)
    assert measured(candidate(bench).run(0).record) == measured(before.record)
    with pytest.raises(AssertionError, match="trained again"):
        other.run(0)


def test_early_rungs_may_be_measured_over_fewer_samples_with_kid_beside(make_bench: MakeBench) -> None:
    bench = make_bench(rung_samples=20)
    running = candidate(bench)
    records = [running.run(rung).record for rung in range(3)]
    assert [record.fid_samples for record in records] == [20, 20, 50]
    seed = bench.config.seed + FID_SEED_OFFSET
    student = bench.student(bench.space.smallest())
    student.load_state_dict(ema(bench, records[1]))
    scores = bench.fidelity.measure(student.eval(), ["fid", "kid"], 20, seed)
    assert records[1].fid == pytest.approx(scores["fid"].values["fid"])
    assert records[1].kid == pytest.approx(scores["kid"].values["kid"])
    assert records[2].kid is None
    assert candidate(make_bench()).run(0).record.kid is None


def test_a_rung_with_a_checkpoint_is_replayed_without_training(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [candidate(bench).run(0)]
    before.append(candidate(bench).run(1))
    monkeypatch.setattr(Candidate, "_train", no_training)
    again = candidate(bench)
    assert [again.run(0), again.run(1)] == before


def test_an_interrupted_candidate_ends_as_an_uninterrupted_one_to_the_bit(
    make_bench: MakeBench, tmp_path: Path
) -> None:
    whole, parts = make_bench(), make_bench(workdir=tmp_path / "parts")
    running = candidate(whole)
    straight = [running.run(rung).record for rung in range(3)]
    resumed = []
    for rung in range(3):  # every rung in a process of its own, and Torch's random state elsewhere
        torch.manual_seed(rung)
        resumed.append(candidate(parts).run(rung).record)
    assert [measured(record) for record in resumed] == [measured(record) for record in straight]
    one, two = ema(whole, straight[2]), ema(parts, resumed[2])
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_candidates_before_it_on_the_same_workbench_change_nothing(make_bench: MakeBench) -> None:
    bench = make_bench()
    first = candidate(bench, 0).run(0).record
    Candidate(bench, Proposal(1, bench.space.largest(), 0)).run(0)
    second = candidate(bench, 2).run(0).record
    assert (first.fid, first.losses) == (second.fid, second.losses)


def test_superseded_checkpoints_are_deleted_but_the_last_two(bench: Workbench) -> None:
    running = candidate(bench)
    for rung in range(3):
        running.run(rung)
    checkpoints = [name for name in files(running) if name.endswith(".pt")]
    assert checkpoints == ["checkpoint-rung-2.pt", "checkpoint-rung-3.pt"]
    assert not [name for name in files(running) if "partial" in name]


@pytest.mark.parametrize("damage", [b"", b"half of it", None, "list", "other search"])
def test_a_damaged_or_foreign_checkpoint_is_redone(bench: Workbench, damage: bytes | str | None) -> None:
    first = candidate(bench).run(0).record
    path = bench.config.folder / first.checkpoint
    content = path.read_bytes()
    if damage == "list":
        torch.save([1, 2, 3], path)
    elif damage == "other search":
        state = torch.load(path, weights_only=True)
        state["identity"]["seed"] = "99"
        torch.save(state, path)
    else:
        path.write_bytes(content[: len(content) // 2] if damage is None else bytes(damage))
    assert measured(candidate(bench).run(0).record) == measured(first)


def test_a_damaged_checkpoint_is_reported_once(bench: Workbench) -> None:
    first = candidate(bench).run(0)
    assert first.warning == ""
    path = bench.config.folder / first.record.checkpoint
    path.write_bytes(path.read_bytes()[:1000])
    resumed = candidate(bench)
    assert resumed.run(0).warning == f"{path} is damaged: its rung is trained again"
    assert resumed.run(1).warning == ""


def test_a_checkpoint_that_cannot_be_read_just_now_is_not_trained_again(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = candidate(bench).run(0)

    def stale(*_: object, **__: object) -> None:
        raise OSError(errno.ESTALE, "Stale file handle")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "load", stale)
        with pytest.raises(OSError, match="Stale"):
            candidate(bench).run(0)
    assert candidate(bench).run(0).record == first.record


def test_a_checkpoint_of_another_architecture_is_redone(bench: Workbench) -> None:
    other = Candidate(bench, Proposal(0, bench.space.largest(), 0)).run(0)
    assert candidate(bench).run(0).cost != other.cost


def test_a_damaged_checkpoint_in_the_middle_is_made_again_from_the_one_before(bench: Workbench) -> None:
    running = candidate(bench)
    records = [running.run(rung).record for rung in range(2)]
    (bench.config.folder / records[1].checkpoint).write_bytes(b"gone")
    straight = running.run(2).record
    (bench.config.folder / straight.checkpoint).unlink()
    (bench.config.folder / records[1].checkpoint).write_bytes(b"gone again")
    assert measured(candidate(bench).run(2).record) == measured(straight)


@pytest.mark.parametrize(
    "changes", [{"teacher_cache_size": 4}, {"batch_size": 1}, {"batch_size": 6}, {"mirror": True}]
)
def test_odd_sizes_train_too(make_bench: MakeBench, changes: dict[str, Any]) -> None:
    bench = make_bench(rungs=(7, 13), **changes)
    if "teacher_cache_size" in changes:
        del bench.__dict__["teacher_cache"]
    running = candidate(bench)
    assert [running.run(rung).record.rung for rung in range(2)] == [0, 1]


def test_after_a_lost_worker_every_rung_is_replayed_and_training_resumes_from_the_newest(
    make_bench: Any,
) -> None:
    bench = make_bench(rungs=(32, 64, 96, 128))
    first = candidate(bench)
    seen = [first.run(rung) for rung in range(3)]
    assert not (first.folder / "checkpoint-rung-1.pt").exists()
    second = candidate(bench)
    assert [second.run(rung) for rung in range(3)] == seen
    assert second._trainer is not None
    assert second._trainer.images == seen[-1].record.images
    straight = first.run(3).record
    expected = ema(bench, straight)
    (bench.config.folder / straight.checkpoint).unlink()  # both write to the same folder
    resumed = second.run(3).record
    assert measured(resumed) == measured(straight)
    weights = ema(bench, resumed)
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


# Seeds


def test_a_training_is_a_function_of_its_seed(bench: Workbench) -> None:
    assert candidate(bench).run(0).record.fid == candidate(bench, 1).run(0).record.fid
    other = [candidate(bench, trial, seed=5).run(0).record.fid for trial in (2, 3)]
    assert other[0] == other[1] != candidate(bench).run(0).record.fid


def test_a_checkpoint_of_another_seed_is_not_gone_on_from(bench: Workbench) -> None:
    first = candidate(bench, seed=5).run(0).record
    redone = candidate(bench).run(0).record
    assert redone.fid != first.fid
    assert measured(redone) == measured(candidate(bench).run(0).record)


def test_a_checkpoint_measured_with_other_extractor_weights_is_not_gone_on_from(bench: Workbench) -> None:
    assert candidate(bench).run(0).record.fid_extractor_digest == bench.fidelity.extractor.digest
    other, fidelity = copy.copy(bench.fidelity.extractor), copy.copy(bench.fidelity)
    other.digest = "f" * 16
    vars(fidelity)["extractor"] = other
    vars(bench)["fidelity"] = fidelity
    assert candidate(bench).run(0).record.fid_extractor_digest == "f" * 16


# Failures


def poisoned(running: Candidate) -> Candidate:
    running._resume()
    assert running._trainer is not None
    with torch.no_grad():
        next(running._trainer.student.parameters()).fill_(float("nan"))
    return running


def test_a_loss_that_is_nan_ends_the_candidate_without_a_checkpoint(bench: Workbench) -> None:
    running = poisoned(candidate(bench))
    with pytest.raises(TrainingDivergedError, match="nan"):
        running.run(0)
    assert not (running.folder / "checkpoint-rung-1.pt").exists()


def test_images_that_are_nan_end_the_candidate(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    running = poisoned(candidate(bench))
    assert running._trainer is not None
    running._trainer.ema.load_state_dict(running._trainer.student.state_dict())
    monkeypatch.setattr(Candidate, "_train", lambda *_: 0.0)
    with pytest.raises(NonFiniteImagesError):
        running.run(0)
