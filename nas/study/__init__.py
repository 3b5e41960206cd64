"""The SQL study: trials and rungs, the lease of its driver, artifacts, its folder."""

from nas.database import Rung
from nas.study.artifacts import artifact_store, attach_samples, samples_of
from nas.study.attributes import (
    BUILT_IN,
    LAYOUT,
    REAL_IMAGES,
    Latencies,
    StudyAttributes,
    save_tie_break,
)
from nas.study.folder import check_folder, study_folder
from nas.study.locate import has_result, open_all, open_existing, study_names
from nas.study.opening import check_purpose
from nas.study.ownership import FolderOwner
from nas.study.records import LONGEST_NAME, LONGEST_REASON, RungRecord, TieBreak
from nas.study.rehearsal import check_no_driver, check_study, recorded_part
from nas.study.store import StudyStore

__all__ = [
    "BUILT_IN",
    "LAYOUT",
    "LONGEST_NAME",
    "LONGEST_REASON",
    "REAL_IMAGES",
    "FolderOwner",
    "Latencies",
    "Rung",
    "RungRecord",
    "StudyAttributes",
    "StudyStore",
    "TieBreak",
    "artifact_store",
    "attach_samples",
    "check_folder",
    "check_no_driver",
    "check_purpose",
    "check_study",
    "has_result",
    "open_all",
    "open_existing",
    "recorded_part",
    "samples_of",
    "save_tie_break",
    "study_folder",
    "study_names",
]
