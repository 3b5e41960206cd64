"""What every recipe must do."""

from __future__ import annotations

from dataclasses import replace

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
)
from distill.errors import RecipeError
from distill.recipes import RECIPES, Ingredients, Recipe, get_recipe, make_recipe
from distill.schedules import Schedule
from distill.tasks import Batch
from search_spaces import Discriminator
from tests.distill.recipes.steps import Step, detached, gradient

SCHEDULE = Schedule("linear", start=0.8, end=0.0, begin=0.0, finish=0.5)
LOSSES: tuple[AdversarialLoss, ...] = (Logistic(), Hinge(), Wasserstein(), LeastSquares(), Relativistic())
REFUSED = {
    ("dgl-gan-adaptive", "wasserstein"),
    ("dgl-gan-adaptive", "least-squares"),
}  # its coefficient is the sign of logits
OF_NOISE = sorted(name for name, recipe in RECIPES.items() if not recipe.tasks or "noise" in recipe.tasks)
UNPAIRED = {("dgl-gan", "relativistic"), ("dgl-gan-adaptive", "relativistic")}


@pytest.fixture(
    params=[
        (r, adversarial)
        for r in OF_NOISE
        for adversarial in LOSSES
        if (r, adversarial.name) not in REFUSED | UNPAIRED
    ],
    ids=lambda pair: f"{pair[0]}-{pair[1].name}",
)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    name, adversarial = request.param
    return make_recipe(name, SCHEDULE, Ingredients(adversarial))


def test_recipes_go_by_their_names() -> None:
    assert all(make_recipe(name, get_recipe(name).default_schedule).name == name for name in RECIPES)


def test_an_unknown_recipe_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(RecipeError, match=r"--recipe osmosis: choose one of .*weight-decay"):
        make_recipe("osmosis", SCHEDULE)


@pytest.mark.parametrize(("name", "loss"), sorted(REFUSED))
def test_a_recipe_that_goes_by_the_sign_of_logits_is_refused_where_they_have_none(
    name: str, loss: str
) -> None:
    says = rf"--recipe {name}: .* logits are below 0, .* nothing with a {loss} loss: give --recipe dgl-gan$"
    with pytest.raises(RecipeError, match=says):
        make_recipe(
            name,
            get_recipe(name).default_schedule,
            Ingredients(ADVERSARIAL_LOSSES[loss].make(None, 1)),
        )


@pytest.mark.parametrize("name", [name for name, _ in sorted(UNPAIRED)])
def test_a_teachers_discriminator_has_no_real_images_to_compare_with(name: str) -> None:
    says = "--adversarial relativistic: .* does not see: give logistic|it follows how far logits are below 0"
    with pytest.raises(RecipeError, match=says):
        make_recipe(name, get_recipe(name).default_schedule, Ingredients(Relativistic()))


@pytest.mark.parametrize("name", OF_NOISE)
def test_no_recipe_follows_a_gap_of_logits_that_have_no_sign(name: str) -> None:
    adaptive = Schedule("adaptive", start=0.5)
    says = "--kd-schedule adaptive: .* nothing with a wasserstein loss: give another schedule, such as cosine"
    with pytest.raises(RecipeError, match=says):
        make_recipe(name, adaptive, Ingredients(Wasserstein()))
    for adversarial in (Logistic(), Hinge()):
        assert make_recipe(name, adaptive, Ingredients(adversarial)).kd_weight(0.7, 0.0) < 0.5


def test_every_recipe_uses_the_adversarial_loss_that_it_is_made_with(
    recipe: Recipe, discriminator: Discriminator
) -> None:
    adversarial = recipe.adversarial  # type: ignore[attr-defined]
    assert recipe.discriminator_steps(0.0) == adversarial.discriminator_steps
    real, fake = torch.randn(4, 1, 16, 16), torch.randn(4, 1, 16, 16)
    step = DiscriminatorStep(discriminator, Batch((), real), fake, 0)
    assert recipe.discriminator_terms(step).keys() == adversarial.discriminator_terms(step).keys()


def test_the_weight_of_the_teacher_follows_the_schedule(recipe: Recipe) -> None:
    assert [recipe.kd_weight(progress, 1.0) for progress in (0.0, 0.25, 0.5, 1.0)] == pytest.approx(
        [0.8, 0.4, 0.0, 0.0]
    )


