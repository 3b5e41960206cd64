"""Weight sharing: one slimmable student is distilled once; candidates are sub-networks of it.

Trained with the sandwich rule (Yu and Huang 2019, arXiv 1903.05134): each batch has four parts, for a
random student that fills the budget, the same one at its narrowest, and two other random students. The paper
takes two fixed networks for the ends. With a uniform shape at both ends, students near it would be trained
twice as often as others, and would rank first for that reason.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from distill.seeds import derive_seed
from distill.training import Trainer
from nas.config import SANDWICH_PARTS, SearchConfig, same_search
from nas.errors import SearchError
from nas.execution.candidate import Candidate
from nas.execution.trainable import CandidateTrial
from nas.study import FolderOwner
from nas.trials import Proposal
from nas.workbench import SharedSpace, Workbench, weight_sharing
from search_spaces import Architecture, PartlyFixedSuggest, RandomSuggest, Slimmable, Utilisation
from search_spaces.reading import written_whole

ENDS = 2  # of a batch's sandwich: students of the highest and of the lowest budget fraction
STAGES = 10  # of the training; each leaves a checkpoint


class Sandwich:
    """Chooses the student for the next part of a batch."""

    def __init__(self, space: SharedSpace, utilisation: Utilisation, seed: int) -> None:
        self._space, self._utilisation, self._seed = space, utilisation, seed
        self.drawn = 0

    def __call__(self) -> Architecture:
        batch, place = divmod(self.drawn, SANDWICH_PARTS)
        self.drawn += 1
        if place < ENDS:
            fraction = (1.0, self._space.fractions.low)[place]
            chosen = RandomSuggest(derive_seed(self._seed, f"batch {batch}"))
            return self._space.sample(
                PartlyFixedSuggest(chosen, {"budget_fraction": fraction}), self._utilisation
            )
        return self._space.sample(
            RandomSuggest(derive_seed(self._seed, f"student {self.drawn}")), self._utilisation
        )


def shared_file(config: SearchConfig) -> Path:
    """The file of a study's shared weights."""
    return config.folder / "shared.pt"


def images_trained(bench: Workbench) -> int:
    """Images that the shared weights have seen, as their checkpoint says.

    Raises:
        SearchError: the checkpoint is damaged.
    """
    state = _checkpoint(bench)
    return 0 if state is None else int(state["images"])


def stages_left(config: SearchConfig, images: int) -> list[int]:
    """The stages that are still to be trained after so many images."""
    return [stage for stage in range(1, STAGES + 1) if images < _end(config, stage)]


def train_shared(bench: Workbench, stage: int) -> None:
    """Train the shared weights up to `stage` of `STAGES`, resuming from their checkpoint.

    Raises:
        SearchError: the checkpoint is damaged.
    """
    trainer, _ = shared_trainer(bench)
    until = _end(bench.config, stage)
    if trainer.images >= until:
        return
    trainer.train(until)
    path = shared_file(bench.config)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as file:
        torch.save({"identity": bench.identity, "trainer": trainer.state_dict()}, file)


def shared_trainer(bench: Workbench) -> tuple[Trainer, Sandwich]:
    """The training of the shared weights, resumed from its checkpoint, and the choice of its students.

    Raises:
        SearchError: the checkpoint is damaged.
    """
    family = bench.teacher.family
    slimmable = weight_sharing(family).build(bench.teacher.generator.cpu(), bench.config.importance)
    space = SharedSpace.of(family, bench.space)
    sandwich = Sandwich(space, bench.config.budget.utilisation(space), bench.config.seed)
    slimmable.draw = sandwich
    trainer = bench.trainer(slimmable, micro_batch=bench.config.batch_size // SANDWICH_PARTS)
    state = _checkpoint(bench)
    if state is not None:
        trainer.load_state_dict(state)
    sandwich.drawn = trainer.step * 2 * SANDWICH_PARTS  # discriminator and generator each draw once per part
    return trainer, sandwich


def trained_weights(bench: Workbench) -> Trainer:
    """The finished training of the shared weights, to read candidates out of.

    Raises:
        SearchError: it is missing on this machine, unfinished or damaged.
    """
    trainer, _ = shared_trainer(bench)
    wanted = bench.config.rungs[-1]
    if trainer.images < wanted:
        raise SearchError(
            f"{shared_file(bench.config)}: this machine finds weights trained for {trainer.images:,} of "
            f"{wanted:,} images there: give a --workdir that all machines share"
        )
    return trainer


def _end(config: SearchConfig, stage: int) -> int:
    """Images after which `stage` is over."""
    return math.ceil(config.rungs[-1] * stage / STAGES)


def _checkpoint(bench: Workbench) -> dict[str, Any] | None:
    """The saved state of the training of the shared weights; None without one of this search.

    Raises:
        SearchError: the file is damaged.
    """
    path = shared_file(bench.config)
    if not path.exists():
        return None
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        identity, state = found["identity"], found["trainer"]
    except OSError:  # the file may be intact
        raise
    except Exception as error:  # whatever a damaged file makes torch raise
        raise SearchError(
            f"{path} is damaged: delete it, and the same command trains the shared weights anew"
        ) from error
    return state if same_search(identity, bench.identity) else None


class SharedCandidate(Candidate):
    """A candidate that is read out of the shared weights instead of trained."""

    def __init__(
        self, bench: Workbench, trained: Trainer, proposal: Proposal, owner: FolderOwner | None = None
    ) -> None:
        super().__init__(bench, proposal, owner)
        self._trained = trained

    def _resume(self) -> None:
        """Nothing: reading out is cheap."""

    def _advance(self) -> None:
        """Read the student out, measure it, and save a checkpoint."""
        began = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        shared: Slimmable = self._trained.ema  # type: ignore[assignment]  # built by `weight_sharing`
        student = shared.read_out(self.architecture).to(self.bench.device).eval()
        result = self._measure(student, self._trained.images, self._trained.losses)
        result |= {"kd_weight": self._trained.kd_weight, "seconds": time.monotonic() - began}
        self._keep(result, {"ema": student.state_dict()})


class SharedTrial(CandidateTrial):
    """The Ray Tune trainable of candidates that are read out."""

    def _prepare(self) -> Callable[[Proposal], Candidate]:
        try:
            trainer = trained_weights(self._bench)
        except SearchError as error:  # returned by `step`: raised here, it would fail every candidate
            self._problem = str(error)
            return super()._prepare()
        return partial(SharedCandidate, self._bench, trainer, owner=self._node.owner)
