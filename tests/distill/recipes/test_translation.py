"""Recipes of image translation: what trains teachers, and what stuStarGAN adds to its teacher's training."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from distill.adversarial import DiscriminatorStep, LeastSquares, Wasserstein
from distill.losses import attribute_loss, feature_l1, pixel_l1
from distill.recipes import GeneratorStep, PathLengths, Pix2Pix, StarGan, StuStarGan
from distill.tasks import Batch
from search_spaces import Discriminator, Generator, get_family
from tests.distill.recipes.steps import detached
from tests.search_spaces.teachers import TEACHERS

ATTRIBUTES, SIDE = 3, 16


@pytest.fixture
def networks() -> tuple[Generator, Discriminator, Discriminator]:
    """A student, its discriminator, and its teacher's."""
    torch.manual_seed(0)
    family, architecture = get_family("stargan"), TEACHERS["stargan"]
    judge = family.default_discriminator(architecture)
    student, own, teacher = (
        family.build(architecture),
        family.build_discriminator(judge),
        family.build_discriminator(judge),
    )
    return student, own, teacher.requires_grad_(False)


def batch() -> Batch:
    rng = torch.Generator().manual_seed(1)
    image, taught = (torch.randn(4, 1, SIDE, SIDE, generator=rng).tanh() for _ in range(2))
    own, wanted = (
        F.one_hot(torch.randint(ATTRIBUTES, (4,), generator=rng), ATTRIBUTES).float() for _ in range(2)
    )
    return Batch((image, wanted), image, attributes=own, exclusive=True, teacher=taught)


def generator_step(
    networks: tuple[Generator, Discriminator, Discriminator], kd_weight: float
) -> GeneratorStep:
    student, own, teacher = networks
    here = batch()
    fake = student(*here.inputs)
    return GeneratorStep(here, fake, own(fake), student, teacher, kd_weight, discriminator=own)


def test_pix2pix_adds_a_hundred_times_the_l1_to_the_ground_truth() -> None:
    fake, target = torch.zeros(2, 3, 8, 8, requires_grad=True), torch.full((2, 3, 8, 8), 0.5)
    step = GeneratorStep(
        Batch((), target, target=target), fake, torch.zeros(2, 1, 3, 3), Generator(), None, 0.0
    )
    terms = Pix2Pix(LeastSquares(), PathLengths(0.0)).generator_terms(step)
    assert float(terms["g_pixel"].detach()) == pytest.approx(50.0)
    assert terms.keys() == {"g_adversarial", "g_pixel"}


def test_a_star_gan_learns_attributes_and_the_way_back(
    networks: tuple[Generator, Discriminator, Discriminator],
) -> None:
    student, own, _ = networks
    step = generator_step(networks, 0.0)
    recipe = StarGan(Wasserstein(), PathLengths(0.0))
    terms = detached(recipe.generator_terms(step))
    image, wanted = step.batch.inputs
    assert step.batch.attributes is not None
    logits = own.classify(step.fake)
    assert logits is not None
    back = student(step.fake, step.batch.attributes)
    assert terms.keys() == {"g_adversarial", "g_attributes", "g_cycle"}
    expected = float(attribute_loss(logits, wanted, exclusive=True).detach())
    assert float(terms["g_attributes"]) == pytest.approx(expected)
    assert float(terms["g_cycle"]) == pytest.approx(10 * float(pixel_l1(back, image).detach()), rel=1e-5)
    judged = detached(recipe.discriminator_terms(DiscriminatorStep(own, step.batch, step.fake.detach(), 0)))
    assert judged.keys() == {"d_adversarial", "d_penalty", "d_attributes"}
    known = own.classify(image)
    assert known is not None
    expected = float(attribute_loss(known, step.batch.attributes, exclusive=True).detach())
    assert float(judged["d_attributes"]) == pytest.approx(expected)


def test_a_stu_star_gan_is_a_star_gan_with_its_teachers_terms(
    networks: tuple[Generator, Discriminator, Discriminator],
) -> None:
    _, _, teacher = networks
    step, alone = generator_step(networks, 0.5), generator_step(networks, 0.0)
    recipe, star = StuStarGan(), StarGan(Wasserstein(), PathLengths(0.0))
    terms, plain = detached(recipe.generator_terms(step)), detached(recipe.generator_terms(alone))
    assert terms.keys() - plain.keys() == {"g_low", "g_high"}
    assert plain.keys() - star.generator_terms(alone).keys() == {"g_content"}
    assert step.batch.teacher is not None
    low = pixel_l1(step.fake, step.batch.teacher)
    high = feature_l1(teacher.features(step.fake), teacher.features(step.batch.teacher))
    assert float(terms["g_low"]) == pytest.approx(0.5 * 10 * float(low.detach()), rel=1e-5)
    assert float(terms["g_high"]) == pytest.approx(0.5 * float(high.detach()), rel=1e-5)


def test_a_students_discriminator_learns_its_teachers_attributes_and_features(
    networks: tuple[Generator, Discriminator, Discriminator],
) -> None:
    _, own, teacher = networks
    here = DiscriminatorStep(own, batch(), batch().inputs[0].flip(3), 0, teacher)
    without = StuStarGan().discriminator_terms(replace(here, teacher_discriminator=None))
    terms = StuStarGan().discriminator_terms(here)
    assert terms.keys() - without.keys() == {"d_teacher"}
    same = replace(here, teacher_discriminator=own)
    learned = float(StuStarGan().discriminator_terms(same)["d_teacher"].detach())
    assert learned < float(terms["d_teacher"].detach()), "nothing but the entropy of its attributes is left"
    torch.autograd.backward(terms["d_teacher"])
    assert all(p.grad is None for p in teacher.parameters())
    assert any(p.grad is not None for p in own.parameters())
