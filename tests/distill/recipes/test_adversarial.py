"""Games between a generator and a discriminator."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from distill.losses import (
    discriminator_hinge,
    discriminator_logistic,
    discriminator_wasserstein,
    gradient_penalty,
)
from distill.recipes import Adversarial, DiscriminatorStep, Hinge, Logistic, Wasserstein, make_adversarial
from distill.recipes.adversarial import GAMES as GAMES_BY_NAME
from search_spaces import Discriminator
from tests.distill.recipes.steps import detached

Loss = Callable[[Tensor, Tensor], Tensor]
GAMES = [Logistic(), Hinge(), Wasserstein()]


@pytest.fixture
def images() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(4, 1, 16, 16), torch.randn(4, 1, 16, 16)


@pytest.mark.parametrize("game", GAMES)
def test_the_generator_wants_high_logits(game: Adversarial) -> None:
    losses = game.generator_losses(torch.tensor([-1.0, 0.0, 2.0]))
    assert losses.shape == (3,)
    assert losses[0] > losses[1] > losses[2]


@pytest.mark.parametrize(
    ("game", "loss"),
    [
        (Logistic(), discriminator_logistic),
        (Hinge(), discriminator_hinge),
        (Wasserstein(), discriminator_wasserstein),
    ],
)
def test_the_discriminators_term_is_its_loss(
    game: Adversarial, loss: Loss, images: tuple[Tensor, Tensor], critic: Discriminator
) -> None:
    real, fake = images
    terms = detached(game.discriminator_terms(DiscriminatorStep(critic, real, fake, 1)))
    expected = loss(critic(real), critic(fake))
    assert float(terms["d_adversarial"]) == pytest.approx(float(expected.detach()), abs=1e-5)


def test_a_wasserstein_critic_is_held_between_real_and_generated_images(
    images: tuple[Tensor, Tensor], critic: Discriminator
) -> None:
    real, _ = images
    critic.requires_grad_(True)
    term = Wasserstein(penalty=3.0).discriminator_terms(DiscriminatorStep(critic, real, real, 1))["d_penalty"]
    here = real.clone().requires_grad_(True)  # both ends are the same, and so is what lies between
    assert float(term.detach()) == pytest.approx(3 * float(gradient_penalty(here, critic(here)).detach()))
    term.backward()
    assert any(p.grad is not None and p.grad.any() for p in critic.parameters())


def test_games_go_by_their_names_and_only_one_has_an_r1() -> None:
    assert make_adversarial("logistic", 0.7, 1) == Logistic(r1_gamma=0.7)
    assert make_adversarial("logistic", None, 2) == Logistic(r1_gamma=0.0, discriminator_steps=2)
    assert make_adversarial("hinge", None, 4) == Hinge(discriminator_steps=4)
    assert make_adversarial("wasserstein", None, 5) == Wasserstein(discriminator_steps=5)
    assert all(make_adversarial(name, None, 1).name == name for name in GAMES_BY_NAME)
