"""Adversarial losses by name: a new one is a file and a line in `ADVERSARIAL_LOSSES`."""

from distill.adversarial.base import AdversarialLoss, DiscriminatorStep, Terms
from distill.adversarial.hinge import Hinge
from distill.adversarial.least_squares import LeastSquares
from distill.adversarial.logistic import Logistic
from distill.adversarial.wasserstein import Wasserstein
from distill.errors import RecipeError

ADVERSARIAL_LOSSES: dict[str, type[AdversarialLoss]] = {
    loss.name: loss for loss in (Logistic, Hinge, Wasserstein, LeastSquares)
}
"""The adversarial losses, by the name that a family's published training gives."""


def make_adversarial(name: str, r1_gamma: float | None, discriminator_steps: int) -> AdversarialLoss:
    """The adversarial loss called `name`; `r1_gamma` is the weight of R1, for losses that have an R1.

    Raises:
        RecipeError: there is none of that name.
    """
    if name not in ADVERSARIAL_LOSSES:
        raise RecipeError(
            f"adversarial loss {name!r} is unknown; choose one of {', '.join(ADVERSARIAL_LOSSES)}"
        )
    return ADVERSARIAL_LOSSES[name].make(r1_gamma, discriminator_steps)


__all__ = [
    "ADVERSARIAL_LOSSES",
    "AdversarialLoss",
    "DiscriminatorStep",
    "Hinge",
    "LeastSquares",
    "Logistic",
    "Terms",
    "Wasserstein",
    "make_adversarial",
]
