"""Weight sharing: one slimmable student is distilled once, and candidates are read out of it.

Trained with the sandwich rule (Yu and Huang 2019, arXiv 1903.05134): each batch is worked off in four parts,
by the widest student that fits the budget, the narrowest on the uniform line, and two random ones.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from distill.seeds import derive_seed
from distill.trainer import Trainer
from nas.candidate import Candidate, CandidateTrial
from nas.config import SearchConfig
from nas.workbench import Workbench
from search_spaces import (
    Architecture,
    FixedSuggest,
    Load,
    PartlyFixedSuggest,
    RandomSuggest,
    SearchSpace,
    Suggest,
)
from search_spaces.base import Slimmable
from search_spaces.whole_files import written_whole

PARTS = 4  # of a batch
NARROWEST = 0.25  # of the budget
STAGES = 10  # of the training; each leaves a checkpoint


@dataclass(frozen=True)
class SharedSpace:
    """The students of a space that can be read out of shared weights: what all have in common is fixed."""

    space: SearchSpace

    def sample(self, suggest: Suggest, load: Load) -> Architecture:
        return self.space.sample(PartlyFixedSuggest(suggest, self.space.shared()), load)

    def uniform(self) -> dict[str, Any]:
        return self._searched(self.space.uniform())

    def openings(self) -> list[dict[str, Any]]:
        return [self._searched(opening) for opening in self.space.openings()]

    def _searched(self, choices: dict[str, Any]) -> dict[str, Any]:
        return {name: choice for name, choice in choices.items() if name not in self.space.shared()}

    def macs(self, architecture: Any) -> int:
        return self.space.macs(architecture)

    def params(self, architecture: Any) -> int:
        return self.space.params(architecture)

    def smallest(self) -> Architecture:
        return self.space.smallest()

    def largest(self) -> Architecture:
        return self.space.largest()

    def inherit(self, teacher: Any, student: Any) -> None:
        self.space.inherit(teacher, student)

    def slimmable(self, teacher: Any) -> Slimmable:
        return self.space.slimmable(teacher)

    def shared(self) -> dict[str, Any]:
        return self.space.shared()


class Sandwich:
    """Which student makes the next part of a batch."""

    def __init__(self, space: SearchSpace, load: Load, seed: int) -> None:
        self._space, self._load, self._seed = SharedSpace(space), load, seed
        self.drawn = 0
        self._ends = [self._uniform(share) for share in (1.0, NARROWEST)]

    def __call__(self) -> Architecture:
        place = self.drawn % PARTS
        self.drawn += 1
        if place < len(self._ends):
            return self._ends[place]
        return self._space.sample(RandomSuggest(derive_seed(self._seed, f"student {self.drawn}")), self._load)

    def _uniform(self, share: float) -> Architecture:
        return self._space.sample(FixedSuggest({"share": share, **self._space.uniform()}), self._load)


def shared_file(config: SearchConfig) -> Path:
    """Where the shared weights of a study are."""
    return config.folder / "shared.pt"


def train_shared(bench: Workbench, stage: int) -> None:
    """Train the shared weights up to `stage` of `STAGES`, going on from the checkpoint that is there."""
    trainer, _ = shared_trainer(bench)
    until = math.ceil(bench.config.rungs[-1] * stage / STAGES)
    if trainer.images >= until:
        return
    trainer.train(until)
    path = shared_file(bench.config)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as file:
        torch.save({"identity": bench.identity, "trainer": trainer.state_dict()}, file)


def shared_trainer(bench: Workbench) -> tuple[Trainer, Sandwich]:
    """The training of the shared weights as the checkpoint left it, and what chooses its students."""
    slimmable = bench.space.slimmable(bench.teacher.generator.cpu())
    sandwich = Sandwich(bench.space, bench.config.budget.load(bench.space), bench.config.seed)
    slimmable.draw = sandwich
    trainer = bench.trainer(slimmable, micro_batch=bench.config.batch_size // PARTS)
    path = shared_file(bench.config)
    if path.exists():
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["identity"] == bench.identity:
            trainer.load_state_dict(state["trainer"])
    sandwich.drawn = trainer.step * 2 * PARTS  # a step draws twice for each part
    return trainer, sandwich


class SharedCandidate(Candidate):
    """A candidate that is read out instead of trained."""

    def __init__(self, bench: Workbench, trained: Trainer, trial: int, architecture: dict[str, Any]) -> None:
        super().__init__(bench, trial, architecture)
        self._trained = trained

    def _resume(self) -> None:
        """Nothing: reading out again costs little."""

    def _advance(self) -> None:
        """Read the student out, measure it, and leave it as a checkpoint."""
        began = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        shared: Slimmable = self._trained.ema  # type: ignore[assignment]
        student = shared.read_out(self.architecture).to(self.bench.device).eval()
        result = self._measure(student, self._trained.images, self._trained.losses)
        result |= {"kd_weight": self._trained.kd_weight, "seconds": time.monotonic() - began}
        self._keep(result, {"ema": student.state_dict()})


class SharedTrial(CandidateTrial):
    """Ray Tune's view of candidates that are read out."""

    def _prepare(self) -> Callable[[int, dict[str, Any], int | None], Candidate]:
        trainer, _ = shared_trainer(self._bench)

        def make(trial: int, architecture: dict[str, Any], seed: int | None) -> Candidate:
            return SharedCandidate(self._bench, trainer, trial, architecture)

        return make
