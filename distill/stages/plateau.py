"""Training until the distance to the real images is flat, and the weights at which it was lowest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from distill.errors import TrainingError
from distill.stages.snapshot import Snapshot
from distill.training import Trainer
from search_spaces import Generator


@dataclass(frozen=True)
class Plateau:
    """When a distance counts as flat: `patience` measurements in a row do not gain on the last that did.

    Raises:
        TrainingError: there is no image between measurements, no patience, or a gain outside [0, 1).
    """

    every: int  # images between measurements
    most: int  # images, after which training ends in any case
    patience: int = 3  # measurements
    gain: float = 0.02  # of the distance that was last such a gain

    def __post_init__(self) -> None:
        if self.every < 1 or self.most < self.every or self.patience < 1 or not 0 <= self.gain < 1:
            raise TrainingError(
                f"plateau measured every {self.every} of {self.most} images, with a patience of "
                f"{self.patience} and a gain of {self.gain:g}: give 1 <= every <= most, a patience of at "
                "least 1 and a gain from 0 up to 1"
            )


@dataclass(frozen=True)
class Measured:
    """A distance along a training."""

    images: int
    distance: float


def train_until_flat(
    trainer: Trainer,
    distance: Callable[[Generator], float],  # of averaged weights; infinite where they are useless
    plateau: Plateau,
    on_measured: Callable[[Measured], None] = lambda measured: None,
) -> tuple[Snapshot, list[Measured], bool]:
    """Train until the distance is flat, or `plateau.most` images were seen.

    Returns:
        The weights of the lowest distance, all measurements, and whether the distance became flat.

    Raises:
        TrainingDivergedError: see `Trainer.train`.
    """
    best: Snapshot | None = None
    measured, mark, waited = list[Measured](), float("inf"), 0
    while waited < plateau.patience and (best is None or trainer.images < plateau.most):
        trainer.train(min(trainer.images + plateau.every, plateau.most))
        here = Measured(trainer.images, distance(trainer.ema))
        measured.append(here)
        on_measured(here)
        if best is None or here.distance < best.distance:
            best = Snapshot.of(trainer, here.distance)
        if here.distance < mark * (1 - plateau.gain):
            mark, waited = here.distance, 0
        else:
            waited += 1
    assert best is not None  # there is at least one measurement
    return best, measured, waited >= plateau.patience
