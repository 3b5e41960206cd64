"""Candidates trained under Ray Tune: workers, the searcher and scheduler that drive them, their progress."""

from nas.execution.candidate import Candidate, CandidateTrial, Outcome, trial_folder
from nas.execution.cluster import WorkerResources, make_shared, make_shared_weights, open_cluster, pack
from nas.execution.preview import introduction, judge_warnings, preview_search
from nas.execution.progress import SearchProgress
from nas.execution.recorder import StudyRecorder
from nas.execution.scheduler import ParetoHalving
from nas.execution.searcher import LostWorkers, StudySearcher
from nas.execution.tune_config import from_tune, to_tune
from nas.execution.warm_start import read_warm_start, warm_start_architectures
from nas.execution.weight_sharing import (
    STAGES,
    SharedSpace,
    SharedTrial,
    check_shareable,
    searched_space,
    shared_trainer,
    train_shared,
)
from nas.execution.workbench import Workbench

__all__ = [
    "STAGES",
    "Candidate",
    "CandidateTrial",
    "LostWorkers",
    "Outcome",
    "ParetoHalving",
    "SearchProgress",
    "SharedSpace",
    "SharedTrial",
    "StudyRecorder",
    "StudySearcher",
    "Workbench",
    "WorkerResources",
    "check_shareable",
    "from_tune",
    "introduction",
    "judge_warnings",
    "make_shared",
    "make_shared_weights",
    "open_cluster",
    "pack",
    "preview_search",
    "read_warm_start",
    "searched_space",
    "shared_trainer",
    "to_tune",
    "train_shared",
    "trial_folder",
    "warm_start_architectures",
]
