"""Ray Tune, set up for one search."""

from __future__ import annotations

import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from ray import tune

from distill.progress import read_report
from distill.storage import scratch_folder, sweep
from nas.config import SearchConfig
from nas.execution import (
    MOST_LOST,
    HungWorkers,
    LostWorkers,
    ParetoHalving,
    StudySearcher,
    Watchdog,
    WorkerResources,
)
from nas.ranking import RungBoard
from nas.study import report_file

PREFIX = "nas-tune-"  # of the folder that Tune writes to while it runs


def tune_candidates(
    config: SearchConfig,
    searcher: StudySearcher,
    board: RungBoard,
    trainable: type[tune.Trainable],
    resources: WorkerResources,
    token: str,
) -> None:
    """Train the candidates that `searcher` suggests, until it has no more.

    Args:
        config, resources: of the search.
        searcher, board: what to train, and which candidates are promoted.
        trainable: distills candidates.
        token: of the lease of the study, which workers compare before they write.

    Raises:
        Exception: whatever went wrong in the searcher; Tune itself reports only some of it.
        tune.TuneError: Tune failed.
    """
    place = Path(tempfile.gettempdir())
    sweep(place, f"{PREFIX}*", marked=True)  # of drivers that were killed
    try:
        with (
            searcher.heeding_interrupts(),
            redirect_stdout(sys.stderr),
            scratch_folder(place, PREFIX) as scratch,
        ):
            _tuner(config, searcher, board, trainable, resources, token, str(scratch)).fit()
    except tune.TuneError:
        if searcher.error is None:
            raise
    if searcher.error is not None:
        raise searcher.error


def _tuner(
    config: SearchConfig,
    searcher: StudySearcher,
    board: RungBoard,
    trainable: type[tune.Trainable],
    resources: WorkerResources,
    token: str,
    scratch: str,
) -> tune.Tuner:
    per_candidate = {"cpu": resources.cpus, "gpu": resources.gpus}
    settings = config.absolute().model_dump(mode="json")
    halving = ParetoHalving(board)
    return tune.Tuner(
        tune.with_resources(tune.with_parameters(trainable, settings=settings, token=token), per_candidate),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=halving,
            num_samples=-1,
            max_concurrent_trials=resources.workers,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name=config.study,
            storage_path=scratch,
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=MOST_LOST - 1),  # workers; candidates report
            checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0),
            callbacks=[
                LostWorkers(searcher),
                HungWorkers(_watchdog(config), searcher, halving.worker_of),
                ForgottenMetrics(),
            ],
        ),
    )


class ForgottenMetrics(tune.Callback):  # type: ignore[misc]  # Ray Tune has no types
    """Has Tune forget the running means of the metrics of a trial that has ended.

    Nobody reads them, and with their JSON they are half of the 45 kB that Tune keeps of each trial.
    """

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Tune's name for a trial that was stopped, too."""
        trial.metric_analysis.clear()
        trial.metric_n_steps.clear()
        trial.run_metadata.invalidate_cache()  # the JSON of both


def _watchdog(config: SearchConfig) -> Watchdog:
    return Watchdog(config.worker_timeout, lambda trial: read_report(report_file(config.folder, trial)))
