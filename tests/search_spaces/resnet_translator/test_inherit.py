"""What students of ResNet translators inherit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from search_spaces import Importance
from search_spaces.resnet_translator import Block, GeneratorArchitecture, ResnetTranslator
from search_spaces.resnet_translator.importance import Measured, kept_blocks
from search_spaces.resnet_translator.inherit import inherit

TEACHER = GeneratorArchitecture(12, (16, 24), (Block(24),) * 3, (16, 12), resolution=32)


def born(architecture: GeneratorArchitecture, seed: int = 0) -> ResnetTranslator:
    torch.manual_seed(seed)
    return ResnetTranslator(architecture).eval()


@pytest.fixture(scope="module", params=["instance", "batch"])
def teacher(request: pytest.FixtureRequest) -> ResnetTranslator:
    generator = born(replace(TEACHER, norm=request.param))
    generator.calibrate([generator.example_inputs(16, 3)])
    return generator


@torch.no_grad()
def distance(teacher: ResnetTranslator, student: ResnetTranslator) -> float:
    """Mean squared difference of images, in units of the teacher's variance."""
    inputs = teacher.example_inputs(16, 7)
    theirs, ours = teacher(*inputs), student.eval()(*inputs)
    return float((theirs - ours).square().mean() / theirs.var())


def started(
    teacher: ResnetTranslator, importance: Importance = "magnitude", **changes: Any
) -> tuple[ResnetTranslator, float, float]:
    """A student of the teacher but for `changes`, its distance, and that of a random start."""
    architecture = replace(teacher.architecture, **changes)
    student, random = born(architecture, 3), born(architecture, 3)
    inherit(teacher, student, importance)
    random.calibrate([teacher.example_inputs(16, 3)])
    return student, distance(teacher, student), distance(teacher, random)


SEPARABLE = (Block(24, "separable"),) * 3


def test_a_student_of_the_same_shape_is_the_teacher_to_the_bit(teacher: ResnetTranslator) -> None:
    _, inherited, _ = started(teacher)
    assert inherited == 0


@pytest.mark.parametrize("importance", get_args(Importance))
@pytest.mark.parametrize(
    ("changes", "most"),
    [
        ({"blocks": SEPARABLE}, 0.7),
        ({"blocks": (Block(20),) * 3}, 0.5),
        ({"blocks": (Block(24),) * 2}, 0.6),
        ({"stem": 10, "up": (16, 10)}, 0.8),
        ({"stem_kernel": 5}, 0.9),
    ],
    ids=["separable", "narrower blocks", "fewer blocks", "narrower ends", "smaller kernel"],
)
def test_a_student_starts_nearer_to_its_teacher_than_a_random_one(
    teacher: ResnetTranslator, importance: Importance, changes: dict[str, Any], most: float
) -> None:
    _, inherited, random = started(teacher, importance, **changes)
    assert inherited < most * random


@torch.no_grad()
def test_separable_blocks_of_separable_kernels_change_nothing(teacher: ResnetTranslator) -> None:
    """A dense kernel that is the product of one spatial kernel and channel weights loses little."""
    product = born(teacher.architecture)
    product.load_state_dict(teacher.state_dict())
    for block in product.blocks:
        for conv in (block.conv1.conv, block.conv2.conv):
            conv.weight.copy_(conv.weight.mean(dim=0, keepdim=True) * torch.randn(24, 24, 1, 1))
    product.calibrate([product.example_inputs(16, 3)])
    student = born(replace(teacher.architecture, blocks=SEPARABLE))
    inherit(product, student)
    assert distance(product, student) < 0.1


@torch.no_grad()
@pytest.mark.parametrize("importance", get_args(Importance))
def test_the_channels_that_are_kept_are_those_that_matter(importance: Importance) -> None:
    generator = born(TEACHER)
    generator.up[0].conv.weight[:, 5] = torch.randn(24, 3, 3)
    generator.up[1].conv.weight[5] = 0  # nothing reads channel 5 of the first doubling
    generator.up[0].conv.bias.copy_(torch.arange(16.0))
    student = born(replace(TEACHER, up=(15, 12)), 4)
    inherit(generator, student, importance)
    assert student.up[0].conv.bias.tolist() == [float(i) for i in range(16) if i != 5]


@torch.no_grad()
def test_the_blocks_that_are_kept_are_those_that_change_something() -> None:
    generator = born(replace(TEACHER, norm="batch"))
    generator.blocks[1].norm2.weight.zero_()
    measured = Measured.of(generator)
    assert kept_blocks(generator, (Block(24),) * 2, measured) == [0, 2]


def test_a_block_goes_only_where_it_fits() -> None:
    generator = born(replace(TEACHER, blocks=(Block(24), Block(8), Block(24))))
    with torch.no_grad():
        measured = Measured.of(generator)
    assert kept_blocks(generator, (Block(24), Block(20)), measured) == [0, 2]
    assert kept_blocks(generator, (Block(8), Block(24)), measured)[1] == 2


def test_example_images_of_the_caller_are_used_where_there_are_some() -> None:
    generator = born(TEACHER)
    noise: Tensor = generator.example_inputs(8)[0]
    kept = []
    for examples in ((), (noise[:3],), (torch.rand(8, 3, 32, 32) * 0.1,)):
        generator.examples = examples
        student = born(replace(TEACHER, stem=6), 4)
        inherit(generator, student)
        kept.append(student.stem.conv.conv.weight.clone())
    assert torch.equal(kept[0], kept[1]), "three are too few"
    generator.examples = ()
    with torch.no_grad():
        assert Measured.of(generator).images.shape == (256, 3, 32, 32)
        generator.examples = (noise,)
        assert torch.equal(Measured.of(generator).images, noise)
