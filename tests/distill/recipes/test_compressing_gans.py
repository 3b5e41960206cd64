"""Compressing GANs: the teacher's image in mean square, and a Wasserstein critic beside it."""

from __future__ import annotations

import pytest

from distill.errors import RecipeError
from distill.losses import pixel_mse
from distill.recipes import CompressingGans, Hinge, Tools, make_recipe
from distill.schedules import Schedule
from tests.distill.recipes.steps import Step, detached


def constant(weight: float) -> CompressingGans:
    return CompressingGans(Schedule("constant", start=weight))


def test_the_joint_loss_shares_out_one_between_critic_and_teacher(step: Step) -> None:
    here = step(0.3)
    terms = detached(constant(0.3).generator_terms(here))
    assert here.teacher_images is not None
    distance = float(pixel_mse(here.fake, here.teacher_images).detach())
    assert terms.keys() == {"g_adversarial", "g_mse"}
    assert float(terms["g_adversarial"]) == pytest.approx(-0.7 * float(here.logits.mean().detach()))
    assert float(terms["g_mse"]) == pytest.approx(0.3 * distance)


def test_with_all_the_weight_on_the_teacher_no_critic_is_trained(step: Step) -> None:
    alone = constant(1.0)
    assert alone.critic_steps == 0
    assert alone.generator_terms(step(1.0)).keys() == {"g_mse"}
    assert constant(0.5).critic_steps == 5


def test_a_falling_weight_needs_a_critic_in_the_end(step: Step) -> None:
    falling = CompressingGans(Schedule("cosine", start=1.0))
    assert falling.critic_steps == 5
    assert falling.generator_terms(step(0.0)).keys() == {"g_adversarial"}


def test_its_critic_is_a_wasserstein_one_whatever_the_family_has() -> None:
    recipe = make_recipe("compressing-gans", Schedule("constant", start=0.5), Tools(Hinge()))
    assert recipe == constant(0.5)


@pytest.mark.parametrize("schedule", [Schedule("constant", start=1.5), Schedule("linear", end=2.0)])
def test_a_weight_above_one_is_refused_with_the_range(schedule: Schedule) -> None:
    with pytest.raises(RecipeError, match=r"KD weight .*: .* give a --kd-start from 0 to 1"):
        CompressingGans(schedule)
