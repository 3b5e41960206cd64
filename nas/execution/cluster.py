"""Ray: start or join it quietly, divide its resources, and run the tasks that precede candidates."""

from __future__ import annotations

import math
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ray
import torch
from ray.exceptions import RayError, RayTaskError
from rich.console import Console

from distill.errors import TrainingDivergedError
from distill.progress import Reporter, relayed
from distill.training import Precision
from nas.config import SearchConfig
from nas.device import use_threads
from nas.errors import ConfigError, SearchError
from nas.exchange import reporter_for_workers, this_node
from nas.execution.gpu_sharing import Footprint, candidates_per_gpu, gpu_fraction, measure_footprint
from nas.execution.weight_sharing import STAGES, images_trained, stages_left, train_shared
from nas.progress import progress_bars, say, waiting
from nas.ray_start import QUIET, local_ray
from nas.workbench import Workbench

if TYPE_CHECKING:
    from distill.evaluation import FidScore

CONNECT_SECONDS = 10
ANY_CLUSTER = "auto"  # Ray's word for the one of this machine
JOIN_SECONDS = 600  # for a cluster's first worker: its machine may be on its way
START_OR_TOKEN = (  # Ray tells a driver without the cluster's token no more than that it can't connect
    "start Ray there; if the cluster asks for a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH to "
    "its file"
)
PROGRESS = ".progress"  # a file in the study's folder, which one driver at a time works in
OBJECT_STORE = 80 * 2**20  # bytes; only settings and results travel through Ray
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a candidate without a GPU may still see it
    "RAY_AIR_NEW_OUTPUT": "0",  # the new one prints a table on stdout, however quiet
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the study is the log
    "TUNE_MAX_PENDING_TRIALS_PG": "1",  # ask no earlier than a worker is free
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C ends the command, which says how to resume
}


@dataclass(frozen=True)
class WorkerResources:
    """The resources of a cluster, divided among candidates that train at a time."""

    workers: int  # candidates at a time
    cpus: int  # per candidate
    gpus: float  # per candidate


