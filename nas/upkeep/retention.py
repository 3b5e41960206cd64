"""Checkpoints that a finished search no longer needs: the rule of --keep."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nas.options import Keep
from nas.reporting import SearchReport
from nas.study import trial_folder

FINISHED = ("COMPLETE", "PRUNED", "FAIL")
CHECKPOINT = "*rung-*.pt"  # of a trial, in its folder


def kept_trials(found: SearchReport, keep: Keep) -> set[int]:
    """Numbers of the trials whose checkpoints stay.

    `front` are those on the front, the best, and what is not significantly worse than the best; `best` is the
    best alone. Replicates stay with their first trial, and so does every trial that is not finished.
    """
    firsts = {t.number for t in found.trials if keep == "all"}
    firsts |= {t.number for t in found.front} | set(found.within_margin) if keep == "front" else set()
    firsts |= set() if found.best is None else {found.best.number}
    return {
        trial.number
        for trial in found.trials
        if trial.state not in FINISHED
        or (trial.number if trial.replicate_of is None else trial.replicate_of) in firsts
        or trial.number in firsts
    }


def dispensable(found: SearchReport, keep: Keep) -> Iterator[Path]:
    """The checkpoints of trials that do not stay by the rule of `keep`. Logs and samples always stay."""
    kept = kept_trials(found, keep)
    for trial in found.trials:
        folder = trial_folder(Path(found.folder), trial.number)
        if trial.number not in kept and not folder.is_symlink():
            yield from sorted(folder.glob(CHECKPOINT))


def prune_checkpoints(found: SearchReport, keep: Keep) -> int:
    """Delete the checkpoints of finished trials that do not stay; returns the bytes that are free now."""
    freed = 0
    for path in dispensable(found, keep):
        freed += path.lstat().st_size
        path.unlink()
    return freed
