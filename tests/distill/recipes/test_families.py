"""Every recipe teaches students of every family, and a training that was stopped goes on to the bit."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from distill.bank import TeacherBank, make_bank
from distill.data import ImageSet
from distill.recipes import RECIPES, Tools, make_adversarial, make_recipe
from distill.schedules import Schedule
from distill.trainer import Trainer, TrainingConfig
from search_spaces import FAMILIES, Discriminator, FixedSuggest, Generator, get_family
from tests.search_spaces.teachers import TEACHERS

BATCH = 4
STEPS = 2


@pytest.fixture(params=sorted(FAMILIES))
def teacher(request: pytest.FixtureRequest) -> tuple[str, Generator, Discriminator]:
    torch.manual_seed(0)
    family, architecture = get_family(request.param), TEACHERS[request.param]
    critic = family.build_discriminator(family.default_discriminator(architecture))
    return family.name, family.build(architecture).eval(), critic


@pytest.fixture
def bank(teacher: tuple[str, Generator, Discriminator], tmp_path: Any) -> TeacherBank:
    return make_bank(teacher[1], "0" * 16, tmp_path, size=8)


def images_for(generator: Generator) -> ImageSet:
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (24, *generator.image_shape), dtype=torch.uint8, generator=rng)
    classes = tuple(map(str, range(generator.classes)))
    labels = torch.arange(24) % generator.classes if classes else None
    return ImageSet("noise", images, "0" * 16, labels=labels, classes=classes)


def trainer_of(recipe: str, teacher: tuple[str, Generator, Discriminator], bank: TeacherBank) -> Trainer:
    family = get_family(teacher[0])
    published = family.training
    tools = Tools(make_adversarial(published.adversarial, 0.3, published.critic_steps), published.path_weight)
    made = make_recipe(recipe, Schedule("constant", start=0.5), tools)
    space = family.space(teacher[1].architecture)
    choices = FixedSuggest({"share": 1.0, **space.uniform()})
    torch.manual_seed(1)
    student = family.build(space.sample(choices, lambda a: 2 * space.macs(a) / space.macs(space.largest())))
    space.inherit(teacher[1], student)
    images = STEPS * max(1, made.critic_steps) * BATCH
    config = TrainingConfig(
        images,
        BATCH,
        generator_lr=published.generator_lr,
        discriminator_lr=published.discriminator_lr,
        betas=published.betas,
        ema_half_life=8,
    )
    critic = copy.deepcopy(teacher[2])
    return Trainer(
        student, critic, made, images_for(student), config, bank=bank, teacher_discriminator=teacher[2]
    )


def weights(network: torch.nn.Module) -> list[Tensor]:
    return [tensor.clone() for tensor in network.state_dict().values()]


def alike(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_student_of_any_family_is_taught_by_any_recipe(
    recipe: str, teacher: tuple[str, Generator, Discriminator], bank: TeacherBank
) -> None:
    trainer = trainer_of(recipe, teacher, bank)
    before = weights(trainer.student)
    trainer.train(trainer.config.images)
    assert trainer.step == STEPS
    assert not alike(weights(trainer.student), before)
    assert all(abs(value) < float("inf") for value in trainer.losses.values())
    images = trainer.ema(*trainer.ema.sample_inputs(3, torch.Generator().manual_seed(0)))
    assert images.shape == (3, *teacher[1].image_shape)
    assert images.isfinite().all()


def test_a_stopped_training_of_any_family_goes_on_to_the_bit(
    teacher: tuple[str, Generator, Discriminator], bank: TeacherBank
) -> None:
    whole = trainer_of("weight-decay", teacher, bank)
    whole.train(whole.config.images)
    stopped = trainer_of("weight-decay", teacher, bank)
    stopped.train(whole.config.images // STEPS)
    resumed = trainer_of("weight-decay", teacher, bank)
    resumed.load_state_dict(copy.deepcopy(stopped.state_dict()))
    resumed.train(whole.config.images)
    for network in ("student", "ema", "discriminator"):
        assert alike(weights(getattr(resumed, network)), weights(getattr(whole, network))), network


def test_averaged_weights_are_left_with_statistics_of_their_own(
    teacher: tuple[str, Generator, Discriminator], bank: TeacherBank
) -> None:
    trainer = trainer_of("weight-decay", teacher, bank)
    trainer.train(trainer.config.images)
    settled = copy.deepcopy(trainer.ema)
    settled.settle(torch.Generator().manual_seed(99))
    near = [
        torch.allclose(a, b, rtol=0.3, atol=0.1)
        for a, b in zip(weights(trainer.ema), weights(settled), strict=True)
        if a.is_floating_point()
    ]
    assert all(near)