@contextmanager
def open_cluster(config: SearchConfig, console: Console) -> Iterator[WorkerResources]:
    """Run Ray while the block runs, and wait for a first worker of a cluster; `console` shows that.

    Raises:
        ConfigError: Ray can't be started here, or the cluster does not answer, or no worker joins it, or none
            has a GPU where one is asked for.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with _started(config):
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # Ray's own handler dumps its stack
        _await_workers(console)
        yield _resources(config)


@contextmanager
def _started(config: SearchConfig) -> Iterator[None]:
    """Ray on this machine, or a connection to the cluster that is asked for."""
    if config.ray_address is None:
        cpus = max(len(os.sched_getaffinity(0)), config.workers or 0)
        with local_ray(num_cpus=cpus, object_store_memory=OBJECT_STORE, include_dashboard=False):
            yield
        return
    try:
        _join(config.ray_address)
        yield
    finally:
        ray.shutdown()


def prepare_teacher_and_statistics(
    config: SearchConfig, resources: WorkerResources, console: Console
) -> tuple[FidScore, Precision]:
    """Have a worker make the teacher cache and the statistics of the real images, which all candidates read.

    A worker does it because it may have a GPU, and because the driver should stay small.

    Returns:
        The teacher's FID over the cached images, at most as many as for students; and the precision that
        workers train in.

    Raises:
        UserError: the data or the extractor can't be used.
        ExchangeError: what was made can't be put into the object store.
    """

    def task(settings: dict[str, Any], report: Reporter) -> tuple[FidScore, Precision]:
        use_threads(resources.cpus)
        node = this_node(SearchConfig.model_validate(settings))
        bench = Workbench(node.config, on_progress=report)
        try:
            with node.alone():
                node.fetch_caches()
                score = bench.teacher_score()
            node.put_caches(lambda: bench.cached_files())
        finally:
            report.flush()
        return score, bench.precision

    what = "Making the teacher's images and the real ones' statistics"
    file = config.folder.absolute() / PROGRESS
    with progress_bars(console, what) as on_progress, relayed(on_progress, file) as here:
        report = reporter_for_workers(config, here.file, here.seconds)
        made: tuple[FidScore, Precision] = _on_a_worker(
            task, config, resources, "made the teacher cache", report
        )
    return made


def pack(config: SearchConfig, resources: WorkerResources, console: Console) -> WorkerResources:
    """With `--gpus-per-trial auto`, let as many candidates share a GPU as it can serve.

    With shared weights candidates are not trained, and nothing changes.

    Raises:
        SearchError: the measuring worker was lost.
    """
    if config.gpus_per_trial != "auto" or not resources.gpus or config.share_weights:
        return resources

    def task(settings: dict[str, Any]) -> Footprint | None:
        use_threads(1)
        return measure_footprint(Workbench(this_node(SearchConfig.model_validate(settings)).config))

    with waiting(console, "Measuring what a candidate takes of a GPU"):
        found: Footprint | None = _on_a_worker(
            task, config, resources, "measured what a candidate takes of a GPU"
        )
    if found is None or not found.busy:
        say(console, "What a candidate takes of a GPU can't be measured: one trains on each", dated=False)
        return resources
    gpus = sum(node.get("GPU", 0) for node in _nodes())
    wanted = config.workers or config.trials + config.replicate_runs
    # Ray fills one GPU before the next one: spread the candidates over all of them
    together = min(candidates_per_gpu(found, resources.cpus), math.ceil(wanted / gpus))
    say(
        console,
        f"A candidate takes {found.memory / 2**30:.1f} of {found.free / 2**30:.1f} GiB of a GPU and keeps it "
        f"busy {found.busy:.0%} of the time: {together} train on one at a time",
        dated=False,
    )
    return _resources(config.model_copy(update={"gpus_per_trial": gpu_fraction(together)}))


def make_shared_weights(config: SearchConfig, resources: WorkerResources, console: Console) -> None:
    """Have a worker train the weights that all candidates share, stage by stage, from their last checkpoint.

    Raises:
        UserError: the data can't be used.
        SearchError: the training diverged, its worker was lost, or what it left is damaged.
    """

    def task(settings: dict[str, Any], stage: int) -> None:
        use_threads(resources.cpus * resources.workers)
        train_shared(Workbench(SearchConfig.model_validate(settings)), stage)

    def seen(settings: dict[str, Any]) -> int:
        return images_trained(Workbench(SearchConfig.model_validate(settings)))

    trained = _on_a_worker(seen, config, resources, "looked for the shared weights")
    for stage in stages_left(config, trained):
        what = f"Shared weights: stage {stage} of {STAGES}, {config.rungs[-1]:,} images in all"
        with waiting(console, what):
            _on_a_worker(task, config, resources, "trained the shared weights", stage)
        say(console, f"{what}: done", dated=False)


def _on_a_worker(
    task: Callable[..., Any], config: SearchConfig, resources: WorkerResources, what: str, *args: Any
) -> Any:
    """Run `task` on a worker with the settings of `config` and `args`; return its result."""
    remote = ray.remote(num_cpus=resources.cpus, num_gpus=resources.gpus, max_retries=0)(task)
    try:
        return ray.get(remote.remote(config.absolute().model_dump(mode="json"), *args))
    except RayTaskError as error:
        if isinstance(error.cause, TrainingDivergedError):
            raise SearchError(f"a worker {what} and failed: {error.cause}") from None
        raise error.cause from None
    except RayError as error:  # the worker was killed
        reason = str(error).splitlines()[0]
        raise SearchError(f"a worker was lost while it {what} ({reason}): try again") from error


def _join(address: str) -> None:
    _reach(address)
    try:
        ray.init(address=address, **QUIET)
    except (
        RayError,
        OSError,
        ValueError,
        RuntimeError,
        OverflowError,
    ) as error:  # but something listens there
        raise _no_answer(address, error, START_OR_TOKEN) from error


def _reach(address: str) -> None:
    """Raise ConfigError where nothing listens; Ray itself would try for minutes."""
    if address == ANY_CLUSTER:
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigError(f"--ray-address {address}: give HOST:PORT, such as ray-head:6379")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        raise _no_answer(address, error) from error


def _no_answer(address: str, error: Exception, fix: str = "start Ray there") -> ConfigError:
    reason = str(error).splitlines()[0]
    return ConfigError(f"--ray-address {address} does not answer ({reason}): {fix}")


def expected_resources(config: SearchConfig) -> WorkerResources | None:
    """Resources of each training on this machine; None where a running cluster decides.

    Raises:
        ConfigError: more GPUs are asked for than there are, or no cluster answers.
    """
    if config.ray_address is not None:
        _reach(config.ray_address)
        return None
    here = {"CPU": float(max(len(os.sched_getaffinity(0)), config.workers or 0))}
    gpus = torch.cuda.device_count()
    return _resources(config, [here | {"GPU": float(gpus)}] if gpus else [here])


def _resources(config: SearchConfig, nodes: Sequence[dict[str, float]] | None = None) -> WorkerResources:
    """Resources of each training on `nodes`, by default those of the cluster."""
    nodes = _nodes() if nodes is None else nodes
    cpus, gpus = (sum(node.get(kind, 0) for node in nodes) for kind in ("CPU", "GPU"))
    asked = config.gpus_per_trial
    per_trial = min(1.0, gpus) if asked is None or asked == "auto" else asked
    if per_trial > max(node.get("GPU", 0) for node in nodes):
        given = f"--gpus-per-trial {per_trial:g}"
        raise ConfigError(f"{given}: no machine has so many GPUs; give 0 to train on the CPU")
    trainings = config.trials + config.replicate_runs
    workers = config.workers or min(trainings, int(gpus / per_trial) if per_trial else int(cpus))
    fitting = [node for node in nodes if node.get("GPU", 0) >= per_trial]
    if per_trial:  # the machine with the fewest CPUs per GPU decides
        cores = min(node.get("CPU", 0) // max(1, int(node["GPU"] / per_trial)) for node in fitting)
    else:
        cores = min(cpus // workers, max(node.get("CPU", 0) for node in fitting))
    return WorkerResources(workers, max(1, int(cores)), per_trial)


def _nodes() -> list[dict[str, float]]:
    """Resources of each machine of the cluster."""
    return [dict(node["Resources"]) for node in ray.nodes() if node["Alive"]]


def _has_workers() -> bool:
    """Whether a machine of the cluster has a CPU for workers."""
    return any(node.get("CPU", 0) >= 1 for node in _nodes())


def _await_workers(console: Console) -> None:
    """Wait for a first machine that has a CPU for workers.

    Raises:
        ConfigError: none joins.
    """
    if _has_workers():
        return
    deadline = time.monotonic() + JOIN_SECONDS
    with waiting(console, "Waiting for a worker to join the Ray cluster"):
        while not _has_workers():
            if time.monotonic() > deadline:
                raise ConfigError(
                    f"no worker has joined the Ray cluster for {JOIN_SECONDS / 60:.0f} minutes: start one "
                    "there (docs/clusters.md), then run the same command again"
                )
            time.sleep(1)
