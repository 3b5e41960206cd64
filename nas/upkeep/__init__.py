"""What is done to a study beside its search: status, removal of files, deletion, copies."""

from nas.upkeep.collection import Collected, collect_garbage
from nas.upkeep.copying import Copied, copy_study
from nas.upkeep.deletion import delete_study, finalists_of, own_files
from nas.upkeep.disk import DiskUse, disk_use
from nas.upkeep.leftovers import leftovers, remove_unfinished
from nas.upkeep.retention import dispensable, kept_trials, note_of_lost, prune_checkpoints
from nas.upkeep.status import StudyStatus, study_status
from nas.upkeep.status_table import disk_in_words, render_status

__all__ = [
    "Collected",
    "Copied",
    "DiskUse",
    "StudyStatus",
    "collect_garbage",
    "copy_study",
    "delete_study",
    "disk_in_words",
    "disk_use",
    "dispensable",
    "finalists_of",
    "kept_trials",
    "leftovers",
    "note_of_lost",
    "own_files",
    "prune_checkpoints",
    "remove_unfinished",
    "render_status",
    "study_status",
]
