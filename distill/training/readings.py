"""Where a training stands; losses are read now and then, because a reading makes an accelerator wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from distill.errors import TrainingDivergedError

READ_EVERY = 16  # steps
GAP_DECAY = 0.98  # per step, of the running mean that adaptive schedules follow


@dataclass(frozen=True)
class Progress:
    """Where a training stands, as logged after every step."""

    images: int
    kd_weight: float
    losses: dict[str, float]  # read every `READ_EVERY` steps


def read_losses(terms: Mapping[str, Tensor], images: int) -> dict[str, float]:
    """The values of `terms`, after `images` images of training.

    Raises:
        TrainingDivergedError: a value is NaN or infinite.
    """
    values = {name: float(term.detach()) for name, term in terms.items()}
    for name, value in values.items():
        if not abs(value) < float("inf"):
            raise TrainingDivergedError(f"{name} is {value} after {images} images")
    return values


def all_finite(terms: Mapping[str, Tensor]) -> bool:
    """Whether no term is NaN or infinite."""
    return all(bool(term.detach().isfinite().all()) for term in terms.values())


def running_gap(gap: float | None, measured: float) -> float:
    """The running mean of the teacher's discriminator's gap, measured every `READ_EVERY` steps."""
    if gap is None:
        return measured
    decay = GAP_DECAY**READ_EVERY
    return decay * gap + (1 - decay) * measured
