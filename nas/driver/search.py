"""A search from top to bottom: folder, study, workers, shared data, candidates, report."""

from __future__ import annotations

import errno
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

import optuna
from ray import tune
from rich.console import Console

from distill.storage import sweep
from distill.teachers import TEACHER_CACHE
from nas.config import SearchConfig, default_conditions
from nas.database import Lease
from nas.driver.facts import record_facts, record_run
from nas.driver.preview import introduction
from nas.driver.resumption import fail_unsampled, recorded_results, resumed_progress, started
from nas.driver.tuning import tune_candidates
from nas.errors import SearchError, WorkdirError
from nas.exchange import Receiver, receiver_of
from nas.execution import (
    CandidateTrial,
    SharedTrial,
    StudyRecorder,
    StudySearcher,
    WorkerResources,
    make_shared_weights,
    open_cluster,
    pack,
    prepare_teacher_and_statistics,
)
from nas.progress import LOG, RunLog, RunStarted, say, tell
from nas.ray_start import check_machine
from nas.reporting import SearchReport, format_bytes, read_report
from nas.samplers import make_sampler
from nas.study import (
    TRIALS,
    FolderOwner,
    RunFacts,
    StudyAttributes,
    StudyFolder,
    StudyStore,
    check_purpose,
    study_folder,
    trial_folder,
)
from nas.trials import Proposer, TrialSource, link_retries
from nas.upkeep import note_of_lost, prune_checkpoints, remove_unfinished
from nas.workbench import Workbench, searched_space
from search_spaces import SearchSpace, UserError, Utilisation, os_reason

OF_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.ESTALE)
"""Errors of a write to an open file, which do not name it; it may be that of the output."""

RUN_DIGITS = 12  # of the lease's token: the id of a run
NO_TRIALS = (
    "Note: the folder has checkpoints of trials that the database does not have; put the database back, else "
    "those are read whose trials are proposed again, and nas-study gc deletes the others"
)
REMOVED = "Removed unfinished images of the teacher, which an interrupted search left"

MakeSource: TypeAlias = Callable[[StudyStore, SearchSpace, Utilisation, SearchConfig], TrialSource]


def run_search(
    bench: Workbench,
    console: Console,
    trainable: type[tune.Trainable] | None = None,
    trials: MakeSource | None = None,
    finalists_of: str = "",
    on_open: Callable[[str], None] = lambda study: None,
) -> SearchReport:
    """Run or resume the search that `bench.config` describes, until it has all its trials.

    Args:
        bench: what `prepare` returns.
        console: for progress.
        trainable: distills candidates; None for the one that the configuration asks for.
        trials: makes the source of trials; the search's own proposals when None.
        finalists_of: name of the search whose finalists are trained; empty for a search.
        on_open: called with the study's name once it is in the database and this process is its driver.

    Raises:
        UserError: the request can't be carried out. A study folder made for it is removed again, unless there
            are results in it.
        SearchError: the disk or the database failed; what was recorded is kept.
    """
    config, space = bench.config, searched_space(bench)
    utilisation = config.budget.utilisation(space)
    make_source = trials or partial(Proposer, warm_start=bench.warm_start, latency=bench.latency)
    _quiet_libraries()
    if config.ray_address is None:
        check_machine()
    with (
        _disk_failures_in_a_line(),
        study_folder(config) as folder,
        StudyStore.open(
            config.storage_url,
            config.study,
            identity=bench.identity,
            assumed=default_conditions(),
            named=config.names,
        ) as store,
        store.lease() as lease,
        _left_to_others(folder, lease),
    ):
        folder.own_contents()  # not before the lease is ours: another driver may be at work in the folder
        if not store.study.get_trials(deepcopy=False) and any((config.folder / TRIALS).glob("*/*.pt")):
            say(console, NO_TRIALS, dated=False)
        remove_unfinished(store, config.folder)
        check_purpose(store.study, finalists_of)
        link_retries(store)
        StudyAttributes(finalists_of=finalists_of).write(store.study)
        on_open(store.name)
        source = make_source(store, space, utilisation, config)
        receiver = receiver_of(config, lease.token, store.check_lease)
        if source.work_left:
            with ExitStack() as running:
                with _undone_if_refused(store, receiver):
                    receiver.claim(_interrupted(store))
                    resources = running.enter_context(open_cluster(config, console))
                    running.enter_context(receiver.listening())
                    _announce(bench, console)
                    _prepare_shared(bench, store, resources, console)
                folder.keep()  # from here on there are results
                config.save()
                run = record_run(store, lease.token[:RUN_DIGITS], config.seed)
                running.enter_context(_log(config.folder, run).listening(console))
                _train_candidates(
                    config, store, lease, source, utilisation, resources, console, trainable, receiver
                )
        else:
            say(console, _nothing_left(config, finalists_of), dated=False)
        fail_unsampled(store)
        store.check_lease()
        receiver.finish()
        found = read_report(store, config.absolute().folder)  # it may have been copied
        store.check_lease()
        freed, lost = prune_checkpoints(found, config.keep, store.check_lease)
        for each in lost:
            say(console, note_of_lost(each), dated=False)
        if freed:
            what = {"front": "off the front", "best": "but the best"}[config.keep]
            say(console, f"Deleted checkpoints of trials {what}: {format_bytes(freed)}", dated=False)
        return found


