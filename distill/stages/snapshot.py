"""The weights of a training, from which another one begins with fresh optimizers."""

from __future__ import annotations

import errno
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from distill.errors import TrainingError
from distill.training import Trainer
from search_spaces.reading import written_whole

NETWORKS = ("student", "ema", "discriminator")


@dataclass(frozen=True)
class Snapshot:
    """Weights of student, average and discriminator, with the architectures that they are of."""

    architectures: Mapping[str, str]  # in words, by network
    images: int  # of the training so far
    distance: float
    weights: Mapping[str, Mapping[str, Tensor]]  # by network; on the CPU

    @classmethod
    def of(cls, trainer: Trainer, distance: float) -> Self:
        """A copy of the weights of `trainer`, whose averaged student has `distance`."""
        return cls(
            _architectures(trainer), trainer.images, distance, {x: _copy(trainer, x) for x in NETWORKS}
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """The snapshot in the file `path`.

        Raises:
            TrainingError: there is none, or it is no snapshot.
        """
        try:
            return cls(**torch.load(path, map_location="cpu", weights_only=True))
        except FileNotFoundError as error:
            raise TrainingError(f"{path}: there is no snapshot: train stage I first") from error
        except Exception as error:  # whatever a damaged file makes the reader raise
            if isinstance(error, OSError) and error.errno != errno.EINVAL:  # of a file cut off
                raise
            raise TrainingError(f"{path} is no snapshot, or it is damaged: train stage I anew") from error

    def save(self, path: Path) -> None:
        """Write the file `path`, whole or not at all."""
        with written_whole(path) as file:
            torch.save({**asdict(self), "weights": {x: dict(w) for x, w in self.weights.items()}}, file)

    def begin(self, trainer: Trainer) -> None:
        """Give the weights to `trainer`, which has not trained yet: its optimizers are and stay fresh.

        Its average continues the snapshot's, without the short half-life of a beginning.

        Raises:
            TrainingError: the snapshot is of another architecture, or `trainer` has trained already.
        """
        if trainer.images:
            raise TrainingError(
                f"stage II starts with fresh optimizers, and this training has seen {trainer.images:,} "
                "images: make a new one"
            )
        for name, wanted in _architectures(trainer).items():
            if self.architectures.get(name) != wanted:
                raise TrainingError(
                    f"stage I snapshot of another architecture: its {name} is "
                    f"{self.architectures.get(name)}, and this training's {wanted}: give a snapshot of the "
                    "same architecture, or train stage I anew"
                )
        for name in NETWORKS:
            getattr(trainer, name).load_state_dict(self.weights[name])
        trainer.config = replace(trainer.config, ema_rampup=math.inf)


def _architectures(trainer: Trainer) -> dict[str, str]:
    networks: dict[str, Any] = {"student": trainer.student, "discriminator": trainer.discriminator}
    return {name: str(network.architecture) for name, network in networks.items()}


def _copy(trainer: Trainer, name: str) -> dict[str, Tensor]:
    network: nn.Module = getattr(trainer, name)
    return {key: value.detach().cpu().clone() for key, value in network.state_dict().items()}
