"""Candidates of tests, and what they leave."""

from __future__ import annotations

from typing import Any

import torch

from nas.execution import Candidate
from nas.study import RungRecord
from nas.trials import Proposal
from nas.workbench import Workbench


def candidate(bench: Workbench, trial: int = 0, seed: int = 0) -> Candidate:
    return Candidate(bench, Proposal(trial, bench.space.smallest(), seed))


def measured(record: RungRecord) -> dict[str, Any]:
    """What does not depend on when and where it was measured."""
    return record.model_dump(exclude={"seconds", "worker", "sha256"})


def ema(bench: Workbench, record: RungRecord) -> dict[str, torch.Tensor]:
    state = torch.load(bench.config.folder / record.checkpoint, weights_only=True)
    return dict(state["trainer"]["ema"])


def files(candidate: Candidate) -> list[str]:
    return sorted(path.name for path in candidate.folder.iterdir())
