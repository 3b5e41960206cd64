"""A teacher, its cached images and a way to make trainers: a test file may have its own of the same names."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from distill.perceptual import PerceptualDistance, load_perceptual
from distill.recipes import Recipe, WeightDecay
from distill.tasks import NoiseTask
from distill.teachers import Teacher, TeacherCache, load_teacher, make_teacher_cache
from distill.training import Teaching, Trainer, TrainingConfig
from search_spaces import Discriminator
from search_spaces.stylegan2 import Block, StyleGAN2Generator
from tests.distill.trainings import CONFIG, DATA, LINEAR, Make


@pytest.fixture(scope="module")
def teacher(teacher_file: Path) -> Teacher:
    return load_teacher(teacher_file)


@pytest.fixture
def discriminator(teacher: Teacher) -> Discriminator:
    assert teacher.discriminator is not None
    return teacher.discriminator


@pytest.fixture(scope="module")
def cache(teacher: Teacher, tmp_path_factory: pytest.TempPathFactory) -> TeacherCache:
    inputs = NoiseTask(DATA, teacher.generator.input_specs).teacher_inputs(16, seed=0)
    return make_teacher_cache(teacher.generator, teacher.digest, inputs, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def make(teacher: Teacher, cache: TeacherCache) -> Make:
    """A new trainer of the same narrow student, whose noise counts, with the teacher's own discriminator."""

    def trainer(recipe: Recipe | None = None, config: TrainingConfig = CONFIG, **options: Any) -> Trainer:
        torch.manual_seed(1)
        shape = replace(
            teacher.generator.architecture, blocks=(Block(6, 1), Block(6), Block(4, 2, "separable"))
        )
        student = StyleGAN2Generator(shape)
        for block in student.blocks:
            for conv in block.convs:
                nn.init.constant_(conv.noise_strength, 0.5)
        defaults = {"teachings": [Teaching(cache, copy.deepcopy(teacher.discriminator))]}
        discriminator = copy.deepcopy(teacher.discriminator)
        assert discriminator is not None
        task = NoiseTask(DATA, student.input_specs)
        return Trainer(
            student, discriminator, recipe or WeightDecay(LINEAR), task, config, **defaults | options
        )

    return trainer


class Distance(torch.nn.Module):
    """Mean difference of RGB images, but blind to their sign."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (x.abs() - y.abs()).abs().mean(dim=(1, 2, 3))


@pytest.fixture
def distance(tmp_path: Path) -> PerceptualDistance:
    path = tmp_path / "distance.pt"
    torch.jit.script(Distance()).save(str(path))
    found = load_perceptual(str(path))
    assert found is not None
    return found