def test_terms_are_finite_scalars_with_gradients(recipe: Recipe, step: Step) -> None:
    for kd_weight in (0.0, 0.5):
        terms = recipe.generator_terms(step(kd_weight))
        assert terms
        assert all(term.ndim == 0 and term.isfinite() and term.requires_grad for term in terms.values())
        assert all(name.startswith("g_") for name in terms)


def test_without_weight_the_teacher_has_no_say_at_all(recipe: Recipe, step: Step) -> None:
    alone = replace(step(0.0), batch=Batch(()), teacher_discriminator=None)
    assert recipe.generator_terms(step(0.0)).keys() == recipe.generator_terms(alone).keys()
    by_itself = gradient(recipe, alone)
    assert torch.equal(gradient(recipe, step(0.0)), by_itself)
    assert not torch.equal(gradient(recipe, step(0.5)), by_itself)


def test_a_recipe_works_without_a_teacher_and_without_its_discriminator(recipe: Recipe, step: Step) -> None:
    for absent in ({"batch": Batch(())}, {"teacher_discriminator": None}):
        assert gradient(recipe, replace(step(0.5), **absent)).isfinite().all()


def test_the_teachers_terms_grow_with_its_weight(recipe: Recipe, step: Step) -> None:
    one, three, alone = (detached(recipe.generator_terms(step(weight))) for weight in (0.25, 0.75, 0.0))
    assert set(one) > set(alone)
    for name in set(one) - set(alone):
        assert float(three[name]) == pytest.approx(3 * float(one[name]), rel=1e-5)


def test_the_teacher_receives_no_gradients(recipe: Recipe, step: Step) -> None:
    here = step(0.5)
    sum(recipe.generator_terms(here).values()).backward()
    assert here.batch.teacher is not None
    assert here.batch.teacher.grad is None
    assert here.teacher_discriminator is not None
    assert all(p.grad is None for p in here.teacher_discriminator.parameters())
    assert here.fake.grad is not None
    assert here.fake.grad.any()


def test_the_discriminator_learns_from_images_alone(recipe: Recipe, discriminator: Discriminator) -> None:
    discriminator.requires_grad_(True)
    real, fake = torch.randn(4, 1, 16, 16), torch.randn(4, 1, 16, 16)
    for step in (0, 1, 16):
        terms = recipe.discriminator_terms(DiscriminatorStep(discriminator, Batch((), real), fake, step))
        assert all(term.ndim == 0 and term.isfinite() for term in terms.values())
        assert all(name.startswith("d_") for name in terms)
        discriminator.zero_grad()
        sum(terms.values()).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in discriminator.parameters())
    assert not real.requires_grad
    assert not fake.requires_grad


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_can_follow_its_default_schedule(name: str) -> None:
    schedule = get_recipe(name).default_schedule
    recipe = make_recipe(name, schedule)
    assert [recipe.kd_weight(at / 8, 1.0) for at in range(9)] == [schedule(at / 8) for at in range(9)]


def test_a_recipe_says_whose_images_and_whose_discriminator_it_needs(recipe: Recipe, step: Step) -> None:
    blind = replace(step(0.5), batch=Batch(()))
    unjudged = replace(step(0.5), teacher_discriminator=None)
    whole = recipe.generator_terms(step(0.5)).keys()
    if recipe.needs_teacher_images:
        assert recipe.generator_terms(blind).keys() < whole
    else:
        assert recipe.generator_terms(blind).keys() == whole
    if recipe.needs_teacher_discriminator:
        assert recipe.generator_terms(unjudged).keys() < whole


def test_recipes_tell_what_the_discriminator_thinks_of_real_images(
    recipe: Recipe, discriminator: Discriminator
) -> None:
    noted = list[Tensor]()
    real = torch.randn(4, 1, 16, 16)
    for i in (0, 1):
        recipe.discriminator_terms(
            DiscriminatorStep(discriminator, Batch((), real), real.flip(-1), i, observe=noted.append)
        )
    assert all(torch.allclose(logits, discriminator(real).detach(), atol=1e-5) for logits in noted)
    assert len(noted) == 2
    assert not any(logits.requires_grad for logits in noted)
