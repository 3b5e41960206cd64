"""What the StarGAN space searches, and what its students keep of the teacher."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import WITHIN_BUDGET, PartlyFixedSuggest, RandomSuggest
from search_spaces.stargan import GeneratorArchitecture, StarGANSpace
from search_spaces.stargan.architecture import SIZES
from tests.search_spaces.budgets import in_full, of_smallest, of_teacher, students
from tests.search_spaces.stargan.teachers import published, teachers

SPACE = StarGANSpace(published(128))
SEEDS = st.integers(0, 10**9)


@settings(max_examples=200)
@given(teachers(), SEEDS, st.floats(0.01, 1.5))
def test_no_student_exceeds_its_teacher_in_anything(
    teacher: GeneratorArchitecture, seed: int, fraction: float
) -> None:
    space = StarGANSpace(teacher)
    for student in students(space, seed, fraction):
        widths = zip((*student.encoder, *student.decoder), space.widths(), strict=True)
        assert all(mine <= theirs for mine, theirs in widths)
        assert len(student.blocks) <= len(teacher.blocks)
        for name in ("attributes", "resolution", "image_channels"):
            assert getattr(student, name) == getattr(teacher, name)
        for name in ("stem_kernel", "down_kernel", "up_kernel", "image_kernel"):
            assert getattr(student, name) <= getattr(teacher, name)
        for cost in (space.macs, space.params):
            assert cost(space.smallest()) <= cost(student) <= cost(teacher)


@pytest.mark.parametrize("fraction", [0.8, 0.5, 0.2, 0.05])
def test_the_uniform_choices_narrow_every_stage_alike_and_nothing_else(fraction: float) -> None:
    student = SPACE.sample(in_full(SPACE.uniform()), of_teacher(SPACE, fraction))
    mine = (*student.encoder, *student.decoder)
    ratios = [width / limit for width, limit in zip(mine, SPACE.widths(), strict=True)]
    assert max(ratios) - min(ratios) <= 1 / 16  # the grid
    narrowed = replace(SPACE.teacher, encoder=student.encoder, decoder=student.decoder)
    assert student == narrowed
    assert 0.8 < SPACE.macs(student) / (fraction * SPACE.macs(SPACE.teacher)) <= 1


@settings(max_examples=100)
@given(SEEDS, st.floats(0.05, 0.9), st.floats(WITHIN_BUDGET.low, 1.0))
def test_the_target_utilisation_is_reached_where_it_can_be(seed: int, limit: float, fraction: float) -> None:
    utilisation = of_teacher(SPACE, limit)
    suggest = PartlyFixedSuggest(RandomSuggest(seed), {"budget_fraction": fraction})
    student = SPACE.sample(suggest, utilisation)
    assert utilisation(student) <= fraction
    widest = (*student.encoder, *student.decoder) == SPACE.widths()
    assert utilisation(student) >= 0.6 * fraction or widest


def test_the_smallest_student_has_one_separable_block_small_kernels_and_no_skip() -> None:
    assert str(SPACE.smallest()) == "rgb3 a5 128px e4-4-8 s d4-4 k3-2-2-3"
    assert SPACE.macs(SPACE.teacher) / SPACE.macs(SPACE.smallest()) > 500


def test_blocks_beyond_their_number_are_left_out() -> None:
    answers = {**SPACE.uniform(), "blocks": 2, "kind_2": "separable", "kind_3": "separable"}
    student = SPACE.sample(in_full(answers), of_teacher(SPACE, 1.0))
    assert student.blocks == ("dense", "separable")


def test_initial_designs_are_separable_blocks_skips_small_kernels_and_few_blocks() -> None:
    utilisation = of_teacher(SPACE, 0.1)
    found = [SPACE.sample(in_full(design), utilisation) for design in SPACE.initial_designs()]
    assert [each.blocks for each in found] == [("separable",) * 6] * 3 + [("dense",) * 2]
    assert [each.skips for each in found] == [(), SIZES, (), ()]
    assert [each.stem_kernel for each in found] == [7, 7, 3, 7]
    assert all(0.09 < SPACE.macs(each) / SPACE.macs(SPACE.teacher) <= 0.1 for each in found)


def test_skips_are_dropped_where_the_budget_has_no_room_for_them() -> None:
    answers = SPACE.uniform() | {f"skip_{size}": True for size in SIZES}
    assert SPACE.sample(in_full(answers), of_teacher(SPACE, 0.3)).skips == SIZES
    assert SPACE.sample(in_full(answers), of_smallest(SPACE, 1.0)).skips == ()


def test_a_teacher_of_one_channel_keeps_its_dense_blocks_which_are_cheaper() -> None:
    teacher = replace(published(32, 4), encoder=(4, 8, 1))
    assert StarGANSpace(teacher).smallest().blocks == ("dense",)
