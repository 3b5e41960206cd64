"""Adversarial losses by name: a new one is a file and a line in `ADVERSARIAL_LOSSES`."""

from distill.adversarial.base import AdversarialLoss, DiscriminatorStep, Terms
from distill.adversarial.hinge import Hinge
from distill.adversarial.least_squares import LeastSquares
from distill.adversarial.logistic import Logistic
from distill.adversarial.relativistic import Relativistic
from distill.adversarial.wasserstein import Wasserstein
from distill.errors import RecipeError

ADVERSARIAL_LOSSES: dict[str, type[AdversarialLoss]] = {
    loss.name: loss for loss in (Logistic, Hinge, Wasserstein, LeastSquares, Relativistic)
}
"""The adversarial losses, by the name that `--adversarial` and a family's published training give."""


def get_adversarial(name: str) -> type[AdversarialLoss]:
    """The class of adversarial losses called `name`.

    Raises:
        RecipeError: there is none of that name.
    """
    if name not in ADVERSARIAL_LOSSES:
        raise RecipeError(f"--adversarial {name}: choose one of {', '.join(ADVERSARIAL_LOSSES)}")
    return ADVERSARIAL_LOSSES[name]


def make_adversarial(name: str, r1_gamma: float | None, discriminator_steps: int) -> AdversarialLoss:
    """The adversarial loss called `name`; `r1_gamma` is the weight of R1, for losses that have an R1.

    Raises:
        RecipeError: there is none of that name.
    """
    return get_adversarial(name).make(r1_gamma, discriminator_steps)


__all__ = [
    "ADVERSARIAL_LOSSES",
    "AdversarialLoss",
    "DiscriminatorStep",
    "Hinge",
    "LeastSquares",
    "Logistic",
    "Relativistic",
    "Terms",
    "Wasserstein",
    "get_adversarial",
    "make_adversarial",
]
