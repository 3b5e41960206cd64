"""What students of U-Net translators inherit."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
import torch

from search_spaces import Importance
from search_spaces.unet_translator import GeneratorArchitecture, Level, UnetTranslator
from search_spaces.unet_translator.inherit import inherit

WIDTHS = (8, 12, 16, 16)
TEACHER = GeneratorArchitecture(tuple(Level(width) for width in WIDTHS), 32)


def born(architecture: GeneratorArchitecture, seed: int = 0) -> UnetTranslator:
    torch.manual_seed(seed)
    return UnetTranslator(architecture).eval()


@pytest.fixture(scope="module", params=["instance", "batch"])
def teacher(request: pytest.FixtureRequest) -> UnetTranslator:
    generator = born(replace(TEACHER, norm=request.param))
    with torch.no_grad():
        generator.up[0].conv.weight *= 3  # of images that are not grey
    generator.calibrate([generator.example_inputs(16, 3)])
    return generator


@torch.no_grad()
def distance(teacher: UnetTranslator, student: UnetTranslator) -> float:
    """Mean squared difference of images, in units of the teacher's variance."""
    inputs = teacher.example_inputs(16, 7)
    theirs, ours = teacher(*inputs), student.eval()(*inputs)
    return float((theirs - ours).square().mean() / theirs.var())


def test_a_student_of_the_same_shape_is_the_teacher_to_the_bit(teacher: UnetTranslator) -> None:
    student = born(teacher.architecture, 3)
    inherit(teacher, student)
    assert distance(teacher, student) == 0


@pytest.mark.parametrize("importance", get_args(Importance))
@pytest.mark.parametrize(
    ("levels", "most"),
    [
        ((Level(8), Level(12), Level(16, "separable"), Level(16, "separable")), 0.8),
        ((Level(8), Level(12), Level(12), Level(12)), 0.8),
        ((Level(7), Level(12), Level(16), Level(16)), 0.8),
    ],
    ids=["separable", "narrower inside", "narrower outside"],
)
def test_a_student_starts_nearer_to_its_teacher_than_a_random_one(
    teacher: UnetTranslator, importance: Importance, levels: tuple[Level, ...], most: float
) -> None:
    architecture = replace(teacher.architecture, levels=levels)
    student, random = born(architecture, 3), born(architecture, 3)
    inherit(teacher, student, importance)
    random.calibrate([teacher.example_inputs(16, 3)])
    assert distance(teacher, student) < most * distance(teacher, random)


@torch.no_grad()
def test_separable_students_of_a_separable_teacher_keep_its_kernels() -> None:
    levels = tuple(Level(width, "separable" if i else "dense") for i, width in enumerate(WIDTHS))
    generator = born(replace(TEACHER, levels=levels))
    narrow = (*levels[:3], Level(12, "separable"))
    student = born(replace(TEACHER, levels=narrow), 3)
    inherit(generator, student)
    assert torch.equal(student.down[2].conv.depthwise.weight, generator.down[2].conv.depthwise.weight)
    assert student.up[3].conv.pointwise.weight.shape == (16, 12, 1, 1)
    theirs = generator.up[3].conv.pointwise.weight.flatten(1).T.tolist()
    assert all(column in theirs for column in student.up[3].conv.pointwise.weight.flatten(1).T.tolist())


@torch.no_grad()
@pytest.mark.parametrize("importance", get_args(Importance))
def test_the_channels_that_are_kept_are_those_that_matter(importance: Importance) -> None:
    generator = born(TEACHER)
    generator.up[0].conv.weight[5] = 0  # nothing reads channel 5 of the first level
    generator.down[1].conv.weight[:, 5] = 0
    generator.up[0].conv.weight[8 + 2] = 0  # nor channel 2 of the transposed convolution inside
    generator.up[1].norm.bias.copy_(torch.arange(8.0))
    generator.calibrate([generator.example_inputs(16, 3)])
    student = born(replace(TEACHER, levels=(Level(7), *TEACHER.levels[1:])), 3)
    inherit(generator, student, importance)
    kept = [i for i in range(8) if i != 5]
    assert torch.equal(student.down[0].conv.weight, generator.down[0].conv.weight[kept])
    assert student.up[1].norm.bias.tolist() == [float(i) for i in range(8) if i != 2]
