"""Adversarial losses between a generator and a discriminator."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from distill.adversarial import (
    ADVERSARIAL_LOSSES,
    AdversarialLoss,
    DiscriminatorStep,
    Hinge,
    LeastSquares,
    Logistic,
    Relativistic,
    Wasserstein,
    make_adversarial,
)
from distill.errors import RecipeError
from distill.losses import (
    discriminator_hinge,
    discriminator_least_squares,
    discriminator_logistic,
    discriminator_relativistic,
    discriminator_wasserstein,
    gradient_penalty,
    r1_penalty,
)
from distill.tasks import Batch
from search_spaces import Discriminator
from tests.distill.recipes.steps import detached

Loss = Callable[[Tensor, Tensor], Tensor]
LOSSES = [loss.make(0.3, 1) for loss in ADVERSARIAL_LOSSES.values()]


@pytest.fixture
def images() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(4, 1, 16, 16), torch.randn(4, 1, 16, 16)


@pytest.mark.parametrize("adversarial", LOSSES)
def test_the_generator_wants_high_logits(adversarial: AdversarialLoss) -> None:
    losses = adversarial.generator_losses(torch.tensor([-1.0, 0.0, 1.0]), torch.zeros(3))
    assert losses.shape == (3,)
    assert losses[0] > losses[1] > losses[2]


@pytest.mark.parametrize(
    ("adversarial", "loss"),
    [
        (Logistic(), discriminator_logistic),
        (Hinge(), discriminator_hinge),
        (Wasserstein(), discriminator_wasserstein),
        (LeastSquares(), discriminator_least_squares),
        (Relativistic(r1_gamma=0.0), discriminator_relativistic),
    ],
)
def test_the_discriminators_term_is_its_loss(
    adversarial: AdversarialLoss, loss: Loss, images: tuple[Tensor, Tensor], discriminator: Discriminator
) -> None:
    real, fake = images
    terms = detached(
        adversarial.discriminator_terms(DiscriminatorStep(discriminator, Batch((), real), fake, 1))
    )
    expected = loss(discriminator(real), discriminator(fake))
    assert float(terms["d_adversarial"]) == pytest.approx(float(expected.detach()), abs=1e-5)


def test_a_wasserstein_critic_is_held_between_real_and_generated_images(
    images: tuple[Tensor, Tensor], discriminator: Discriminator
) -> None:
    real, _ = images
    discriminator.requires_grad_(True)
    term = Wasserstein(penalty=3.0).discriminator_terms(
        DiscriminatorStep(discriminator, Batch((), real), real, 1)
    )["d_penalty"]
    here = real.clone().requires_grad_(True)  # both ends are the same, and so is what lies between
    assert float(term.detach()) == pytest.approx(
        3 * float(gradient_penalty(here, discriminator(here)).detach())
    )
    term.backward()
    assert any(p.grad is not None and p.grad.any() for p in discriminator.parameters())


def test_a_logistic_discriminator_without_weight_of_r1_has_no_such_term(
    images: tuple[Tensor, Tensor], discriminator: Discriminator
) -> None:
    step = DiscriminatorStep(discriminator, Batch((), images[0]), images[1], 0)  # R1 is due
    plain, smooth = (Logistic(r1_gamma=gamma).discriminator_terms(step) for gamma in (0.0, 0.3))
    assert plain.keys() == {"d_adversarial"}
    assert smooth.keys() == {"d_adversarial", "d_r1"}
    assert float(plain["d_adversarial"].detach()) == pytest.approx(float(smooth["d_adversarial"].detach()))


def test_losses_have_names_and_some_have_an_r1() -> None:
    assert make_adversarial("logistic", 0.7, 1) == Logistic(r1_gamma=0.7)
    assert make_adversarial("logistic", None, 2) == Logistic(r1_gamma=0.0, discriminator_steps=2)
    assert make_adversarial("relativistic", 0.7, 1) == Relativistic(r1_gamma=0.7)
    assert make_adversarial("hinge", None, 4) == Hinge(discriminator_steps=4)
    assert make_adversarial("wasserstein", None, 5) == Wasserstein(discriminator_steps=5)
    assert all(make_adversarial(name, None, 1).name == name for name in ADVERSARIAL_LOSSES)


@pytest.mark.parametrize("adversarial", LOSSES)
def test_a_map_of_logits_counts_by_its_mean(
    adversarial: AdversarialLoss, images: tuple[Tensor, Tensor], discriminator: Discriminator
) -> None:
    """A discriminator of patches that answers alike everywhere is one that answers once."""

    class Patches(Discriminator):
        def forward(self, shown: Tensor) -> Tensor:
            return discriminator(shown)[:, None, None, None].expand(-1, 1, 3, 3)

    real, fake = images
    torch.manual_seed(1)
    once = adversarial.discriminator_terms(DiscriminatorStep(discriminator, Batch((), real), fake, 0))
    torch.manual_seed(1)
    patches = adversarial.discriminator_terms(DiscriminatorStep(Patches(), Batch((), real), fake, 0))
    for name, term in once.items():
        assert float(patches[name].detach()) == pytest.approx(float(term.detach()), rel=1e-5)
    logits = torch.tensor([-1.0, 0.5])
    known = torch.tensor([0.3, -0.7])
    spread = adversarial.generator_losses(
        *(x[:, None, None, None].expand(-1, 1, 3, 3) for x in (logits, known))
    )
    assert float(spread.mean()) == pytest.approx(float(adversarial.generator_losses(logits, known).mean()))


def test_an_unknown_loss_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(RecipeError, match=r"--adversarial nash: choose one of .*least-squares"):
        make_adversarial("nash", None, 1)


def test_a_relativistic_game_knows_differences_of_logits_only(images: tuple[Tensor, Tensor]) -> None:
    loss, fake, real = Relativistic(), torch.tensor([-1.0, 0.5]), torch.tensor([2.0, 0.0])
    shifted = loss.generator_losses(fake + 7, real + 7)
    assert torch.allclose(shifted, loss.generator_losses(fake, real), atol=1e-5)
    assert torch.allclose(
        discriminator_relativistic(real + 7, fake + 7), discriminator_relativistic(real, fake), atol=1e-5
    )
    assert loss.generator_losses(real, fake).mean() == discriminator_relativistic(real, fake), "mirrored"


def test_a_relativistic_discriminator_is_smooth_at_real_and_at_generated_images(
    images: tuple[Tensor, Tensor], discriminator: Discriminator
) -> None:
    discriminator.requires_grad_(True)
    real, fake = images
    step = DiscriminatorStep(discriminator, Batch((), real), fake, 4)
    terms = Relativistic(r1_gamma=0.8).discriminator_terms(step)
    for name, shown in (("d_r1", real), ("d_r2", fake)):
        here = shown.clone().requires_grad_(True)
        expected = 0.4 * float(r1_penalty(here, discriminator(here)).detach())
        assert float(terms[name].detach()) == pytest.approx(expected, rel=1e-5)
    sum(terms.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in discriminator.parameters())
    assert not real.requires_grad
    assert not fake.requires_grad
    plain = Relativistic(r1_gamma=0.0).discriminator_terms(step)
    assert plain.keys() == {"d_adversarial"}
    assert float(plain["d_adversarial"].detach()) == pytest.approx(float(terms["d_adversarial"].detach()))
