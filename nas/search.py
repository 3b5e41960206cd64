"""One search from beginning to end: teacher, space, budget, study and workers wired together."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import optuna
import ray
import torch
from ray import tune
from rich.console import Console

from nas.candidate import CandidateTrial
from nas.config import SearchConfig
from nas.errors import ConfigError, WorkdirError
from nas.halving import ParetoHalving, RungBoard
from nas.preview import introduction
from nas.progress import SearchProgress
from nas.proposals import Proposer
from nas.recorder import StudyRecorder
from nas.report import SearchReport, report
from nas.samplers import make_sampler, resume_seed
from nas.searcher import StudySearcher
from nas.study import StudyStore
from nas.workbench import Workbench
from search_spaces import UserError

OBJECT_STORE = 80 * 2**20  # bytes; only settings and results travel through Ray


def prepare(config: SearchConfig) -> tuple[SearchConfig, Workbench]:
    """Resolve `config` and open what it names, so that a wrong request is refused before anything is written.

    Raises:
        UserError: of whatever kind fits.
    """
    bench = Workbench(config)
    config = config.named(bench.teacher.name)
    bench.config = config
    config.budget.load(bench.space)
    make_sampler(config.sampler, 0)
    return config, bench


def run_search(config: SearchConfig, bench: Workbench, console: Console) -> SearchReport:
    """Run or resume the search that `config` describes, until it has all its trials.

    Raises:
        UserError: the request can't be carried out.
    """
    _quiet()
    with _open(config, bench) as store, store.lease():
        for line in introduction(config, bench):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        store.study.sampler = make_sampler(config.sampler, resume_seed(config.seed, len(store.study.trials)))
        _note(store, config, bench)
        config.save()
        proposer = Proposer(store, bench.space, config.budget.load(bench.space), config)
        if _trials_left(store, config) > 0:
            _ = bench.bank  # made once here, before workers want it
            _run_tune(config, store, proposer, console)
        return report(store)


def _open(config: SearchConfig, bench: Workbench) -> StudyStore:
    """The study of `config`; a request that is refused leaves no folder behind."""
    identity = bench.identity
    fresh = not config.folder.exists()
    _make_folder(config.folder)
    try:
        _ = bench.fidelity  # statistics are made once here, before workers want them
        return StudyStore.open(config.storage_url, config.study, identity=identity)
    except UserError:
        if fresh:
            shutil.rmtree(config.folder)
        raise


def _run_tune(config: SearchConfig, store: StudyStore, proposer: Proposer, console: Console) -> None:
    finished = _finished(store)
    progress = SearchProgress(console, config.trials, len(config.rungs), done=len(finished))
    searcher = StudySearcher(
        proposer, StudyRecorder(store, config.folder, len(config.rungs), config.budget_macs), progress
    )
    macs = {
        t.number: t.user_attrs["macs"]
        for t in store.study.get_trials(deepcopy=False)
        if "macs" in t.user_attrs
    }
    board = RungBoard.from_rungs(store.rungs(), macs, rungs=len(config.rungs), eta=config.reduction_factor)
    _start_ray(config)
    workers, resources = _resources(config)
    try:
        with (
            progress,
            redirect_stdout(sys.stderr),
            tempfile.TemporaryDirectory(prefix="nas-tune-") as scratch,
        ):
            trainable = tune.with_parameters(
                CandidateTrial, settings=config.absolute().model_dump(mode="json")
            )
            tune.Tuner(
                tune.with_resources(trainable, resources),
                tune_config=tune.TuneConfig(
                    search_alg=searcher,
                    scheduler=ParetoHalving(board),
                    num_samples=-1,  # until the searcher has no more
                    max_concurrent_trials=workers,
                    reuse_actors=True,
                ),
                run_config=tune.RunConfig(
                    name=config.study,
                    storage_path=scratch,
                    verbose=0,
                    failure_config=tune.FailureConfig(
                        max_failures=1
                    ),  # of workers; candidates report their own
                    checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0),
                ),
            ).fit()
    except tune.TuneError:
        if searcher.error is None:
            raise
    finally:
        ray.shutdown()
    if searcher.error is not None:  # Tune reports only some of what goes wrong in a searcher
        raise searcher.error


def _trials_left(store: StudyStore, config: SearchConfig) -> int:
    return config.trials - len(_finished(store))


def _finished(store: StudyStore) -> list[optuna.trial.FrozenTrial]:
    """Trials of their own architecture that have ended."""
    trials = store.study.get_trials(deepcopy=False)
    ended = [t for t in trials if t.state.is_finished() and "architecture" in t.user_attrs]
    return [t for t in ended if "duplicate_of" not in t.user_attrs]


def _note(store: StudyStore, config: SearchConfig, bench: Workbench) -> None:
    """Keep with the study what reports, exports and evaluations need to know of it."""
    teacher: dict[str, Any] = {
        "name": bench.teacher.name,
        "path": str(config.teacher or "built-in"),
        "digest": bench.teacher.digest,
    }
    teacher["macs"] = bench.space.macs(bench.teacher.generator.architecture)
    teacher["params"] = bench.space.params(bench.teacher.generator.architecture)
    teacher["fid"] = bench.teacher.metadata.get("fid")
    store.study.set_user_attr("teacher_info", teacher)
    store.study.set_user_attr("config", config.model_dump(mode="json"))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise WorkdirError(
            f"{folder} can't be written ({error.strerror}): choose another --workdir"
        ) from error


def _resources(config: SearchConfig) -> tuple[int, dict[str, float]]:
    """Workers at a time, and the CPUs and GPUs of each."""
    cpus = int(ray.cluster_resources().get("CPU", 1))
    gpus = ray.cluster_resources().get("GPU", 0.0)
    per_trial = config.gpus_per_trial if config.gpus_per_trial >= 0 else min(1.0, gpus)
    if per_trial > gpus:
        raise ConfigError(
            f"--gpus-per-trial {per_trial:g}: there are {gpus:g} GPUs; give 0 to train on the CPU"
        )
    workers = config.workers or (int(gpus / per_trial) if per_trial else cpus)
    return workers, {"cpu": max(1, cpus // workers), "gpu": per_trial}


def _start_ray(config: SearchConfig) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # the new one prints a table on stdout, however quiet
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # the study is the log
    os.environ.setdefault("TUNE_MAX_PENDING_TRIALS_PG", "1")  # ask no earlier than a worker is free
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if config.ray_address:
        try:
            ray.init(address=config.ray_address, **quiet)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(
                f"--ray-address {config.ray_address} does not answer ({reason}): start Ray there"
            ) from error
        return
    cpus = max(os.cpu_count() or 1, config.workers)
    ray.init(num_cpus=cpus, include_dashboard=False, object_store_memory=OBJECT_STORE, **quiet)


def _quiet() -> None:
    """The libraries' own chatter does not belong between the user and the progress display."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    for name in ("ray", "ray.tune", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    torch.set_num_threads(max(1, (os.cpu_count() or 1)))
