"""Compressing GANs: the squared distance to the teacher's image, and the family's adversarial loss."""

from __future__ import annotations

import pytest
import torch

from distill.adversarial import Hinge, Logistic, Wasserstein
from distill.errors import RecipeError
from distill.losses import generator_logistic, squared_norm
from distill.recipes import CompressingGans, Ingredients, make_recipe
from distill.schedules import Schedule
from tests.distill.recipes.steps import Step, detached


def constant(weight: float) -> CompressingGans:
    return CompressingGans(Schedule("constant", start=weight))


def test_the_joint_loss_shares_out_one_between_discriminator_and_teacher(step: Step) -> None:
    here = step(0.3)
    terms = detached(constant(0.3).generator_terms(here))
    assert here.batch.teacher is not None
    distance = float(squared_norm(here.fake, here.batch.teacher).detach())
    assert terms.keys() == {"g_adversarial", "g_distance"}
    assert float(terms["g_adversarial"]) == pytest.approx(-0.7 * float(here.logits.mean().detach()))
    assert float(terms["g_distance"]) == pytest.approx(0.3 * distance)


def test_with_all_the_weight_on_the_teacher_no_discriminator_is_trained(step: Step) -> None:
    alone = constant(1.0)
    assert alone.discriminator_steps(0.5) == 0
    assert alone.generator_terms(step(1.0)).keys() == {"g_distance"}
    assert constant(0.5).discriminator_steps(0.5) == 5


def test_a_falling_weight_needs_a_discriminator_in_the_end(step: Step) -> None:
    falling = CompressingGans(Schedule("cosine", start=1.0))
    assert falling.discriminator_steps(0.5) == 5
    assert falling.generator_terms(step(0.0)).keys() == {"g_adversarial"}


@pytest.mark.parametrize("schedule", [Schedule("cosine", 1.0, 1.0), Schedule("step", 1.0, finish=1.0)])
def test_a_weight_of_one_throughout_is_all_the_weight_however_it_is_said(schedule: Schedule) -> None:
    assert CompressingGans(schedule).discriminator_steps(0.5) == 0


def test_its_discriminator_is_the_familys_and_the_papers_is_a_wasserstein_one(step: Step) -> None:
    schedule, here = Schedule("constant", start=0.3), step(0.3)
    assert constant(0.3).adversarial == Wasserstein()
    logistic = make_recipe("compressing-gans", schedule, Ingredients(Logistic(r1_gamma=0.7)))
    assert logistic == CompressingGans(schedule, Logistic(r1_gamma=0.7))
    expected = 0.7 * float(generator_logistic(here.logits).mean().detach())
    assert float(logistic.generator_terms(here)["g_adversarial"].detach()) == pytest.approx(expected)
    hinge = make_recipe("compressing-gans", schedule, Ingredients(Hinge(discriminator_steps=2)))
    assert hinge.discriminator_steps(0.5) == 2


def test_the_distance_is_a_squared_norm_of_an_image_and_no_mean_over_its_values(step: Step) -> None:
    here = step(1.0)
    assert here.batch.teacher is not None
    norms = torch.linalg.vector_norm((here.fake - here.batch.teacher).flatten(1), dim=1)
    found = detached(constant(1.0).generator_terms(here))["g_distance"]
    assert float(found) == pytest.approx(float(norms.square().mean().detach()), rel=1e-5)
    mean_square = float((here.fake - here.batch.teacher).square().mean().detach())
    assert float(found) == pytest.approx(16 * 16 * mean_square, rel=1e-5)


def test_the_papers_alpha_weighs_the_critic(step: Step) -> None:
    """`α·critic + (1 - α)·‖T(z) - G(z)‖²`: the KD weight is 1 - α."""
    alpha, here = 0.25, step(0.75)
    terms = detached(constant(1 - alpha).generator_terms(here))
    assert here.batch.teacher is not None
    critic = -float(here.logits.mean().detach())
    distance = float(squared_norm(here.fake, here.batch.teacher).detach())
    total = sum(float(term) for term in terms.values())
    assert total == pytest.approx(alpha * critic + (1 - alpha) * distance)
    assert "1 - α" in CompressingGans.weight_means


@pytest.mark.parametrize(
    ("schedule", "alpha"),
    [(Schedule("constant", start=1.5), "α = -0.5"), (Schedule("linear", end=2.0), "α = -1")],
)
def test_an_alpha_outside_its_range_is_refused_with_the_papers_meaning(
    schedule: Schedule, alpha: str
) -> None:
    with pytest.raises(RecipeError) as error:
        CompressingGans(schedule)
    says = str(error.value)
    assert f"would be {alpha}: " in says
    assert "the paper's α in [0, 1] being the critic's weight, and the KD weight is 1 - α" in says
    assert says.endswith("give --kd-weight-start and --kd-weight-end from 0 to 1")
    assert "\n" not in says
