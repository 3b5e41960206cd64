"""The SQL study: trials and rungs, the lease of its driver, artifacts, its folder."""

from nas.database import Rung
from nas.study.artifacts import artifact_store, attach_samples, samples_of
from nas.study.attributes import (
    BUILT_IN,
    LAYOUT,
    REAL_IMAGES,
    Latencies,
    RunFacts,
    StudyAttributes,
    save_tie_break,
)
from nas.study.folder import (
    REPORT,
    TRIALS,
    StudyFolder,
    check_folder,
    has_settings_of,
    interim_file,
    other_database,
    report_file,
    study_folder,
    trial_folder,
)
from nas.study.locate import has_result, open_all, open_existing, study_names
from nas.study.opening import check_purpose
from nas.study.ownership import DRIVER, FolderOwner
from nas.study.records import LONGEST_NAME, LONGEST_REASON, RungRecord, TieBreak
from nas.study.rehearsal import check_no_driver, check_study, recorded_part
from nas.study.store import StudyStore

__all__ = [
    "BUILT_IN",
    "DRIVER",
    "LAYOUT",
    "LONGEST_NAME",
    "LONGEST_REASON",
    "REAL_IMAGES",
    "REPORT",
    "TRIALS",
    "FolderOwner",
    "Latencies",
    "RunFacts",
    "Rung",
    "RungRecord",
    "StudyAttributes",
    "StudyFolder",
    "StudyStore",
    "TieBreak",
    "artifact_store",
    "attach_samples",
    "check_folder",
    "check_no_driver",
    "check_purpose",
    "check_study",
    "has_result",
    "has_settings_of",
    "interim_file",
    "open_all",
    "open_existing",
    "other_database",
    "recorded_part",
    "report_file",
    "samples_of",
    "save_tie_break",
    "study_folder",
    "study_names",
    "trial_folder",
]
