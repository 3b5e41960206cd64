"""DGL-GAN (Tian et al., arXiv 2112.06502): the teacher's discriminator judges the student beside its own.

The teacher's generator is not used. In stage I the student plays against its own critic alone, in stage II
the frozen critic of the teacher joins with weight α: a schedule that steps from 0 to α is both stages. The
paper starts stage I from random weights and gives no length of it; half of the training is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import torch
from torch import Tensor

from distill.recipes.adversarial import Logistic
from distill.recipes.base import Adversarial, GeneratorStep, Played, Terms, Tools
from distill.recipes.path_lengths import PathLengths
from distill.schedules import Schedule

ALPHA = 0.1  # of the paper's runs
SWITCH = 0.5  # of the training: stage II begins
STAGES = Schedule("step", start=0.0, end=ALPHA, begin=0.0, finish=SWITCH)


@dataclass(frozen=True)
class DglGan(Played):
    """`L_G = ℓ(D(G(z))) + α(t)·ℓ(D̄(G(z)))`, with `ℓ` the generator's loss, such as `softplus(-·)`."""

    schedule: Schedule = field(default_factory=lambda: STAGES)
    adversarial: Adversarial = field(default_factory=Logistic)
    paths: PathLengths = field(default_factory=PathLengths)

    name: ClassVar = "dgl-gan"
    usual: ClassVar = STAGES
    needs_teacher_images: ClassVar = False
    needs_teacher_discriminator: ClassVar = True

    @classmethod
    def make(cls, schedule: Schedule, tools: Tools) -> Self:
        return cls(schedule, tools.adversarial, PathLengths(tools.path_weight))

    def generator_terms(self, step: GeneratorStep) -> Terms:
        terms = {"g_adversarial": self.adversarial.generator_losses(step.logits).mean()}
        terms |= self.paths.terms(step)
        if step.kd_weight == 0 or step.teacher_discriminator is None:
            return terms
        logits = step.teacher_discriminator(step.fake, *step.condition)
        losses = self.coefficient(logits) * self.adversarial.generator_losses(logits)
        return terms | {"g_teacher_critic": step.kd_weight * losses.mean()}

    def coefficient(self, logits: Tensor) -> Tensor:
        """Of every image, (N,), beside α; from the logits (N,) of the teacher's critic."""
        return torch.ones_like(logits)


@dataclass(frozen=True)
class AdaptiveDglGan(DglGan):
    """The same with `1[D̄ < 0]·sg(-D̄)` beside α: it falls to 0 by itself as the student fools the critic."""

    name: ClassVar = "dgl-gan-adaptive"

    def coefficient(self, logits: Tensor) -> Tensor:
        return logits.detach().float().neg().clamp_min(0)
