"""Checkpoints that a finished search no longer needs: the rule of --keep."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nas.options import Keep
from nas.reporting import SearchReport
from nas.study import trial_folder
from search_spaces import file_digest

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


def keepers_lost(found: SearchReport, keep: Keep) -> list[str]:
    """Checkpoints of trials that stay by the rule of `keep` and can't be exported, in words.

    They have another SHA-256 than their record, or are those of the best student and not there. Others that
    are not there went by an earlier rule.
    """
    if keep == "all":
        return []
    kept, lost = kept_trials(found, keep), list[str]()
    for trial in found.trials:
        if trial.number not in kept or trial.state != "COMPLETE" or not trial.rungs:
            continue
        record, is_best = trial.rungs[-1], found.best is not None and trial.number == found.best.number
        path = Path(found.folder, record.checkpoint)
        if not path.is_file():
            lost += [f"trial {trial.number}: {path} is not there"] if is_best else []
        elif file_digest(path) != record.sha256:
            lost.append(f"trial {trial.number}: {path} is damaged")
    return lost


def prune_checkpoints(found: SearchReport, keep: Keep) -> tuple[int, list[str]]:
    """Delete the checkpoints of finished trials that do not stay.

    Nothing is deleted where one that is to stay is lost.

    Returns:
        The bytes that are free now, and what `keepers_lost` finds where there was something to delete.
    """
    unneeded = list(dispensable(found, keep))
    if not unneeded or (lost := keepers_lost(found, keep)):
        return 0, lost if unneeded else []
    freed = 0
    for path in unneeded:
        freed += path.lstat().st_size
        path.unlink()
    return freed, []