@contextmanager
def _left_to_others(folder: StudyFolder, lease: Lease) -> Iterator[None]:
    """Keep a new folder, whose search is refused, where another driver has taken it over meanwhile."""
    try:
        yield
    except UserError:
        if not lease.is_ours:
            folder.keep()
        raise


@contextmanager
def _disk_failures_in_a_line() -> Iterator[None]:
    """Raise SearchError for a file that can't be written, read or renamed."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno not in OF_DISKS:
            raise
        what = "a file" if error.filename is None else error.filename
        raise SearchError(
            f"{what}: {os_reason(error)}: what was recorded is kept; make room or mend the disk, "
            "then run the same command again"
        ) from error


def _log(folder: Path, run: RunFacts) -> RunLog:
    """The log of the study of `folder`, for this run.

    Raises:
        WorkdirError: it is a link, or can't be written.
    """
    try:
        first = RunStarted(**run.model_dump(exclude={"run", "pid"}))
        return RunLog(folder, run.run, first, trial_folder=partial(trial_folder, folder))
    except OSError as error:
        raise WorkdirError(
            f"{folder / LOG} can't be written ({os_reason(error)}): it must be a file or not be there, no "
            "link; remove it"
        ) from error


def _interrupted(store: StudyStore) -> list[int]:
    """Numbers of the trials that are resumed."""
    trials = store.study.get_trials(deepcopy=False)
    return [trial.number for trial in trials if not trial.state.is_finished()]


@contextmanager
def _undone_if_refused(store: StudyStore, receiver: Receiver) -> Iterator[None]:
    """Delete a study that was made in vain and its objects, so that a corrected request starts anew."""
    try:
        yield
    except UserError:
        if store.discard_if_empty() and receiver.has_claimed:
            receiver.finish()
        raise


def _nothing_left(config: SearchConfig, finalists_of: str) -> str:
    """Why nothing is trained, and what to give for more."""
    if finalists_of:
        return f"Nothing left to train: all finalists of {finalists_of} are trained; for more raise --seeds"
    return f"Nothing left to train: all of --trials {config.trials} are finished; raise it for more"


def _announce(bench: Workbench, console: Console) -> None:
    for line in introduction(bench):
        say(console, line, dated=False)


def _prepare_shared(
    bench: Workbench, store: StudyStore, resources: WorkerResources, console: Console
) -> None:
    """Make what all candidates read, and record the facts of the study that are known then.

    Raises:
        UserError: data or extractor can't be used, or are not the study's.
    """
    if sweep(bench.config.cache / TEACHER_CACHE):
        say(console, REMOVED, dated=False)
    teacher_score, precision = prepare_teacher_and_statistics(bench.config, resources, console)
    record_facts(store, bench, teacher_score, precision)


def _train_candidates(
    config: SearchConfig,
    store: StudyStore,
    lease: Lease,
    source: TrialSource,
    utilisation: Utilisation,
    resources: WorkerResources,
    console: Console,
    trainable: type[tune.Trainable] | None,
    receiver: Receiver,
) -> None:
    """Train what is missing in `store`."""
    owner = FolderOwner(config.folder, lease.token)
    store.check_lease()
    owner.claim()
    resources = pack(config, resources, console)
    if config.share_weights:
        make_shared_weights(config, resources, console)
    board = recorded_results(store, config)
    store.study.sampler = make_sampler(config.sampler, config.seed, source.space, utilisation, board)
    recorder = StudyRecorder(store, config.folder, len(config.rungs), receiver)
    progress = resumed_progress(store, config, console)
    tell(console, started(store, config, progress))
    with progress:
        searcher = StudySearcher(source, recorder, board, progress)
        trainable = trainable or (SharedTrial if config.share_weights else CandidateTrial)
        tune_candidates(config, searcher, board, trainable, resources, owner.token)
    if source.exhausted:
        say(console, source.exhausted, dated=False)


def _quiet_libraries() -> None:
    """Keep the libraries' own messages out of the progress display."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    for name in ("ray", "ray.tune"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # failures are reported by us, in a line
    logging.getLogger("alembic").setLevel(logging.ERROR)
