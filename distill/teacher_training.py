"""A whole training of a teacher: snapshots with FID, pictures and a log; stopped, it goes on where it was."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from distill.augment import Augment
from distill.data import ImageSet, absolute
from distill.errors import TrainingError
from distill.fidelity import Fidelity
from distill.pictures import image_grid, sample, save_png
from distill.recipes import Recipe
from distill.seeds import derive_seed
from distill.trainer import Progress, Trainer, TrainingConfig
from search_spaces import Checkpoint, Discriminator, Generator, save_checkpoint
from search_spaces.whole_files import written_whole

GRID = 32  # images of a sample grid, in rows of 8
FREE = (
    "images",
    "micro_batch",
    "channels_last",
    "compile",
    "checkpoint_activations",
)  # may change when a training goes on
DIGESTS = {"data": "images of digest", "fid_extractor_digest": "extractor weights of digest"}  # of no flag


@dataclass(frozen=True)
class TeacherTraining:
    """One training of a teacher: all that it depends on besides the networks, the data and the metric."""

    output: (
        Path  # the teacher: generator (EMA) and discriminator at the lowest FID, or at the end without one
    )
    name: str
    family: str
    config: TrainingConfig
    recipe: Recipe
    augment: str = "none"  # "ada", "fixed" or "none"
    augment_p: float = 0.2  # of "fixed"
    snapshot: int = 200_000  # images between two snapshots
    fid_samples: int = 10_000  # 0: no FID
    device: str = "cpu"
    settings: Mapping[str, str] = field(default_factory=dict)  # the same as the user knows it, for messages

    @property
    def folder(self) -> Path:
        """Everything but the teacher: `state.pt`, `log.csv`, `samples-*.png`."""
        output = self.output
        named = output.stem if output.suffix == ".safetensors" else output.name  # faces-0.5 has no suffix
        return output.with_name(f"{named}.training")

    @property
    def state_file(self) -> Path:
        return self.folder / "state.pt"


@dataclass(frozen=True)
class Snapshot:
    """One line of the log."""

    images: int
    seconds: float  # of training and measuring, over all runs
    fid: float | None
    fid_samples: int
    augment_p: float
    losses: dict[str, float] = field(default_factory=dict)


@dataclass
class _Standing:
    """A training as it stands."""

    trainer: Trainer
    identity: dict[str, str]
    log: list[Snapshot] = field(default_factory=list)
    seconds: float = 0.0  # of earlier runs
    began: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        return self.seconds + time.monotonic() - self.began

    @property
    def best(self) -> Snapshot | None:
        """The snapshot that the output holds."""
        measured = [snapshot for snapshot in self.log if snapshot.fid is not None]
        if measured:
            return min(measured, key=lambda snapshot: snapshot.fid or 0.0)
        return self.log[-1] if self.log else None


@dataclass(frozen=True)
class Outcome:
    """How a run of a training ended."""

    images: int
    finished: bool  # False: it was stopped
    best: Snapshot | None  # what the output holds; None before the first snapshot

    def summary(self) -> dict[str, Any]:
        """As JSON values."""
        return {"trained": self.images, "finished": self.finished, "best": self.best and asdict(self.best)}


def train_teacher(
    training: TeacherTraining,
    generator: Generator,
    discriminator: Discriminator,
    data: ImageSet,
    fidelity: Fidelity | None,
    *,
    on_start: Callable[[int], None] = lambda images: None,  # images of earlier runs
    on_step: Callable[[Progress], None] | None = None,
    on_snapshot: Callable[[Snapshot], None] = lambda snapshot: None,
    stop: Callable[[], bool] = lambda: False,  # asked before every step
) -> Outcome:
    """Train until `config.images`, or until `stop`; the next call with the same arguments goes on from there.

    Every `snapshot` images, and at the end: FID, a grid of samples, the log, the teacher if it is the best so
    far, and the state to go on from, each written whole or not at all, the state last.

    Raises:
        TrainingError: the state of another training is in the way, or nothing can be written there.
        TrainingDivergedError: a loss became NaN or infinite.
        NonFiniteImagesError: the generator made NaN or infinity.
    """
    standing = _begin(training, generator, discriminator, data, fidelity)
    trainer, target = standing.trainer, training.config.images
    on_start(trainer.images)
    while trainer.images < target:
        until = min(target, (trainer.images // training.snapshot + 1) * training.snapshot)
        trainer.train(until, on_step, stop)
        if trainer.images < until:
            _save_state(training, standing)
            return Outcome(trainer.images, False, standing.best)
        on_snapshot(_take_snapshot(training, standing, data, fidelity))
    return Outcome(trainer.images, True, standing.best)


def check_place(training: TeacherTraining) -> None:
    """Raise TrainingError when the output would replace a file that this training did not write."""
    if training.output.exists() and not training.state_file.exists():
        raise TrainingError(
            f"{training.output} exists and its training does not: choose another -o, or move it"
        )


def _begin(
    training: TeacherTraining,
    generator: Generator,
    discriminator: Discriminator,
    data: ImageSet,
    fidelity: Fidelity | None,
) -> _Standing:
    check_place(training)
    augment = {"ada": Augment.adaptive(), "fixed": Augment(training.augment_p)}.get(training.augment)
    trainer = Trainer(
        generator,
        discriminator,
        training.recipe,
        data,
        training.config,
        augment=augment,
        device=training.device,
    )
    standing = _Standing(trainer, _identity(training, generator, discriminator, data, fidelity))
    try:
        training.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(
            f"{training.folder} can't be written ({error.strerror}): choose another -o"
        ) from error
    if training.state_file.exists():
        _load_state(training, standing)
    return standing


def _identity(
    training: TeacherTraining,
    generator: Generator,
    discriminator: Discriminator,
    data: ImageSet,
    fidelity: Fidelity | None,
) -> dict[str, str]:
    """What must be the same when a training goes on."""
    settings = {name: value for name, value in asdict(training.config).items() if name not in FREE}
    return {name: str(value) for name, value in settings.items()} | {
        "generator": str(generator.architecture),
        "discriminator": str(discriminator.architecture),
        "data": data.digest,
        "recipe": repr(training.recipe),
        "augment": f"{training.augment} {training.augment_p:g}"
        if training.augment == "fixed"
        else training.augment,
        "fid": f"{training.fid_samples} {fidelity.extractor.name}" if fidelity else "none",
        "fid_extractor_digest": fidelity.extractor.digest if fidelity else "none",
    }


def _take_snapshot(
    training: TeacherTraining, standing: _Standing, data: ImageSet, fidelity: Fidelity | None
) -> Snapshot:
    trainer, seed = standing.trainer, training.config.seed
    score = fidelity.fid(trainer.ema, training.fid_samples, seed) if fidelity else None
    inputs = trainer.ema.sample_inputs(GRID, torch.Generator().manual_seed(derive_seed(seed, "grid")))
    grid = image_grid(sample(trainer.ema, inputs, seed), columns=8)
    save_png(grid, training.folder / f"samples-{trainer.images:09d}.png")
    snapshot = Snapshot(
        images=trainer.images,
        seconds=round(standing.elapsed, 1),
        fid=None if score is None else score.value,
        fid_samples=0 if score is None else score.samples,
        augment_p=0.0 if trainer.augment is None else float(trainer.augment.p),
        losses=dict(trainer.losses),
    )
    standing.log.append(snapshot)
    if standing.best is snapshot:
        metadata = _metadata(training, snapshot, data, fidelity)
        checkpoint = Checkpoint(training.family, trainer.ema, trainer.discriminator, metadata)
        save_checkpoint(checkpoint, training.output)
    with written_whole(training.folder / "log.csv") as file:
        file.write(_as_csv(standing.log).encode())
    _save_state(training, standing)
    return snapshot


def _metadata(
    training: TeacherTraining, snapshot: Snapshot, data: ImageSet, fidelity: Fidelity | None
) -> Mapping[str, str]:
    known = {
        "name": training.name,
        "data": absolute(data.name),
        "data_digest": data.digest,
        "images": str(snapshot.images),
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


def _as_csv(log: list[Snapshot]) -> str:
    """All snapshots; a loss that was not there is an empty cell."""
    losses = sorted({name for snapshot in log for name in snapshot.losses})
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(["images", "seconds", "fid", "fid_samples", "augment_p", *losses])
    for s in log:
        fid = "" if s.fid is None else f"{s.fid:.4f}"
        values = (f"{s.losses[name]:.4f}" if name in s.losses else "" for name in losses)
        table.writerow([s.images, f"{s.seconds:.0f}", fid, s.fid_samples, f"{s.augment_p:.4f}", *values])
    return file.getvalue()


def _save_state(training: TeacherTraining, standing: _Standing) -> None:
    state = {
        "identity": standing.identity,
        "settings": dict(training.settings),
        "trainer": standing.trainer.state_dict(),
        "log": [asdict(snapshot) for snapshot in standing.log],
        "seconds": standing.elapsed,
    }
    with written_whole(training.state_file) as file:
        torch.save(state, file)


def _load_state(training: TeacherTraining, standing: _Standing) -> None:
    path = training.state_file
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        identity = state["identity"]
    except Exception as error:  # whatever a damaged file makes the reader raise
        raise TrainingError(f"{path} can't be read: remove {training.folder} to start anew") from error
    if different := _differences(identity, standing.identity):
        digests = [f"{what} {different[name]}" for name, what in DIGESTS.items() if name in different]
        known: Mapping[str, str] = state.get("settings", {})
        asked = _differences(known, {n: value for n, value in training.settings.items() if n in known})
        told = [f"{name} {change}" for name, change in (asked or different).items() if name not in DIGESTS]
        raise TrainingError(
            f"{training.folder} is of a training with {'; '.join([*told, *digests])}: "
            "give the same settings, or another -o"
        )
    standing.trainer.load_state_dict(state["trainer"])
    standing.log = [Snapshot(**line) for line in state["log"]]
    standing.seconds = state["seconds"]


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """What is not as it was, by name."""
    changed = {name: (before.get(name, "unknown"), value) for name, value in now.items()}
    return {name: f"{was}, not {value}" for name, (was, value) in changed.items() if was != value}
