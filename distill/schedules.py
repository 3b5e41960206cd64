"""How the knowledge-distillation weight falls while a student trains.

Similarity to the teacher helps early and misguides late, because similarity is not authenticity (Liu,
*Knowledge Distillation for Generative Adversarial Networks Based on Weight Decay*, 2024). The thesis gives no
shape: these are ours. The staircase is what TinyGAN (Chang and Lu 2020) does with its L1 weight.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from distill.errors import RecipeError

STEEPNESS = 5.0  # the exponential falls to e⁻⁵ of the difference, then jumps to `end`
STAIRS = 8

SHAPES: dict[str, Callable[[float, float], float]] = {
    "constant": lambda travelled, gap: 1.0,
    "linear": lambda travelled, gap: 1.0 - travelled,
    "cosine": lambda travelled, gap: (1.0 + math.cos(math.pi * travelled)) / 2,
    "exponential": lambda travelled, gap: math.exp(-STEEPNESS * travelled),
    "step": lambda travelled, gap: 1.0,
    "staircase": lambda travelled, gap: 1.0 - math.floor(STAIRS * travelled) / STAIRS,
    "adaptive": lambda travelled, gap: min(1.0, max(0.0, gap)),
}
"""Fraction of `start - end` that is left, of the fraction of the decay travelled in [0, 1) and the gap."""

SHAPE_REVISIONS = {"adaptive": 2}
"""Shapes that once gave other weights: 1 followed the student's own discriminator. Others are at 1."""


@dataclass(frozen=True)
class Schedule:
    """KD weight along a training: `start` until `begin`, falling by `shape`, exactly `end` from `finish` on.

    `begin` and `finish` are fractions of the whole training. `constant` stays at `start` to the end.
    `adaptive` follows the gap of the *teacher's* frozen discriminator D̄, the mean of `max(0, -D̄(G(z)))`,
    capped at 1. It is 0 once the student fools D̄ (the mean of the coefficient of DGL-GAN's adaptive variant,
    arXiv 2112.06502). The student's own discriminator learns with it, so its gap need not fall at all.

    Raises:
        RecipeError: the shape is unknown, a weight is negative, or `0 ≤ begin < finish ≤ 1` does not hold.
    """

    shape: str = "cosine"
    start: float = 1.0
    end: float = 0.0
    begin: float = 0.6  # brief trainings gain from similarity for long: docs/benchmarks.md
    finish: float = 1.0

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise RecipeError(f"--kd-schedule {self.shape}: choose one of {', '.join(SHAPES)}")
        if not (math.isfinite(self.start) and math.isfinite(self.end) and min(self.start, self.end) >= 0):
            raise RecipeError(
                f"KD weights {self.start:g} to {self.end:g}: give --kd-weight-start and --kd-weight-end of "
                "at least 0"
            )
        if not 0 <= self.begin < self.finish <= 1:
            raise RecipeError(
                f"KD schedule from {self.begin:g} to {self.finish:g}: give 0 <= --kd-decay-start < "
                "--kd-decay-end <= 1"
            )

    def __str__(self) -> str:
        if self.shape == "constant":
            return f"constant {self.start:g}"
        if self.shape == "step":
            return f"{self.start:g}, and {self.end:g} from {self.finish:.0%} of the training on"
        way = f"{self.begin:.0%} to {self.finish:.0%} of the training"
        return f"{self.start:g} to {self.end:g}, {self.shape}, from {way}"

    @property
    def follows_gap(self) -> bool:
        """Whether the weight depends on the gap of the teacher's discriminator."""
        return self.shape == "adaptive"

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest weight that a training uses; its last step begins before the end."""
        if self.shape == "constant" or (self.shape == "step" and self.finish == 1):
            return self.start, self.start
        return min(self.start, self.end), max(self.start, self.end)

    def __call__(self, progress: float, gap: float = 1.0) -> float:
        """Weight at `progress`, the fraction of training done, in [0, 1].

        `gap` is that of the teacher's discriminator.
        """
        if self.shape == "constant":
            return self.start
        if progress < self.begin:
            return self.start
        if progress >= self.finish:
            return self.end
        travelled = (progress - self.begin) / (self.finish - self.begin)
        return self.end + (self.start - self.end) * SHAPES[self.shape](travelled, gap)


@dataclass(frozen=True)
class Ramp:
    """Weight of the adversarial term along a training; `begin` and `full` are fractions of it.

    Until `begin` it is 0, and no discriminator is trained. Then it rises linearly to `weight`, which it has
    from `full` on. While it is small, the discriminator catches up with the student.

    Raises:
        RecipeError: the weight is negative, or `0 ≤ begin ≤ full ≤ 1` does not hold.
    """

    begin: float = 0.0
    full: float = 0.0
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise RecipeError(f"--adversarial-weight {self.weight:g}: give a number of at least 0")
        if not 0 <= self.begin <= self.full <= 1:
            raise RecipeError(
                f"adversarial training from {self.begin:g}, in full from {self.full:g}: give "
                "0 <= --adversarial-start <= --adversarial-full <= 1"
            )

    def __str__(self) -> str:
        if self.full == 0:
            return f"{self.weight:g}"
        until = f"0 until {self.begin:.0%} of the training"
        if self.begin == self.full:
            return f"{until}, {self.weight:g} from then on"
        return f"{until}, then rising to {self.weight:g} at {self.full:.0%}"

    def __call__(self, progress: float) -> float:
        """Weight at `progress`, the fraction of training done, in [0, 1]."""
        if progress >= self.full:
            return self.weight
        if progress <= self.begin:
            return 0.0
        return self.weight * ((progress - self.begin) / (self.full - self.begin))

    def is_on(self, progress: float) -> bool:
        """Whether the discriminator is trained at `progress`."""
        return self.weight > 0 and progress >= self.begin
