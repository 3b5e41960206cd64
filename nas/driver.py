"""One search from beginning to end: teacher, space, budget, study and workers wired together."""

from __future__ import annotations

import logging
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from functools import partial
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from ray import tune
from rich.console import Console

from distill.evaluation import check_extractor
from distill.progress import OnProgress
from distill.training import Precision
from nas.config import SearchConfig
from nas.errors import StudyError
from nas.execution import (
    CandidateTrial,
    LostWorkers,
    ParetoHalving,
    SearchProgress,
    Share,
    SharedSpace,
    SharedTrial,
    StudyRecorder,
    StudySearcher,
    Workbench,
    check_narrowest,
    introduction,
    make_shared,
    make_shared_weights,
    open_cluster,
    pack,
)
from nas.ranking import RungBoard
from nas.reporting import SearchReport, read_report
from nas.samplers import check_sampler, make_sampler, resume_seed
from nas.study import StudyStore, check_folder, make_folder, remove_folders
from nas.trials import Proposer, TrialSource, is_run, link_second_tries
from search_spaces import SearchSpace, UserError, Utilisation

if TYPE_CHECKING:
    from distill.evaluation import FidScore


def prepare(
    config: SearchConfig,
    *,
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
    proposes: bool = True,
    decode: bool = True,
) -> tuple[SearchConfig, Workbench]:
    """Resolve `config` and open what it names, so that a wrong request is refused before a study is made.

    What takes no time is looked at first: the extractor and its weights before any image is decoded.
    Decoded images are kept in `<workdir>/cache`; in a dry run a sample is looked at and nothing is written.
    `on_progress` hears of the images decoded so far and of all. Where architectures are going to be
    proposed (`proposes`) within a latency, that of the smallest student is measured. With `decode` False
    the caller looks at `bench.data` when all else is checked.

    Raises:
        UserError: of whatever kind fits.
    """
    check_extractor(config.extractor, config.extractor_weights)
    bench = Workbench(config, dry_run=dry_run, on_progress=on_progress)
    config = config.named(bench.teacher.name)
    bench.config = config
    check_folder(config)
    bench.check_teacher_cache()
    config.budget.utilisation(bench.space)
    if config.share_weights:
        check_narrowest(config.budget, SharedSpace.of(bench.teacher.family, bench.space))
    check_sampler(config.sampler)
    if proposes:
        _ = bench.latency
    if decode:
        _ = bench.data
    return config, bench


def run_search(
    config: SearchConfig,
    bench: Workbench,
    console: Console,
    trainable: type[tune.Trainable] | None = None,
    trials: Callable[[StudyStore, SearchSpace, Utilisation, SearchConfig], TrialSource] | None = None,
    notes: Mapping[str, str] | None = None,
) -> SearchReport:
    """Run or resume the search that `config` describes, until it has all its trials.

    Args:
        config: what is asked.
        bench: where it is done.
        console: for progress.
        trainable: distills candidates; None for the one that `config` asks for.
        trials: what is trained; the search's own proposals when None.
        notes: kept with the study.

    Raises:
        UserError: the request can't be carried out.
    """
    trainable = trainable or (SharedTrial if config.share_weights else CandidateTrial)
    space: SearchSpace = bench.space
    if config.share_weights:
        space = SharedSpace.of(bench.teacher.family, bench.space)
    _quiet()
    trials = partial(Proposer, latency=bench.latency) if trials is None else trials
    made = make_folder(config)
    ours = False  # the folder's contents: another driver may have taken the lease first
    try:
        with (
            StudyStore.open(
                config.storage_url, config.study, identity=bench.identity, assumed=SearchConfig.defaults()
            ) as store,
            store.lease(),
        ):
            ours = True
            link_second_tries(store)
            for name, note in (notes or {}).items():
                store.study.set_user_attr(name, note)
            source = trials(store, space, config.budget.utilisation(space), config)
            if source.work_left:
                with open_cluster(config) as share:
                    for line in introduction(config, bench):
                        console.print(line, highlight=False, markup=False, soft_wrap=True)
                    try:
                        teacher_score, precision = make_shared(config, share, console)
                    except UserError:
                        store.discard_if_empty()
                        raise
                    ours = False  # from here on there are results to keep
                    _note(store, config, bench, teacher_score, precision)
                    _search(config, bench, store, share, console, trainable, source)
            _give_up_half_asked(store)
            return read_report(store)
    except UserError:
        remove_folders(made, with_contents=ours)
        raise


