"""A student starts where its teacher stands, as far as its shape allows."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch import Tensor

from distill.teachers import load_teacher
from search_spaces import Importance
from search_spaces.stylegan2 import Block, GeneratorArchitecture, StyleGAN2Generator, StyleGAN2Space
from search_spaces.stylegan2.inherit import inherit

SHAPE = GeneratorArchitecture((Block(12, convs=1), Block(10), Block(8)), 1, 6, 6, 2)


def network(architecture: GeneratorArchitecture, seed: int = 0) -> StyleGAN2Generator:
    torch.manual_seed(seed)
    generator = StyleGAN2Generator(architecture).eval()
    for block in generator.blocks:
        for conv in block.convs:
            torch.nn.init.normal_(conv.noise_strength)
    return generator


@torch.no_grad()
def images(generator: StyleGAN2Generator, count: int = 64) -> Tensor:
    (z,) = generator.example_inputs(count, 3)
    return generator(z, noise="none")


def with_blocks(architecture: GeneratorArchitecture, **changes: object) -> GeneratorArchitecture:
    changed = (replace(b, **changes) for b in architecture.blocks[1:])
    return replace(architecture, blocks=(architecture.blocks[0], *changed))


@pytest.mark.parametrize(
    "shape",
    [
        SHAPE,
        with_blocks(SHAPE, convs=1),
        with_blocks(SHAPE, kind="separable"),
        with_blocks(SHAPE, kernel=1),
        with_blocks(SHAPE, kind="separable", kernel=5),
    ],
    ids=str,
)
def test_a_student_of_the_teachers_shape_is_the_teacher(shape: GeneratorArchitecture) -> None:
    teacher, student = network(shape), network(shape, seed=1)
    inherit(teacher, student)
    (z,) = teacher.example_inputs(4)
    assert torch.equal(student(z, noise="const"), teacher(z, noise="const"))
    assert torch.equal(student(z, psi=0.5, noise="const"), teacher(z, psi=0.5, noise="const"))


@torch.no_grad()
@pytest.mark.parametrize("importance", get_args(Importance))
def test_channels_that_nothing_uses_are_the_ones_left_out(importance: Importance) -> None:
    teacher, student = network(SHAPE), network(replace(SHAPE, blocks=(Block(8, 1), Block(6), Block(4))), 1)
    for i, kept in enumerate((8, 6, 4)):
        block = teacher.blocks[i]
        idle = torch.randperm(len(block.to_rgb.weight[0]))[kept:]  # at random places, not at the end
        consumers = [block.to_rgb] + [c.conv for c in block.convs[1:]]
        consumers += [teacher.blocks[i + 1].convs[0].conv] if i < 2 else []
        consumers += [block.convs[0].conv] if i == 0 else []
        for layer in consumers:
            layer.weight[:, idle] = 0
    inherit(teacher, student, importance)
    assert torch.allclose(images(student), images(teacher), atol=1e-4)


@torch.no_grad()
def test_a_kernel_of_rank_one_is_the_same_function_when_separated() -> None:
    teacher = network(SHAPE)
    for block in teacher.blocks[1:]:
        for conv in block.convs:
            spatial = torch.randn(len(conv.conv.weight), 1, 3, 3)
            conv.conv.weight.copy_(conv.conv.weight[:, :, :1, :1] * spatial)
    student = network(with_blocks(SHAPE, kind="separable"), seed=1)
    inherit(teacher, student)
    assert torch.allclose(images(student), images(teacher), atol=1e-4)


@torch.no_grad()
def test_a_separable_teachers_full_student_is_the_same_function() -> None:
    teacher, student = network(with_blocks(SHAPE, kind="separable")), network(SHAPE, seed=1)
    inherit(teacher, student)
    assert torch.allclose(images(student), images(teacher), atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize(("large", "small"), [(3, 1), (5, 3), (5, 1)])
def test_a_smaller_kernel_does_the_same_where_the_large_one_had_nothing_around_it(
    large: int, small: int
) -> None:
    teacher = network(with_blocks(SHAPE, kernel=large))
    edge = (large - small) // 2
    for block in teacher.blocks[1:]:
        for conv in block.convs:
            inner = conv.conv.weight[:, :, edge : large - edge, edge : large - edge].clone()
            conv.conv.weight.zero_()[:, :, edge : large - edge, edge : large - edge] = inner
    student = network(with_blocks(SHAPE, kernel=small), seed=1)
    inherit(teacher, student)
    assert torch.allclose(images(student), images(teacher), atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("changes", [{"mapping_layers": 2}, {"mapping_layers": 1}, {"style_dim": 32}])
def test_a_smaller_mapping_network_learns_the_teachers_styles(changes: dict[str, int]) -> None:
    teacher = load_teacher().generator
    assert isinstance(teacher, StyleGAN2Generator)
    student = network(replace(teacher.architecture, **changes))
    inherit(teacher, student)
    assert correlation(images(student), images(teacher)) > 0.3
    middle, known = (g.synthesize(g.w_avg[None], noise="none") for g in (student, teacher))
    assert (middle - known).abs().mean() < 0.5 * known.std(), "truncation has its centre at the teacher's"
    assert all(p.grad is None and p.requires_grad for p in student.parameters())


@pytest.mark.parametrize("width", [0.75, 0.5])
def test_a_student_that_inherits_is_nearer_to_a_trained_teacher_than_a_random_one(width: float) -> None:
    teacher = load_teacher().generator
    assert isinstance(teacher, StyleGAN2Generator)
    space = StyleGAN2Space(teacher.architecture)
    narrow = tuple(replace(b, channels=int(b.channels * width)) for b in teacher.architecture.blocks)
    goal = images(teacher)
    for seed in range(3):
        student = network(replace(teacher.architecture, blocks=narrow), seed)
        at_random = images(student)
        space.inherit(teacher, student)
        assert (images(student) - goal).abs().mean() < 0.8 * (at_random - goal).abs().mean()
        assert correlation(images(student), goal) > correlation(at_random, goal) + 0.1


def correlation(one: Tensor, other: Tensor) -> float:
    """Between the differences of images from their mean: do the same latents give the same kind of image?"""
    pair = [(each - each.mean(dim=0)).flatten() for each in (one, other)]
    return float(torch.corrcoef(torch.stack(pair))[0, 1])
