"""One training of a teacher: its settings, its log, and the saved state that a later run resumes."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from distill.errors import TrainingError
from distill.evaluation import Fidelity
from distill.recipes import Recipe
from distill.tasks import Task
from distill.training import CycleGanTrainer, Trainer, TrainingConfig
from search_spaces import Discriminator, Generator
from search_spaces.reading import written_whole

LAYOUT = 2  # of the saved state: raise it when older ones can't be resumed, also when a field is renamed
FREE = ("images", "micro_batch", "channels_last", "compile", "checkpoint_activations")
"""Settings that may change when a training is resumed."""
NO_EXTRACTOR = "none"
DIGESTS = {
    "data": "images of digest",
    "fid_extractor_digest": "extractor weights of digest",
}
"""Parts of the identity that no flag sets, as messages name them."""


@dataclass(frozen=True)
class TeacherTraining:
    """Settings of one training of a teacher, besides the networks, the data and the metric."""

    output: Path  # the teacher: EMA and discriminator at the lowest FID, or at the end without one
    name: str
    family: str
    config: TrainingConfig
    recipe: Recipe
    augment: str = "none"  # "ada", "fixed" or "none"
    augment_p: float = 0.2  # of "fixed"
    snapshot: int = 200_000  # images between two snapshots
    keep_snapshots: bool = False  # as teachers, beside the best
    fid_samples: int = 10_000  # 0: no FID
    device: str = "cpu"
    settings: Mapping[str, str] = field(default_factory=dict)  # as the user gave them, for messages

    @property
    def folder(self) -> Path:
        """The folder of `state.pt`, `log.csv`, `samples-*.png`, and of snapshots that are kept."""
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
class TrainingRun:
    """A training while it runs: the trainer, and the log so far."""

    trainer: Trainer | CycleGanTrainer
    identity: dict[str, str]
    log: list[Snapshot] = field(default_factory=list)
    seconds: float = 0.0  # of earlier runs
    began: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        return self.seconds + time.monotonic() - self.began

    @property
    def best(self) -> Snapshot | None:
        """The snapshot that is saved as the output."""
        measured = [snapshot for snapshot in self.log if snapshot.fid is not None]
        if measured:
            return min(measured, key=lambda snapshot: snapshot.fid or 0.0)
        return self.log[-1] if self.log else None


def identity_of(
    training: TeacherTraining,
    generator: Generator,
    discriminator: Discriminator,
    task: Task,
    fidelity: Fidelity | None,
) -> dict[str, str]:
    """Values that must be the same when a training is resumed."""
    settings = {name: value for name, value in asdict(training.config).items() if name not in FREE}
    return {name: str(value) for name, value in settings.items()} | {
        "generator": str(generator.architecture),
        "discriminator": str(discriminator.architecture),
        "data": task.digest,
        "recipe": repr(training.recipe),
        "augment": f"{training.augment} {training.augment_p:g}"
        if training.augment == "fixed"
        else training.augment,
        "fid": f"{training.fid_samples} {fidelity.extractor.name}" if fidelity else "none",
        "fid_extractor_digest": fidelity.extractor.digest if fidelity else "none",
    }


def save_log(training: TeacherTraining, run: TrainingRun) -> None:
    """Write all snapshots to `log.csv`."""
    with written_whole(training.folder / "log.csv") as file:
        file.write(_as_csv(run.log).encode())


def save_state(training: TeacherTraining, run: TrainingRun) -> None:
    """Write the state that a later run resumes."""
    state = {
        "layout": LAYOUT,
        "identity": run.identity,
        "settings": dict(training.settings),
        "trainer": run.trainer.state_dict(),
        "log": [asdict(snapshot) for snapshot in run.log],
        "seconds": run.elapsed,
    }
    with written_whole(training.state_file) as file:
        torch.save(state, file)


def check_settings(training: TeacherTraining) -> None:
    """Raise TrainingError when the saved state has other settings or can't be read."""
    if not training.state_file.exists():
        return
    known: Mapping[str, str] = _read(training).get("settings", {})
    asked = {name: value for name, value in training.settings.items() if name in known}
    if different := _differences(known, asked):
        raise _another(training, [f"{name} {change}" for name, change in different.items()])


def recorded_extractor(training: TeacherTraining) -> str:
    """The extractor that the saved training is measured with; empty where there is none.

    Raises:
        TrainingError: the saved state can't be read.
    """
    if not training.state_file.exists():
        return ""
    known: Mapping[str, str] = _read(training, mmap=True).get("settings", {})
    recorded = known.get("--extractor", NO_EXTRACTOR)
    return "" if recorded == NO_EXTRACTOR else recorded


def _read(training: TeacherTraining, *, mmap: bool = False) -> dict[str, Any]:
    path = training.state_file
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
        layout = state.get("layout")
    except Exception as error:  # whatever a damaged file makes the reader raise
        raise TrainingError(f"{path} can't be read: remove {training.folder} to start anew") from error
    if layout != LAYOUT:
        raise TrainingError(
            f"{training.folder} is of a training by another version: finish it with that one, or choose "
            "another -o"
        )
    return state


def _another(training: TeacherTraining, different: list[str]) -> TrainingError:
    return TrainingError(
        f"{training.folder} is of a training with {'; '.join(different)}: "
        "give the same settings, or another -o"
    )


def load_state(training: TeacherTraining, run: TrainingRun) -> None:
    """Restore the saved state into `run`.

    Raises:
        TrainingError: the state can't be read, or belongs to another training; it says what differs.
    """
    state = _read(training)
    if different := _differences(state["identity"], run.identity):
        digests = [f"{what} {different[name]}" for name, what in DIGESTS.items() if name in different]
        known: Mapping[str, str] = state.get("settings", {})
        asked = _differences(known, {n: value for n, value in training.settings.items() if n in known})
        changed = [f"{name} {change}" for name, change in (asked or different).items() if name not in DIGESTS]
        raise _another(training, [*changed, *digests])
    run.trainer.load_state_dict(state["trainer"])
    run.log = [Snapshot(**line) for line in state["log"]]
    run.seconds = state["seconds"]


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """Values that differ, by name, in words."""
    changed = {name: (before.get(name, "unknown"), value) for name, value in now.items()}
    return {name: f"{was}, not {value}" for name, (was, value) in changed.items() if was != value}


def _as_csv(log: list[Snapshot]) -> str:
    """All snapshots as CSV; a missing loss is an empty cell."""
    losses = sorted({name for snapshot in log for name in snapshot.losses})
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(["images", "seconds", "fid", "fid_samples", "augment_p", *losses])
    for s in log:
        fid = "" if s.fid is None else f"{s.fid:.4f}"
        values = (f"{s.losses[name]:.4f}" if name in s.losses else "" for name in losses)
        table.writerow([s.images, f"{s.seconds:.0f}", fid, s.fid_samples, f"{s.augment_p:.4f}", *values])
    return file.getvalue()