def _search(
    config: SearchConfig,
    bench: Workbench,
    store: StudyStore,
    share: Share,
    console: Console,
    trainable: type[tune.Trainable],
    source: TrialSource,
) -> None:
    """Train what is missing in `store`."""
    config.save()
    share = pack(config, share, console)
    if config.share_weights:
        make_shared_weights(config, share, console)
    progress = _progress(store, config, console)
    board = _board(store, config)
    seed = resume_seed(config.seed, len(store.study.trials))
    space = source.space
    store.study.sampler = make_sampler(config.sampler, seed, space, config.budget.utilisation(space), board)
    recorder = StudyRecorder(store, config.folder, len(config.rungs))
    searcher = StudySearcher(source, recorder, board, progress)
    try:
        with (
            progress,
            searcher.heeding_interrupts(),
            redirect_stdout(sys.stderr),
            tempfile.TemporaryDirectory(prefix="nas-tune-") as scratch,
        ):
            _tune(searcher, board, trainable, config, share, scratch)
    except tune.TuneError:
        if searcher.error is None:
            raise
    if searcher.error is not None:  # Tune reports only some of what goes wrong in a searcher
        raise searcher.error
    if source.exhausted:
        console.print(source.exhausted, highlight=False, markup=False, soft_wrap=True)


def _tune(
    searcher: StudySearcher,
    board: RungBoard,
    trainable: Any,
    config: SearchConfig,
    share: Share,
    scratch: str,
) -> None:
    """Let Ray Tune ask `searcher` for candidates and train them, until it has no more."""
    resources = {"cpu": share.cpus, "gpu": share.gpus}
    settings = config.absolute().model_dump(mode="json")
    tune.Tuner(
        tune.with_resources(tune.with_parameters(trainable, settings=settings), resources),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=ParetoHalving(board),
            num_samples=-1,
            max_concurrent_trials=share.workers,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name=config.study,
            storage_path=scratch,
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=1),  # lost workers; candidates report
            checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0),
            callbacks=[LostWorkers(searcher)],
        ),
    ).fit()


def _board(store: StudyStore, config: SearchConfig) -> RungBoard:
    """The results at every rung, as earlier runs of the same command left them."""
    valid = [t for t in store.study.get_trials(deepcopy=False) if "retried_as" not in t.user_attrs]
    return RungBoard.from_rungs(
        store.rungs(),
        {t.number: t.user_attrs["macs"] for t in valid if "macs" in t.user_attrs},
        rungs=len(config.rungs),
        reduction_factor=config.reduction_factor,
        protected=[t.number for t in valid if t.user_attrs.get("protected")],
        replicates={t.number: t.user_attrs["replicate_of"] for t in valid if "replicate_of" in t.user_attrs},
        significance=config.significance,
    )


def _progress(store: StudyStore, config: SearchConfig, console: Console) -> SearchProgress:
    """The display, with what earlier runs of the same command have done."""
    trials = store.study.get_trials(deepcopy=False)
    finished = [t for t in trials if t.state.is_finished() and is_run(t)]
    known = len(finished) + len(_interrupted(store))  # more than asked for when these were more before
    complete = [(t.number, *t.values) for t in finished if t.state == TrialState.COMPLETE]
    return SearchProgress(
        console,
        max(config.trials + config.replicate_runs, known),
        len(config.rungs),
        done=len(finished),
        counts=dict(Counter(t.state for t in finished)),
        best=min(complete, key=lambda trial: trial[1], default=None),
    )


def _interrupted(store: StudyStore) -> list[FrozenTrial]:
    """Trials that an earlier run left while they were trained; they go on, however few `trials` are asked."""
    running = store.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [t for t in running if "architecture" in t.user_attrs]


def _give_up_half_asked(store: StudyStore) -> None:
    """Fail trials whose architecture was not chosen when a run was interrupted: no more are asked for."""
    for trial in store.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if "architecture" not in trial.user_attrs:
            store.fail(trial.number, "interrupted before an architecture was chosen")


def _note(
    store: StudyStore, config: SearchConfig, bench: Workbench, teacher_score: FidScore, precision: Precision
) -> None:
    """Keep with the study what reports, exports and evaluations need to know of it.

    Raises:
        StudyError: its FIDs were measured with other extractor weights, or its students trained in another
            precision.
    """
    same_weights = "give the same file by --extractor-weights"
    same_precision = "give the same --precision, or train on the same kind of device"
    for key, what, here, fix in (
        ("extractor_digest", "extractor weights", teacher_score.digest, same_weights),
        ("trained_in", "precision", precision, same_precision),
    ):
        noted = store.study.user_attrs.get(key, here)
        if noted != here:
            raise StudyError(
                f"study {store.name!r} belongs to the {what} {noted}, not {here}: {fix}, or use --study NAME "
                "for a new one"
            )
        store.study.set_user_attr(key, here)
    architecture = bench.teacher.generator.architecture
    teacher: dict[str, Any] = {
        "name": bench.teacher.name,
        "path": str(config.teacher or "built-in"),
        "digest": bench.teacher.digest,
        "macs": bench.space.macs(architecture),
        "params": bench.space.params(architecture),
        "fid": teacher_score.value,
        "fid_samples": teacher_score.samples,
    }
    store.study.set_user_attr("teacher_info", teacher)
    store.study.set_user_attr("config", config.absolute().public())


def _quiet() -> None:
    """The libraries' own chatter does not belong between the user and the progress display."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    for name in ("ray", "ray.tune"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is said by us, in a line
    logging.getLogger("alembic").setLevel(logging.ERROR)
