"""A teacher, its bank and a way to make trainers: a test file may have its own of the same names."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from distill.recipes import (
    Recipe,
    WeightDecay,
)
from distill.teachers import Teacher, TeacherCache, load_teacher, make_teacher_cache
from distill.training import Trainer, TrainingConfig
from search_spaces.stylegan2 import Block, StyleGAN2Generator
from tests.distill.trainings import CONFIG, DATA, LINEAR, Make


@pytest.fixture(scope="module")
def teacher(teacher_file: Path) -> Teacher:
    return load_teacher(teacher_file)


@pytest.fixture(scope="module")
def bank(teacher: Teacher, tmp_path_factory: pytest.TempPathFactory) -> TeacherCache:
    return make_teacher_cache(teacher.generator, teacher.digest, tmp_path_factory.mktemp("bank"), size=16)


@pytest.fixture
def make(teacher: Teacher, bank: TeacherCache) -> Make:
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
        defaults = {"bank": bank, "teacher_discriminator": copy.deepcopy(teacher.discriminator)}
        critic = copy.deepcopy(teacher.discriminator)
        assert critic is not None
        return Trainer(student, critic, recipe or WeightDecay(LINEAR), DATA, config, **defaults | options)

    return trainer
