"""Checkpoints that a finished search no longer needs."""

from __future__ import annotations

from pathlib import Path

from nas.execution import trial_folder
from nas.reporting import SearchReport

FINISHED = ("COMPLETE", "PRUNED", "FAIL")


def prune_checkpoints(found: SearchReport) -> int:
    """Delete the checkpoints of finished trials that are neither on the front nor as good as the best.

    Replicates of those stay, and so do all logs and samples. Returns the bytes that are free now.
    """
    near = {t.number for t in found.front} | set(found.within_margin)
    near |= set() if found.best is None else {found.best.number}
    freed = 0
    for trial in found.trials:
        first = trial.number if trial.replicate_of is None else trial.replicate_of
        if trial.state in FINISHED and first not in near:
            for path in trial_folder(Path(found.folder), trial.number).glob("*rung-*.pt"):
                freed += path.stat().st_size
                path.unlink()
    return freed
