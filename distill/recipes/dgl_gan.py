"""DGL-GAN (Tian et al., arXiv 2112.06502): the teacher's discriminator judges the student beside its own.

The teacher's generator is not used. In stage I the student trains against its own discriminator alone; in
stage II the frozen discriminator of the teacher joins with weight α: a schedule that steps from 0 to α is
both stages. Stage II takes over weights only, its optimizers are fresh, as in the public code. The paper
starts stage I from random weights and does not give its length; half of the training is ours, and
`distill.stages` trains until the distance is flat.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Self

import torch
from torch import Tensor

from distill.adversarial import AdversarialLoss, Logistic, Terms
from distill.errors import RecipeError
from distill.recipes.base import Distillation, GeneratorStep, Ingredients
from distill.recipes.teacher import PathLengths
from distill.schedules import Schedule
from distill.tasks import NoiseTask

ALPHA = 0.1  # of the paper's runs
SWITCH = 0.5  # of the training: stage II begins
STAGES = Schedule("step", start=0.0, end=ALPHA, begin=0.0, finish=SWITCH)


@dataclass(frozen=True)
class TwoDiscriminators(Distillation):
    """`L_G = ℓ(D(G(z))) + α(t)·mean(c·ℓ(D̄(G(z))))`, with `ℓ` the generator's loss, such as `softplus(-·)`.

    Raises:
        RecipeError: α is 0 throughout, or falls from stage I to stage II, or the adversarial loss compares
            with real images, which the teacher's discriminator does not see.
    """

    schedule: Schedule = field(default_factory=lambda: STAGES)
    adversarial: AdversarialLoss = field(default_factory=Logistic)
    paths: PathLengths = field(default_factory=PathLengths)

    default_schedule: ClassVar = STAGES
    revision: ClassVar = 2  # 1 kept the state of the optimizers from stage I to II
    tasks: ClassVar = (NoiseTask.name,)
    needs_teacher_images: ClassVar = False
    needs_teacher_discriminator: ClassVar = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.adversarial.needs_real_logits:
            others = "logistic, hinge, wasserstein or least-squares"
            raise RecipeError(
                f"--adversarial {self.adversarial.name}: it compares with real images, which the teacher's "
                f"discriminator of --recipe {self.name} does not see: give {others}"
            )
        schedule = self.schedule
        if schedule.bounds[1] == 0:
            raise RecipeError(
                f"KD weight {schedule}: the teacher's discriminator would never take part in {self.name}: "
                f"give --kd-schedule constant --kd-weight-start {ALPHA:g}, or no --kd flags at all"
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

    @property
    def needs_styles(self) -> bool:
        return self.paths.weight > 0

    def stage(self, progress: float) -> int:
        schedule = self.schedule
        if schedule.shape != "step":
            return 0
        return 1 if progress < schedule.finish else 2

    def generator_terms(self, step: GeneratorStep) -> Terms:
        terms = {"g_adversarial": self.adversarial.generator_losses(step.logits, step.real_logits).mean()}
        terms |= self.paths.terms(step)
        if step.kd_weight == 0 or step.teacher_discriminator is None:
            return terms
        logits = step.teacher_discriminator(step.fake, *step.batch.fake_condition)
        losses = self.coefficient(logits) * self.adversarial.generator_losses(logits)
        return terms | {"g_teacher_discriminator": step.kd_weight * losses.mean()}

    @abstractmethod
    def coefficient(self, logits: Tensor) -> Tensor:
        """`c`, in the shape of the logits of the teacher's discriminator."""


@dataclass(frozen=True)
class DglGan(TwoDiscriminators):
    """Every image counts alike: `c = 1`."""

    name: ClassVar = "dgl-gan"

    def coefficient(self, logits: Tensor) -> Tensor:
        return torch.ones_like(logits)


@dataclass(frozen=True)
class AdaptiveDglGan(TwoDiscriminators):
    """`c = 1[D̄ < 0]·sg(-D̄)`: it falls to 0 by itself as the student fools the teacher's discriminator.

    Raises:
        RecipeError: as above, or the adversarial loss gives logits no sign.
    """

    name: ClassVar = "dgl-gan-adaptive"
    needs_sign: ClassVar = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_sign(f"--recipe {self.name}", f"--recipe {DglGan.name}")

    def coefficient(self, logits: Tensor) -> Tensor:
        return logits.detach().float().neg().clamp_min(0)
