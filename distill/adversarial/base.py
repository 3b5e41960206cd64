"""The contract of an adversarial loss: what discriminator and generator minimise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from torch import Tensor

from distill.tasks import Batch
from search_spaces import Discriminator

Terms = dict[str, Tensor]
"""Scalar loss terms by name, already weighted: the trainer minimises their sum and logs each one."""


@dataclass(frozen=True)
class DiscriminatorStep:
    """What a discriminator's loss may use."""

    discriminator: Discriminator
    batch: Batch  # with the real images; augmented where the training augments
    fake: Tensor  # (N, C, H, W), the student's images, without its graph; augmented alike
    step: int  # steps done so far, for lazy regularisation
    teacher_discriminator: Discriminator | None = None  # frozen
    exact: Discriminator | None = None  # where `discriminator` can't be differentiated twice: one that can
    observe: Callable[[Tensor], None] = lambda real_logits: None  # for adaptive augmentation

    @property
    def real(self) -> Tensor:
        """The real images (N, C, H, W)."""
        assert self.batch.real is not None
        return self.batch.real

    def logits(self) -> tuple[Tensor, Tensor]:
        """Logits of the real images, which `observe` receives, and of the student's images."""
        real = self.discriminator(self.real, *self.batch.real_condition)
        self.observe(real.detach())
        return real, self.discriminator(self.fake, *self.batch.fake_condition)

    @property
    def twice_differentiable(self) -> Discriminator:
        """The discriminator for penalties on its gradients."""
        return self.exact or self.discriminator


class AdversarialLoss(Protocol):
    """Losses of discriminator and generator, means over logits (N,) or maps of logits (N, 1, H', W')."""

    name: ClassVar[str]
    sign_classifies: ClassVar[bool]  # a logit above 0 means "real", as adaptive augmentation needs it
    uses_r1: ClassVar[bool]  # whether `r1_gamma` has a meaning
    needs_real_logits: ClassVar[bool]  # whether the generator's losses compare with logits of real images
    default_discriminator_steps: ClassVar[int]  # for families that were published with another loss

    @property
    def discriminator_steps(self) -> int:
        """Discriminator steps per generator step."""

    @classmethod
    def make(cls, r1_gamma: float | None, discriminator_steps: int) -> Self:
        """The loss; `r1_gamma` is the weight of R1, for losses that have an R1."""

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        """What the discriminator minimises."""

    def generator_losses(self, logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """The generator's loss per logit, in the shape of `logits`; it minimises their mean.

        `real_logits` are of as many real images, without gradients: None unless the loss needs them.
        """
