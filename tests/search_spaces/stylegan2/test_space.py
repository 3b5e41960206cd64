"""What the StyleGAN2 space searches, and what its students keep of the teacher."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import WITHIN_BUDGET, PartlyFixedSuggest, RandomSuggest
from search_spaces.stylegan2 import Block, GeneratorArchitecture, StyleGAN2Space
from tests.search_spaces.budgets import in_full, of_teacher, students
from tests.search_spaces.stylegan2.teachers import stylegan2, teachers

BIG = StyleGAN2Space(stylegan2(256, 16384))
SEEDS = st.integers(0, 10**9)


def widths(architecture: GeneratorArchitecture) -> list[int]:
    return [block.channels for block in architecture.blocks]


def at_an_end_of_its_scale(student: GeneratorArchitecture) -> bool:
    """All widths are the teacher's, or some are so small that a step of the grid is a leap."""
    return widths(student) == widths(BIG.teacher) or min(widths(student)) < 20


@settings(max_examples=200)
@given(teachers(), SEEDS, st.floats(0.01, 1.5))
def test_no_student_exceeds_its_teacher_in_anything(
    teacher: GeneratorArchitecture, seed: int, fraction: float
) -> None:
    for student in students(StyleGAN2Space(teacher), seed, fraction):
        assert student.resolution == teacher.resolution
        assert student.image_channels == teacher.image_channels
        assert student.latent_dim == teacher.latent_dim
        assert student.style_dim <= teacher.style_dim
        assert student.mapping_layers <= teacher.mapping_layers
        for mine, theirs in zip(student.blocks, teacher.blocks, strict=True):
            assert mine.channels <= theirs.channels
            assert mine.convs <= theirs.convs
            assert mine.kernel <= theirs.kernel
            assert mine.kernel == 1 or mine.kind == "separable" or theirs.kind == "full"


@pytest.mark.parametrize("fraction", [0.8, 0.5, 0.2, 0.05])
def test_the_uniform_choices_narrow_every_resolution_alike_and_nothing_else(fraction: float) -> None:
    student = BIG.sample(in_full(BIG.uniform()), of_teacher(BIG, fraction))
    widths = zip(student.blocks, BIG.teacher.blocks, strict=True)
    ratios = [mine.channels / theirs.channels for mine, theirs in widths]
    assert max(ratios) - min(ratios) <= 1 / 16  # the grid
    same_widths = (
        replace(b, channels=t.channels) for b, t in zip(student.blocks, BIG.teacher.blocks, strict=True)
    )
    assert replace(student, blocks=tuple(same_widths)) == BIG.teacher
    assert 0.9 < BIG.macs(student) / (fraction * BIG.macs(BIG.teacher)) <= 1


@settings(max_examples=150)
@given(SEEDS, st.floats(0.02, 0.9), st.floats(WITHIN_BUDGET.low, 1.0))
def test_the_target_utilisation_is_reached_where_it_can_be(seed: int, limit: float, fraction: float) -> None:
    utilisation = of_teacher(BIG, limit)
    student = BIG.sample(PartlyFixedSuggest(RandomSuggest(seed), {"budget_fraction": fraction}), utilisation)
    assert utilisation(student) <= fraction or widths(student) == widths(BIG.smallest())
    assert utilisation(student) >= 0.75 * fraction or at_an_end_of_its_scale(student)


def test_one_pixel_kernels_are_never_called_separable() -> None:
    space = StyleGAN2Space(stylegan2(32, 1024, 64))
    found = students(space, 0, 0.3, 100)
    kernels = [block for student in found for block in student.blocks if block.kernel == 1]
    assert kernels
    assert all(block.kind == "full" for block in kernels)


def test_teachers_of_few_channels_have_students_too() -> None:
    space = StyleGAN2Space(GeneratorArchitecture((Block(2, convs=1), Block(2), Block(2)), 1, 1, 1, 1))
    assert space.macs(space.smallest()) < space.macs(space.teacher)
    assert [block.channels for block in space.smallest().blocks] == [2, 2, 2]
