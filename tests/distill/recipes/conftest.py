"""A tiny teacher, and a step that its recipe is to teach."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from distill.recipes import GeneratorStep
from distill.tasks import Batch
from distill.teachers import Teacher, load_teacher
from search_spaces import Discriminator, Generator
from tests.distill.recipes.steps import Step


@pytest.fixture
def teacher(teacher_file: Path) -> Teacher:
    return load_teacher(teacher_file)


@pytest.fixture
def discriminator(teacher: Teacher) -> Discriminator:
    assert teacher.discriminator is not None
    return teacher.discriminator


@pytest.fixture
def step(discriminator: Discriminator) -> Step:
    """A generator step at a given weight of the teacher, with fresh images that want gradients."""
    torch.manual_seed(0)
    taught, fake = torch.randn(4, 1, 16, 16), torch.randn(4, 1, 16, 16)

    def make(kd_weight: float) -> GeneratorStep:
        images = fake.clone().requires_grad_(True)
        return GeneratorStep(
            Batch((), teacher=taught),
            images,
            discriminator(images),
            Generator(),
            discriminator,
            kd_weight,
            real_logits=discriminator(taught).detach(),
        )

    return make
