"""What the U-Net space searches, and what its students keep of the teacher."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import RandomSuggest
from search_spaces.unet_translator import GeneratorArchitecture, UnetTranslatorSpace
from tests.search_spaces.budgets import in_full, of_smallest, of_teacher, students
from tests.search_spaces.unet_translator.teachers import published, teachers

BIG = UnetTranslatorSpace(published(256))
SEEDS = st.integers(0, 10**9)


@settings(max_examples=150, deadline=None)
@given(teachers(), SEEDS, st.floats(0.01, 1.5))
def test_no_student_exceeds_its_teacher_in_anything(
    teacher: GeneratorArchitecture, seed: int, fraction: float
) -> None:
    space = UnetTranslatorSpace(teacher)
    for student in students(space, seed, fraction):
        for name in ("resolution", "input_channels", "image_channels", "norm", "dropout"):
            assert getattr(student, name) == getattr(teacher, name)
        for mine, theirs in zip(student.levels, teacher.levels, strict=True):
            assert mine.channels <= theirs.channels
            assert theirs.kind == "dense" or mine.kind == "separable"
        assert space.macs(space.smallest()) <= space.macs(student) <= space.macs(teacher)
        assert space.params(space.smallest()) <= space.params(student) <= space.params(teacher)


@settings(max_examples=150, deadline=None)
@given(teachers(), SEEDS, st.floats(1.0, 30.0), st.floats(1.0, 30.0))
def test_every_student_fits_every_feasible_budget(
    teacher: GeneratorArchitecture, seed: int, macs: float, params: float
) -> None:
    space = UnetTranslatorSpace(teacher)
    utilisation = of_smallest(space, macs, params)
    assert utilisation(space.sample(RandomSuggest(seed), utilisation)) <= 1


@pytest.mark.parametrize("fraction", [0.8, 0.5, 0.2, 0.05])
def test_the_uniform_choices_narrow_every_level_alike_and_nothing_else(fraction: float) -> None:
    student = BIG.sample(in_full(BIG.uniform()), of_teacher(BIG, fraction))
    pairs = zip(student.levels, BIG.teacher.levels, strict=True)
    ratios = [mine.channels / theirs.channels for mine, theirs in pairs]
    assert max(ratios) - min(ratios) <= 1 / 16  # the grid
    assert {level.kind for level in student.levels} == {"dense"}
    assert 0.8 < BIG.macs(student) / (fraction * BIG.macs(BIG.teacher)) <= 1


def test_the_published_student_is_a_point_of_the_space() -> None:
    widths = [level.channels / 4 for level in BIG.teacher.levels]
    assert BIG.with_widths(BIG.chosen(BIG.uniform()), widths) == published(256, 16)
