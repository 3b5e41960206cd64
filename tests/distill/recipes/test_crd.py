"""CRD: relations, style and features of the teacher's images, and the teacher's discriminator."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from distill.adversarial import LeastSquares
from distill.errors import RecipeError
from distill.losses import PARTS, feature_l1, generator_least_squares, gram_l1, relation_loss
from distill.recipes import Crd, GeneratorStep, Ingredients, make_recipe
from distill.schedules import Schedule
from distill.tasks import Batch
from search_spaces import Generator, get_family
from tests.distill.recipes.steps import Step, detached, gradient
from tests.search_spaces.teachers import TEACHERS


@dataclass(frozen=True)
class Halves:
    """Maps of a network that only pools."""

    name: str = "halves"
    digest: str = "0" * 16

    def __call__(self, images: Tensor) -> list[Tensor]:
        return [F.avg_pool2d(images, 2), F.avg_pool2d(images, 4)]


def test_terms_are_those_of_the_paper(step: Step) -> None:
    here = step(0.5)
    terms = detached(Crd(maps=Halves()).generator_terms(here))
    teacher, judge = here.batch.teacher, here.teacher_discriminator
    assert teacher is not None
    assert judge is not None
    made, wanted = Halves()(here.fake), Halves()(teacher)
    expected = {name: 25 * relation_loss(part(here.fake), part(teacher)) for name, part in PARTS.items()}
    expected["style"] = 3 * gram_l1(made, wanted)
    expected["features"] = 4 * feature_l1(made[1:], wanted[1:])
    expected["adversarial"] = generator_least_squares(judge(here.fake)).mean()
    assert terms.keys() == {f"g_{name}" for name in expected}
    for name, value in expected.items():
        assert float(terms[f"g_{name}"]) == pytest.approx(0.5 * float(value.detach()), rel=1e-5)


def test_where_the_ground_truth_is_known_no_discriminator_judges(step: Step) -> None:
    here = step(1.0)
    paired = replace(here, batch=replace(here.batch, target=here.batch.teacher))
    unpaired_terms, terms = (detached(Crd(maps=Halves()).generator_terms(s)) for s in (here, paired))
    assert unpaired_terms.keys() - terms.keys() == {"g_adversarial"}
    assert float(terms["g_rows"]) == pytest.approx(10 / 25 * float(unpaired_terms["g_rows"]), rel=1e-5)


def test_without_a_network_the_teachers_discriminator_has_the_features(step: Step) -> None:
    here = step(1.0)
    assert here.teacher_discriminator is not None
    terms = detached(Crd().generator_terms(here))
    assert {"g_style", "g_features"} < terms.keys()
    blind = detached(Crd().generator_terms(replace(here, teacher_discriminator=None)))
    assert blind.keys() == {"g_rows", "g_columns", "g_patches"}
    assert gradient(Crd(), here).isfinite().all()


def test_no_discriminator_of_the_students_own_is_trained() -> None:
    assert [Crd().discriminator_steps(progress) for progress in (0.0, 0.5, 1.0)] == [0, 0, 0]


def test_a_weight_of_zero_is_refused_as_nothing_would_train_the_student() -> None:
    with pytest.raises(RecipeError, match="at 0 nothing would train a student of --recipe crd: give --kd-w"):
        make_recipe("crd", Schedule("linear", start=1.0, end=0.0), Ingredients(LeastSquares()))


def test_images_are_learned_by_relations_and_features_together(step: Step) -> None:
    here = step(1.0)
    assert here.batch.teacher is not None
    fake = here.fake.detach().clone().requires_grad_(True)
    optimizer, recipe = torch.optim.Adam([fake], lr=0.05), Crd(maps=Halves())
    wanted = F.avg_pool2d(here.batch.teacher, 4)
    start = float(F.l1_loss(F.avg_pool2d(fake.detach(), 4), wanted))
    for _ in range(60):
        optimizer.zero_grad()
        terms = recipe.generator_terms(replace(here, fake=fake, teacher_discriminator=None))
        torch.autograd.backward(sum(terms.values()))
        optimizer.step()
    assert float(F.l1_loss(F.avg_pool2d(fake.detach(), 4), wanted)) < 0.3 * start


def test_a_discriminator_that_judges_images_beside_their_inputs_gets_them() -> None:
    family, architecture = get_family("resnet-translator"), TEACHERS["resnet-translator"]
    judge = family.build_discriminator(family.discriminator_for(architecture, "paired"))
    assert judge.takes_input_image
    rng = torch.Generator().manual_seed(0)
    inputs, taught, fake = (torch.randn(2, 3, 16, 16, generator=rng) for _ in range(3))
    batch = Batch((inputs,), taught, (inputs,), (inputs,), target=taught, teacher=taught)
    step = GeneratorStep(batch, fake.requires_grad_(True), torch.zeros(2), Generator(), judge, 1.0)
    terms = Crd().generator_terms(step)
    assert terms.keys() == {"g_rows", "g_columns", "g_patches", "g_style", "g_features"}
    assert all(term.isfinite() for term in terms.values())
