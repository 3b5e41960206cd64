"""Folders of earlier versions, whose file names counted rungs from 0, resume under those names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from nas.execution import Candidate
from nas.study import RungRecord
from nas.trials import Proposal
from nas.workbench import Workbench
from search_spaces import file_digest


def run(bench: Workbench, rung: int, trial: int = 0) -> RungRecord:
    return Candidate(bench, Proposal(trial, bench.space.smallest(), seed=0)).run(rung).record


def measured(record: RungRecord) -> dict[str, Any]:
    """What does not depend on where its files are."""
    return record.model_dump(include={"images", "fid", "kd_weight", "losses"})


def rename(bench: Workbench, newest: RungRecord) -> Path:
    """Give a trial's checkpoints the names of an earlier version; returns that of its `newest` rung."""
    folder = (bench.config.folder / newest.checkpoint).parent
    for rung in range(newest.rung + 1):
        path = folder / f"checkpoint-rung-{rung + 1}.pt"
        state = torch.load(path, weights_only=True)
        for number, result in enumerate(state["results"]):
            result["checkpoint"] = f"trials/{newest.trial:04d}/rung-{number}.pt"
        path.unlink()
        torch.save(state, folder / f"rung-{rung}.pt")
    return folder / f"rung-{newest.rung}.pt"


def no_training(*_: object) -> None:
    raise AssertionError("this rung was trained again")


def test_a_trial_resumes_from_them_as_if_it_had_not_been_interrupted(
    make_bench: Callable[..., Workbench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench()
    straight = run(bench, 2, trial=1)
    newest = rename(bench, run(bench, 1))
    with monkeypatch.context() as patch:
        patch.setattr(Candidate, "_train", no_training)
        again = run(bench, 1)
    assert (again.checkpoint, again.sha256) == ("trials/0000/rung-1.pt", file_digest(newest))
    last = run(bench, 2)
    assert last.checkpoint == "trials/0000/checkpoint-rung-3.pt"
    assert measured(last) == measured(straight)
    names = sorted(path.name for path in newest.parent.glob("*.pt"))
    assert names == ["checkpoint-rung-3.pt", "rung-1.pt"]
