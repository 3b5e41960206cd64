"""Training of a translator between attributes without a teacher (StarGAN, arXiv 1711.09020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from distill.adversarial import DiscriminatorStep, Terms
from distill.losses import attribute_loss, pixel_l1
from distill.recipes.base import GeneratorStep
from distill.recipes.teacher.alone import AdversarialTraining
from search_spaces import Discriminator


@dataclass(frozen=True)
class StarGan(AdversarialTraining):
    """The adversarial loss, that of attributes, and 10 times the L1 to the input after the way back."""

    cycle: float = 10.0

    name: ClassVar = "stargan"

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        return super().discriminator_terms(step) | real_attributes(step)

    def generator_terms(self, step: GeneratorStep) -> Terms:
        return super().generator_terms(step) | wanted_attributes(step) | way_back(step, self.cycle)


def classified(discriminator: Discriminator, images: Tensor) -> Tensor:
    """Logits (N, K) of a discriminator that has a head for attributes."""
    logits = discriminator.classify(images)
    assert logits is not None
    return logits


def real_attributes(step: DiscriminatorStep) -> Terms:
    """The discriminator's attribute loss, at real images."""
    batch = step.batch
    assert batch.attributes is not None
    logits = classified(step.twice_differentiable, step.real)
    return {"d_attributes": attribute_loss(logits, batch.attributes, exclusive=batch.exclusive)}


def wanted_attributes(step: GeneratorStep) -> Terms:
    """The generator's attribute loss: its images shall have the attributes that were asked for."""
    assert step.discriminator is not None
    _, wanted = step.batch.inputs
    logits = classified(step.discriminator, step.fake)
    return {"g_attributes": attribute_loss(logits, wanted, exclusive=step.batch.exclusive)}


def way_back(step: GeneratorStep, weight: float) -> Terms:
    """The L1 between the input and its translation, translated back to the attributes that it had."""
    assert step.batch.attributes is not None
    image, _ = step.batch.inputs
    return {"g_cycle": weight * pixel_l1(step.student(step.fake, step.batch.attributes), image)}
