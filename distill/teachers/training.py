"""A whole training of a teacher with snapshots: FID, sample grids, a log; it can be stopped and resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch

from distill.data import absolute
from distill.errors import TrainingError
from distill.evaluation import Fidelity, compare, sample, save_png
from distill.seeds import derive_seed
from distill.storage import LeaseHeldError, folder_lease
from distill.tasks import Task
from distill.teachers.snapshots import snapshot_file
from distill.teachers.trainers import make_trainer
from distill.teachers.training_state import (
    Snapshot,
    TeacherTraining,
    TrainingRun,
    check_settings,
    identity_of,
    load_state,
    save_log,
    save_state,
)
from distill.training import Progress
from search_spaces import Checkpoint, Discriminator, Generator, os_reason, save_checkpoint
from search_spaces.reading import check_writable

GRID = 32  # images of a sample grid, if there are no classes
COLUMNS = 8


@dataclass(frozen=True)
class Outcome:
    """Result of one run of a training."""

    images: int
    finished: bool  # False after a stop
    best: Snapshot | None  # the one saved as the output; None before the first snapshot

    def summary(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {"trained": self.images, "finished": self.finished, "best": self.best and asdict(self.best)}


def train_teacher(
    training: TeacherTraining,
    generator: Generator,
    discriminator: Discriminator,
    task: Task,
    fidelity: Fidelity | None,
    *,
    on_start: Callable[[int], None] = lambda images: None,  # images of earlier runs
    on_step: Callable[[Progress], None] | None = None,
    on_snapshot: Callable[[Snapshot], None] = lambda snapshot: None,
    stop: Callable[[], bool] = lambda: False,  # asked before every step
) -> Outcome:
    """Train until `config.images`, or until `stop`; a later call with the same arguments resumes.

    Every `snapshot` images, and at the end, it writes the FID, a grid of samples, the log, the teacher if it
    is the best so far, and last the state to resume from. Each file appears whole or not at all.

    Raises:
        TrainingError: the folder holds another training, another process trains there, or the folder can't
            be written.
        TrainingDivergedError: a loss became NaN or infinite.
        NonFiniteImagesError: the generator made NaN or infinity.
    """
    with _leased(training):
        run = _begin(training, generator, discriminator, task, fidelity)
        trainer, target = run.trainer, training.config.images
        on_start(trainer.images)
        while trainer.images < target:
            until = min(target, (trainer.images // training.snapshot + 1) * training.snapshot)
            trainer.train(until, on_step, stop)
            if trainer.images < until:
                save_state(training, run)
                return Outcome(trainer.images, False, run.best)
            on_snapshot(_take_snapshot(training, run, task, fidelity))
        return Outcome(trainer.images, True, run.best)


def check_place(training: TeacherTraining) -> None:
    """Raise TrainingError when the output would replace a file that this training did not write."""
    if training.output.exists() and not training.state_file.exists():
        raise TrainingError(
            f"{training.output} exists and its training does not: choose another -o, or move it"
        )


def check_training(training: TeacherTraining) -> None:
    """Check the folder of the training as `train_teacher` does, without writing.

    Raises:
        TrainingError: the folder can't be written, or holds a training with other settings.
    """
    check_place(training)
    try:
        check_writable(training.folder)
    except OSError as error:
        raise _unwritable(training, error) from error
    check_settings(training)


def _unwritable(training: TeacherTraining, error: OSError) -> TrainingError:
    return TrainingError(f"{training.folder} can't be written ({os_reason(error)}): choose another -o")


@contextmanager
def _leased(training: TeacherTraining) -> Iterator[None]:
    """Hold the lease of the training's folder."""
    check_place(training)
    with ExitStack() as held:
        try:
            held.enter_context(folder_lease(training.folder))
        except LeaseHeldError:
            raise TrainingError(
                f"{training.folder}: another process trains there: wait for it, or choose another -o"
            ) from None
        except OSError as error:
            raise _unwritable(training, error) from error
        yield


def _begin(
    training: TeacherTraining,
    generator: Generator,
    discriminator: Discriminator,
    task: Task,
    fidelity: Fidelity | None,
) -> TrainingRun:
    trainer = make_trainer(training, generator, discriminator, task)
    run = TrainingRun(trainer, identity_of(training, generator, discriminator, task, fidelity))
    if training.state_file.exists():
        load_state(training, run)
    return run


def _take_snapshot(
    training: TeacherTraining, run: TrainingRun, task: Task, fidelity: Fidelity | None
) -> Snapshot:
    trainer, seed = run.trainer, training.config.seed
    score = fidelity.fid(trainer.ema, training.fid_samples, seed) if fidelity else None
    count = GRID * max(1, trainer.ema.classes)  # enough for some of every class
    inputs = task.teacher_inputs(count, derive_seed(seed, "grid"))
    preview = task.preview(inputs.batch(tuple(map(torch.from_numpy, inputs.arrays()))), GRID, COLUMNS)
    made = {f"after {trainer.images:,} images": sample(trainer.ema, preview.inputs, seed)}
    save_png(compare(preview.panels(made)), training.folder / f"samples-{trainer.images:09d}.png")
    snapshot = Snapshot(
        images=trainer.images,
        seconds=round(run.elapsed, 1),
        fid=None if score is None else score.value,
        fid_samples=0 if score is None else score.samples,
        augment_p=0.0 if trainer.augment is None else float(trainer.augment.p),
        losses=dict(trainer.losses),
    )
    run.log.append(snapshot)
    metadata = _metadata(training, snapshot, task, fidelity)
    checkpoint = Checkpoint(training.family, trainer.ema, trainer.discriminator, metadata)
    if training.keep_snapshots:
        save_checkpoint(checkpoint, snapshot_file(training.folder, snapshot.images))
    if run.best is snapshot:
        save_checkpoint(checkpoint, training.output)
    save_log(training, run)
    save_state(training, run)
    return snapshot


def _metadata(
    training: TeacherTraining, snapshot: Snapshot, task: Task, fidelity: Fidelity | None
) -> Mapping[str, str]:
    known = {
        "name": training.name,
        "data": absolute(task.images.name),
        "data_digest": task.digest,
        "images": str(snapshot.images),
        **task.noted,
    }
    if fidelity is None or snapshot.fid is None:
        return known
    return known | {
        "fid": f"{snapshot.fid:.4f}",
        "fid_samples": str(snapshot.fid_samples),
        "fid_extractor": fidelity.extractor.name,
        "fid_extractor_digest": fidelity.extractor.digest,
        "fid_seed": str(training.config.seed),
    }
