"""A student starts as near to its teacher as its shapes allow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from search_spaces import Importance, input_batches
from search_spaces.biggan import BigGANGenerator, GeneratorArchitecture
from search_spaces.biggan.inherit import inherit

TEACHER = GeneratorArchitecture(
    (24, 24, 16), (4, 3, 3), classes=4, shared_dim=8, attention=(16,), image_channels=3
)


@pytest.fixture(scope="module")
def teacher() -> BigGANGenerator:
    torch.manual_seed(0)
    generator = BigGANGenerator(TEACHER)
    with torch.no_grad():
        for block in generator.blocks:
            block.norm1.gain.weight *= torch.rand(len(block.norm1.gain.weight), 1)
        generator.blocks[1].attention.gamma.fill_(0.5)
    generator.calibrate(input_batches(generator.input_specs, 64, torch.Generator().manual_seed(1)))
    return generator.eval()


def inputs(count: int = 64) -> tuple[Tensor, ...]:
    return BigGANGenerator(TEACHER).example_inputs(count, 2)


@torch.no_grad()
def distance(teacher: BigGANGenerator, student: BigGANGenerator) -> float:
    """Mean squared difference of images, in units of the teacher's variance."""
    theirs, ours = teacher(*inputs()), student.eval()(*inputs())
    return float((theirs - ours).square().mean() / theirs.var())


def born(architecture: GeneratorArchitecture, seed: int = 3) -> BigGANGenerator:
    torch.manual_seed(seed)
    return BigGANGenerator(architecture)


def started(teacher: BigGANGenerator, **changes: Any) -> tuple[BigGANGenerator, float, float]:
    """An inherited of the teacher but for `changes`, its distance, and that of a calibrated random start."""
    architecture = replace(TEACHER, **changes)
    student, random = born(architecture), born(architecture)
    inherit(teacher, student)
    random.calibrate(input_batches(random.input_specs, 64, torch.Generator().manual_seed(1)))
    return student, distance(teacher, student), distance(teacher, random)


def test_a_student_of_the_same_shape_is_the_teacher_to_the_bit(teacher: BigGANGenerator) -> None:
    student = born(TEACHER)
    inherit(teacher, student)
    state = teacher.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in student.state_dict().items())


@pytest.mark.parametrize("channels", [(20, 24, 16), (24, 20, 16), (20, 20, 16), (24, 24, 8)])
def test_a_narrower_student_starts_nearer_to_its_teacher_than_a_random_one(
    teacher: BigGANGenerator, channels: tuple[int, ...]
) -> None:
    _, inherited, random = started(teacher, channels=channels)
    assert inherited < 0.8 * random


def test_a_wide_student_is_nearer_than_a_narrow_one(teacher: BigGANGenerator) -> None:
    _, wide, _ = started(teacher, channels=(23, 24, 16))
    _, narrow, _ = started(teacher, channels=(8, 8, 8))
    assert wide < narrow


def test_a_class_embedding_that_classes_still_fit_into_changes_little(teacher: BigGANGenerator) -> None:
    student, inherited, random = started(teacher, shared_dim=4)
    assert student.embed is not None
    assert student.embed.weight.shape == (4, 4)
    assert inherited < 0.1 * random
    embedded = (teacher.embed.weight @ teacher.embed.weight.T, student.embed.weight @ student.embed.weight.T)
    assert torch.allclose(*embedded, atol=1e-5)  # classes are as alike as they were


def test_a_start_that_gets_all_of_z_begins_with_what_the_teachers_start_looks_at(
    teacher: BigGANGenerator,
) -> None:
    student, inherited, random = started(teacher, chunks=(10, 0, 0))
    assert torch.equal(student.linear.weight[:, :4], teacher.linear.weight)
    assert not student.linear.weight[:, 4:].any()
    assert inherited < 0.8 * random


def test_without_attention_the_rest_is_inherited_all_the_same(teacher: BigGANGenerator) -> None:
    student, inherited, random = started(teacher, attention=())
    assert torch.equal(student.blocks[1].conv2.weight, teacher.blocks[1].conv2.weight)
    assert inherited < 0.8 * random


def test_attention_that_the_teacher_has_elsewhere_begins_as_the_identity(teacher: BigGANGenerator) -> None:
    student, _, _ = started(teacher, attention=(8,))
    assert student.blocks[0].attention.gamma == 0


@pytest.mark.parametrize("importance", get_args(Importance))
def test_the_channels_that_are_kept_are_those_that_matter(importance: Importance) -> None:
    generator = born(TEACHER)
    with torch.no_grad():  # channel 5 of the first block's end is of no use to anyone
        generator.blocks[1].conv1.weight[:, 5] = 0
        generator.blocks[1].shortcut.weight[:, 5] = 0
        generator.blocks[0].conv2.bias.copy_(torch.arange(24.0))
    student = born(replace(TEACHER, channels=(24, 23, 16)))
    inherit(generator, student, importance)
    assert student.blocks[0].conv2.bias.tolist() == [float(i) for i in range(24) if i != 5]


def test_every_singular_vector_is_the_one_of_the_weight_that_was_kept(teacher: BigGANGenerator) -> None:
    student, _, _ = started(teacher, channels=(12, 12, 8), shared_dim=4)
    layers = [m for m in student.modules() if hasattr(m, "u0")]
    assert len(layers) > 15
    for layer in layers:
        largest = torch.linalg.matrix_norm(layer.normalized_weight().flatten(1), ord=2)
        assert 0.99 < float(largest) < 1.1


def test_classes_embedded_in_every_block_are_inherited_too() -> None:
    own = replace(TEACHER, shared_dim=0, chunks=(10, 0, 0))
    generator, student = born(own), born(replace(own, channels=(20, 24, 16)), seed=4)
    inherit(generator, student)
    kept = student.blocks[0].norm1.gain.weight
    assert kept.shape == (4, 20)
    columns = generator.blocks[0].norm1.gain.weight.T.tolist()
    assert all(column in columns for column in kept.T.tolist())
