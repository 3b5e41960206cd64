"""DGL-GAN: the teacher's discriminator joins in stage II, beside the student's own."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from distill.adversarial import Hinge
from distill.errors import RecipeError
from distill.losses import generator_linear, generator_logistic
from distill.recipes import AdaptiveDglGan, DglGan, Ingredients, PathLengths, make_recipe
from distill.schedules import Schedule
from distill.tasks import Batch
from tests.distill.recipes.steps import Step, detached

PLAIN = DglGan(paths=PathLengths(0.0))


def test_stage_two_begins_halfway_with_the_papers_weight() -> None:
    weights = [DglGan().kd_weight(progress, 1.0) for progress in (0.0, 0.49, 0.5, 1.0)]
    assert weights == [0.0, 0.0, 0.1, 0.1]


def test_in_stage_one_the_teacher_takes_no_part(step: Step) -> None:
    assert PLAIN.generator_terms(step(0.0)).keys() == {"g_adversarial"}


def test_in_stage_two_both_discriminators_are_to_be_fooled(step: Step) -> None:
    here = step(0.1)
    terms = detached(PLAIN.generator_terms(here))
    assert here.teacher_discriminator is not None
    theirs = generator_logistic(here.teacher_discriminator(here.fake)).mean()
    assert terms.keys() == {"g_adversarial", "g_teacher_discriminator"}
    assert torch.equal(terms["g_adversarial"], generator_logistic(here.logits).mean())
    assert float(terms["g_teacher_discriminator"]) == pytest.approx(0.1 * float(theirs.detach()))


def test_with_a_hinge_the_teachers_discriminator_counts_as_it_is(step: Step) -> None:
    here = step(0.1)
    terms = detached(make_recipe("dgl-gan", DglGan().schedule, Ingredients(Hinge())).generator_terms(here))
    assert here.teacher_discriminator is not None
    theirs = generator_linear(here.teacher_discriminator(here.fake)).mean()
    assert float(terms["g_teacher_discriminator"]) == pytest.approx(0.1 * float(theirs.detach()))


def test_the_teachers_images_are_not_used(step: Step) -> None:
    here, other = step(0.1), replace(step(0.1), batch=Batch(()))
    assert detached(PLAIN.generator_terms(here)) == detached(PLAIN.generator_terms(other))


def test_the_teachers_discriminator_receives_the_class(step: Step) -> None:
    conditions: list[tuple[Tensor, ...]] = []

    def discriminator(images: Tensor, *condition: Tensor) -> Tensor:
        conditions.append(condition)
        return images.mean(dim=(1, 2, 3))

    label = torch.eye(4)
    PLAIN.generator_terms(
        replace(step(0.1), teacher_discriminator=discriminator, batch=Batch((), fake_condition=(label,)))
    )
    assert [torch.equal(given, label) for (given,) in conditions] == [True]


def test_the_adaptive_coefficient_is_how_far_the_discriminator_is_from_being_fooled(step: Step) -> None:
    logits = torch.tensor([-2.0, -0.5, 0.0, 3.0])
    assert AdaptiveDglGan().coefficient(logits).tolist() == [2.0, 0.5, 0.0, 0.0]
    fooled = replace(step(0.1), teacher_discriminator=lambda images: images.mean(dim=(1, 2, 3)) + 100)
    recipe = AdaptiveDglGan(paths=PLAIN.paths)
    assert float(recipe.generator_terms(fooled)["g_teacher_discriminator"].detach()) == 0


def test_the_adaptive_coefficient_has_no_gradient(step: Step) -> None:
    logits = torch.tensor([-2.0, -1.0], requires_grad=True)
    assert not AdaptiveDglGan().coefficient(logits).requires_grad


def test_path_lengths_belong_to_generators_with_styles() -> None:
    assert DglGan.make(DglGan.default_schedule, Ingredients(Hinge(), path_weight=2.0)).paths.weight == 2.0
    assert DglGan.make(DglGan.default_schedule, Ingredients(Hinge())).paths.weight == 0.0


@pytest.mark.parametrize("name", ["dgl-gan", "dgl-gan-adaptive"])
@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        (Schedule("constant", start=0.0), "KD weight constant 0: "),
        (Schedule("constant", start=0.0, end=0.1), "KD weight constant 0: "),
        (
            Schedule("step", start=0.0, end=0.1, begin=0.0),
            "KD weight 0, and 0.1 from 100% of the training on: ",
        ),
        (Schedule("cosine", start=0.0, end=0.0), "KD weight 0 to 0, cosine, "),
    ],
)
def test_a_weight_that_is_nothing_throughout_is_refused_with_one_that_is_not(
    name: str, schedule: Schedule, says: str
) -> None:
    with pytest.raises(RecipeError) as error:
        make_recipe(name, schedule)
    assert str(error.value).startswith(says)
    assert str(error.value).endswith(
        f"the teacher's discriminator would never take part in {name}: give --kd-schedule constant "
        "--kd-weight-start 0.1, or no --kd flags at all"
    )
    assert make_recipe(name, Schedule("constant", start=0.1)).kd_weight(0.0, 1.0) == 0.1


@pytest.mark.parametrize("name", ["dgl-gan", "dgl-gan-adaptive"])
def test_a_step_that_falls_is_refused_with_the_flag_of_stage_two(name: str) -> None:
    with pytest.raises(
        RecipeError,
        match=r"--kd-weight-start 0.5 above --kd-weight-end 0.1: .* give α by --kd-weight-end, leave",
    ):
        make_recipe(name, replace(DglGan().schedule, start=0.5))
    for schedule in (Schedule("step", 0.05, 0.5), Schedule("linear", 0.5, 0.1)):
        assert make_recipe(name, schedule).kd_weight(0.0, 1.0) == schedule.start
