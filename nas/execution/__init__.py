"""Candidates trained under Ray Tune: workers, the searcher and scheduler that drive them, their progress."""

from nas.execution.candidate import Candidate, Outcome
from nas.execution.cluster import (
    WorkerResources,
    expected_resources,
    make_shared_weights,
    open_cluster,
    pack,
    prepare_teacher_and_statistics,
)
from nas.execution.progress import SearchProgress
from nas.execution.recorder import StudyRecorder
from nas.execution.scheduler import ParetoHalving
from nas.execution.search_table import Course, FrontPoint, search_table
from nas.execution.searcher import MOST_LOST, LostWorkers, StudySearcher
from nas.execution.trainable import CandidateTrial
from nas.execution.tune_config import from_tune, to_tune
from nas.execution.watchdog import HungWorkers, Watchdog
from nas.execution.weight_sharing import STAGES, SharedTrial, shared_trainer, train_shared

__all__ = [
    "MOST_LOST",
    "STAGES",
    "Candidate",
    "CandidateTrial",
    "Course",
    "FrontPoint",
    "HungWorkers",
    "LostWorkers",
    "Outcome",
    "ParetoHalving",
    "SearchProgress",
    "SharedTrial",
    "StudyRecorder",
    "StudySearcher",
    "Watchdog",
    "WorkerResources",
    "expected_resources",
    "from_tune",
    "make_shared_weights",
    "open_cluster",
    "pack",
    "prepare_teacher_and_statistics",
    "search_table",
    "shared_trainer",
    "to_tune",
    "train_shared",
]
