"""DGL-GAN (Tian et al., arXiv 2112.06502): the teacher's discriminator judges the student beside its own.

The teacher's generator is not used. In stage I the student plays against its own critic alone, in stage II
the frozen critic of the teacher joins with weight α: a schedule that steps from 0 to α is both stages. The
paper starts stage I from random weights and gives no length of it; half of the training is ours.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Self

import torch
from torch import Tensor

from distill.errors import RecipeError
from distill.recipes.adversarial import Logistic
from distill.recipes.base import Adversarial, Distillation, GeneratorStep, Ingredients, Terms
from distill.recipes.path_lengths import PathLengths
from distill.schedules import Schedule

ALPHA = 0.1  # of the paper's runs
SWITCH = 0.5  # of the training: stage II begins
STAGES = Schedule("step", start=0.0, end=ALPHA, begin=0.0, finish=SWITCH)


@dataclass(frozen=True)
class TwoCritics(Distillation):
    """`L_G = ℓ(D(G(z))) + α(t)·mean(c·ℓ(D̄(G(z))))`, with `ℓ` the generator's loss, such as `softplus(-·)`.

    Raises:
        RecipeError: α is 0 throughout, or falls from stage I to stage II.
    """

    schedule: Schedule = field(default_factory=lambda: STAGES)
    adversarial: Adversarial = field(default_factory=Logistic)
    paths: PathLengths = field(default_factory=PathLengths)

    usual: ClassVar = STAGES
    needs_teacher_images: ClassVar = False
    needs_teacher_discriminator: ClassVar = True

    def __post_init__(self) -> None:
        super().__post_init__()
        schedule = self.schedule
        if schedule.bounds[1] == 0:
            raise RecipeError(
                f"KD weight {schedule}: the teacher's critic would never play in {self.name}: give "
                f"--kd-schedule constant --kd-weight-start {ALPHA:g}, or no --kd flags at all"
            )
        if schedule.shape == "step" and schedule.start > schedule.end:
            raise RecipeError(
                f"--kd-weight-start {schedule.start:g} above --kd-weight-end {schedule.end:g}: these are the "
                f"weights of {self.name}'s stages I and II: give α by --kd-weight-end, leave "
                "--kd-weight-start out"
            )

    @classmethod
    def make(cls, schedule: Schedule, ingredients: Ingredients) -> Self:
        return cls(schedule, ingredients.adversarial, PathLengths(ingredients.path_weight))

    def generator_terms(self, step: GeneratorStep) -> Terms:
        terms = {"g_adversarial": self.adversarial.generator_losses(step.logits).mean()}
        terms |= self.paths.terms(step)
        if step.kd_weight == 0 or step.teacher_discriminator is None:
            return terms
        logits = step.teacher_discriminator(step.fake, *step.condition)
        losses = self.coefficient(logits) * self.adversarial.generator_losses(logits)
        return terms | {"g_teacher_critic": step.kd_weight * losses.mean()}

    @abstractmethod
    def coefficient(self, logits: Tensor) -> Tensor:
        """`c`, of every image, (N,), from the logits (N,) of the teacher's critic."""


@dataclass(frozen=True)
class DglGan(TwoCritics):
    """Every image counts alike: `c = 1`."""

    name: ClassVar = "dgl-gan"

    def coefficient(self, logits: Tensor) -> Tensor:
        return torch.ones_like(logits)


@dataclass(frozen=True)
class AdaptiveDglGan(TwoCritics):
    """`c = 1[D̄ < 0]·sg(-D̄)`: it falls to 0 by itself as the student fools the teacher's critic.

    Raises:
        RecipeError: as above, or logits have no sign in the game.
    """

    name: ClassVar = "dgl-gan-adaptive"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_decides(f"--recipe {self.name}", f"--recipe {DglGan.name}")

    def coefficient(self, logits: Tensor) -> Tensor:
        return logits.detach().float().neg().clamp_min(0)
