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
    """What is known when the discriminator learns."""

    discriminator: Discriminator
    batch: Batch  # with the real images; augmented where the training augments
    fake: Tensor  # (N, C, H, W), the student's images, without its graph; augmented alike
    step: int  # steps done so far, for lazy regularisation
    exact: Discriminator | None = None  # where `discriminator` can't be differentiated twice: one that can
    observe: Callable[[Tensor], None] = lambda real_logits: None  # for adaptive augmentation

    @property
    def real(self) -> Tensor:
        """The real images (N, C, H, W)."""
        assert self.batch.real is not None
        return self.batch.real

    @property
    def twice_differentiable(self) -> Discriminator:
        """The discriminator for penalties on its gradients."""
        return self.exact or self.discriminator


class AdversarialLoss(Protocol):
    """Losses of both sides, on logits (N,) or maps of logits (N, 1, H', W'), which count by their mean."""

    name: ClassVar[str]
    sign_is_verdict: ClassVar[bool]  # whether a logit above 0 says real, as adaptive augmentation needs it

    @property
    def discriminator_steps(self) -> int:
        """Steps of the discriminator for one of the generator."""

    @classmethod
    def make(cls, r1_gamma: float | None, discriminator_steps: int) -> Self:
        """The loss with that weight of R1, where it has an R1."""

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        """What the discriminator minimises."""

    def generator_losses(self, logits: Tensor) -> Tensor:
        """What the generator minimises the mean of, in the shape of the discriminator's `logits`."""
