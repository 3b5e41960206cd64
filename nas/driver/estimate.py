"""How long a search would train on this machine: a step of the uniform-width baseline is timed."""

from __future__ import annotations

import copy
import math
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import torch

from distill.errors import TrainingDivergedError
from distill.memory import is_out_of_memory
from distill.training import Progress, Trainer, step_phases
from nas.config import SearchConfig
from nas.execution import WorkerResources
from nas.workbench import Workbench
from search_spaces import FixedSuggest

CACHED = 4  # teacher images for the timed steps: rendering more takes longer than the steps
PIXELS = 2**20  # of the timed batch, so that large images take seconds, too
LEAST_BATCH = 4  # images; minibatch standard deviation and shared weights take groups of four
LONGEST = 1000 * 365 * 86_400  # seconds that are told apart


@dataclass(frozen=True)
class Estimate:
    """Seconds of training, without measuring distances and starting workers."""

    steps: Mapping[bool, float]  # of one step of the student, by whether a discriminator is trained in it
    batch: int  # images of a step of the student
    least: float  # of the whole search, if each rung promotes its quota alone
    most: float  # if no trial is stopped early and all replicates are trained

    def __str__(self) -> str:
        least, most = (timedelta(seconds=math.ceil(min(s, LONGEST))) for s in (self.least, self.most))
        phases = {False: "while the teacher alone teaches", True: "with discriminator steps"}
        steps = " and ".join(f"{taken:.2g} s {phases[phase]}" for phase, taken in sorted(self.steps.items()))
        time = f"{least} to {most}" if least < most else f"{most}"
        return (
            f"about {time} (h:min:s) of training, and more to measure distances: a step of "
            f"{self.batch} images of the uniform-width baseline takes {steps}"
        )


def estimate(bench: Workbench, resources: WorkerResources | None) -> Estimate | str:
    """The time of the search that `bench` describes, or why there is no estimate; writes nothing that stays.

    Args:
        bench: of a dry run.
        resources: of each training; None where a cluster's are not known: one like this machine is assumed.
    """
    if bench.config.share_weights:
        return "no estimate with --share-weights"
    try:
        with _timed_bench(bench) as timed, _threads(resources.cpus if resources else None):
            seconds = _step_seconds(timed)
    except TrainingDivergedError as error:
        return f"no estimate: {error}"
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return (
            "no estimate: a step does not fit into the memory: give a smaller --batch-size or --micro-batch"
        )
    scale = bench.config.batch_size / _batch(bench)
    phases = {adversarial: scale * taken for adversarial, taken in seconds.items()}
    rungs = [_training_seconds(bench, images, phases) for images in bench.config.rungs]
    workers = resources.workers if resources else bench.config.workers or 1
    least, most = total_seconds(bench.config, rungs)
    return Estimate(phases, bench.config.batch_size, least / workers, most / workers)


def total_seconds(config: SearchConfig, rungs: list[float]) -> tuple[float, float]:
    """Seconds of all trainings one after another, at least and at most; `rungs` are those up to each rung."""
    parts = [later - earlier for earlier, later in zip([0.0, *rungs], rungs, strict=False)]
    halved = sum(part / config.reduction_factor**rung for rung, part in enumerate(parts))
    least = rungs[-1] + (config.trials - 1) * halved  # the first baseline is never stopped
    return least, (config.trials + config.replicate_runs) * rungs[-1]


def _step_seconds(bench: Workbench) -> dict[bool, float]:
    """Seconds of a step, by whether a discriminator is trained in it; only of phases that there are."""
    utilisation = bench.config.budget.utilisation(bench.space)
    choices = {"budget_fraction": bench.space.fractions.baselines[0], **bench.space.uniform()}
    trainer = bench.trainer(bench.student(bench.space.sample(FixedSuggest(choices), utilisation)))
    found = {}
    for images in (0, trainer.config.images - 1):
        trainer.images = images
        adversarial = bench.recipe.discriminator_steps(images / trainer.config.images) > 0
        if adversarial not in found:
            found[adversarial] = _step(trainer)
    return found


def _step(trainer: Trainer) -> float:
    """Seconds of the second of two steps: the first one allocates, and has terms that most steps have not."""
    ends: list[float] = []

    def note(progress: Progress) -> None:
        if trainer.device == "cuda":
            torch.cuda.synchronize()
        ends.append(time.perf_counter())

    trainer.train(sys.maxsize, note, stop=lambda: len(ends) == 2)
    return ends[1] - ends[0]


def _training_seconds(bench: Workbench, images: int, seconds: dict[bool, float]) -> float:
    """Seconds until a training has seen `images`."""
    phases = step_phases(bench.recipe, bench.config.batch_size, bench.config.rungs[-1], images)
    return sum(count * seconds.get(trained, max(seconds.values())) for _, count, trained in phases)


def _batch(bench: Workbench) -> int:
    """Images of a timed step."""
    side = bench.teacher.generator.image_shape[-1]
    return min(bench.config.batch_size, max(LEAST_BATCH, PIXELS // side**2))


@contextmanager
def _timed_bench(bench: Workbench) -> Iterator[Workbench]:
    """A workbench on a few images, whose teacher cache is in a folder that is removed."""
    with tempfile.TemporaryDirectory(prefix="nas-dry-run-") as scratch:
        timed = copy.copy(bench)
        changes = {"workdir": Path(scratch), "teacher_cache_size": CACHED, "compile": False}
        micro = None if _batch(bench) < bench.config.batch_size else bench.config.micro_batch
        changes |= {"batch_size": _batch(bench), "micro_batch": micro}
        changes |= {"inherit": False}  # ranking a large teacher's channels takes longer than the steps
        timed.config = bench.config.model_copy(update=changes)
        timed.teachers = replace(bench.teachers, config=timed.config)
        yield timed


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """As many threads as a worker has."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
