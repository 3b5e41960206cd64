"""Checkpoints that a finished search no longer needs: the rule of --keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    best alone. What a person has chosen in its place stays with it. Replicates stay with their first trial,
    and so does every trial that is not finished.
    """
    firsts = {t.number for t in found.trials if keep == "all"}
    firsts |= {t.number for t in found.front} | set(found.within_margin) if keep == "front" else set()
    firsts |= _exported(found)
    return {
        trial.number
        for trial in found.trials
        if trial.state not in FINISHED
        or (trial.number if trial.replicate_of is None else trial.replicate_of) in firsts
        or trial.number in firsts
    }


def _exported(found: SearchReport) -> set[int]:
    """The best trial, and the one that nas-export takes for it."""
    best = set() if found.best is None else {found.best.number}
    return best if found.choice is None else best | {found.choice}


def dispensable(found: SearchReport, keep: Keep) -> tuple[list[Path], list[str]]:
    """The checkpoints of trials that do not stay by the rule of `keep`. Logs and samples always stay.

    Returns:
        The files; none where checkpoints that are to stay are lost. Those, where there are files to delete.

    Raises:
        OSError: a checkpoint that is to stay can't be read.
    """
    files = list(_others(found, keep))
    lost = _lost(found, keep) if files else []
    return ([] if lost else files), lost


def _others(found: SearchReport, keep: Keep) -> Iterator[Path]:
    kept = kept_trials(found, keep)
    for trial in found.trials:
        folder = trial_folder(Path(found.folder), trial.number)
        if trial.number not in kept and not folder.is_symlink():
            yield from sorted(folder.glob(CHECKPOINT))


def _lost(found: SearchReport, keep: Keep) -> list[str]:
    """Checkpoints of trials that stay by the rule of `keep` and can't be exported, in words.

    They have another SHA-256 than their record, or are those that are exported and not there. Others that are
    not there went by an earlier rule.
    """
    kept, exported, lost = kept_trials(found, keep), _exported(found), list[str]()
    for trial in found.trials:
        if trial.number not in kept or trial.state != "COMPLETE" or not trial.rungs:
            continue
        record = trial.rungs[-1]
        path = Path(found.folder, record.checkpoint)
        if not path.is_file():
            lost += [f"trial {trial.number}: {path} is not there"] if trial.number in exported else []
        elif file_digest(path) != record.sha256:
            lost.append(f"trial {trial.number}: {path} is damaged")
    return lost


def note_of_lost(checkpoint: str) -> str:
    """What a person is told of a checkpoint that `dispensable` has found to be lost."""
    return (
        f"Note: a checkpoint that is to stay is lost, so all others stay: {checkpoint}; put it back from a "
        "copy, or delete others by hand"
    )


def prune_checkpoints(
    found: SearchReport, keep: Keep, check_lease: Callable[[], object] = lambda: None
) -> tuple[int, list[str]]:
    """Delete the checkpoints of finished trials that do not stay; none where one that is to stay is lost.

    Args:
        found: the report of the study.
        keep: whose checkpoints stay.
        check_lease: raises StudyError where the study's lease is another driver's; called before each file.

    Returns:
        The bytes that are free now, and what is lost.

    Raises:
        OSError: a file can't be read or deleted.
    """
    unneeded, lost = dispensable(found, keep)
    freed = 0
    for path in unneeded:
        check_lease()
        freed += path.lstat().st_size
        path.unlink()
    return freed, lost
