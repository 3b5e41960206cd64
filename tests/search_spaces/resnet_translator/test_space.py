"""What the ResNet space searches, and what its students keep of the teacher."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import RandomSuggest
from search_spaces.resnet_translator import Block, GeneratorArchitecture, ResnetTranslatorSpace
from search_spaces.resnet_translator.space import group_of, kernels
from tests.search_spaces.budgets import in_full, of_smallest, of_teacher, students
from tests.search_spaces.resnet_translator.teachers import published, teachers

BIG = ResnetTranslatorSpace(published(256))
SEEDS = st.integers(0, 10**9)


@settings(max_examples=150, deadline=None)
@given(teachers(), SEEDS, st.floats(0.01, 1.5))
def test_no_student_exceeds_its_teacher_in_anything(
    teacher: GeneratorArchitecture, seed: int, fraction: float
) -> None:
    space = ResnetTranslatorSpace(teacher)
    for student in students(space, seed, fraction):
        for name in ("resolution", "input_channels", "image_channels", "norm", "padding"):
            assert getattr(student, name) == getattr(teacher, name)
        widths = zip(
            (student.stem, *student.down, *student.up),
            (teacher.stem, *teacher.down, *teacher.up),
            strict=True,
        )
        assert all(mine <= theirs for mine, theirs in widths)
        count = len(student.blocks)
        assert min(1, len(teacher.blocks)) <= count <= len(teacher.blocks)
        for i, block in enumerate(student.blocks):
            source = teacher.blocks[space.source(i, count)]
            assert block.channels <= source.channels
            assert source.kind == "dense" or block.kind == "separable"
        assert space.macs(space.smallest()) <= space.macs(student) <= space.macs(teacher)
        assert space.params(space.smallest()) <= space.params(student) <= space.params(teacher)


@settings(max_examples=150, deadline=None)
@given(teachers(), SEEDS, st.floats(1.0, 30.0), st.floats(1.0, 30.0))
def test_every_student_fits_every_feasible_budget(
    teacher: GeneratorArchitecture, seed: int, macs: float, params: float
) -> None:
    space = ResnetTranslatorSpace(teacher)
    utilisation = of_smallest(space, macs, params)
    assert utilisation(space.sample(RandomSuggest(seed), utilisation)) <= 1


@pytest.mark.parametrize("fraction", [0.8, 0.5, 0.2, 0.05])
def test_the_uniform_choices_narrow_every_layer_alike_and_nothing_else(fraction: float) -> None:
    student = BIG.sample(in_full(BIG.uniform()), of_teacher(BIG, fraction))
    t = BIG.teacher
    ratios = [student.stem / t.stem, student.blocks[0].channels / 256, student.up[0] / t.up[0]]
    ratios += [mine / theirs for mine, theirs in zip(student.down, t.down, strict=True)]
    assert max(ratios) - min(ratios) <= 1 / 8  # the grid has a step of 4 channels of 64
    assert len(set(student.blocks)) == 1
    assert len(student.blocks) == 9
    assert 0.75 < BIG.macs(student) / (fraction * BIG.macs(t)) <= 1


def test_gan_compressions_student_and_the_mobile_networks_are_points_of_the_space() -> None:
    choices = BIG.uniform() | {f"kind_{i}": "separable" for i in range(1, 10)}
    assert BIG.chosen(choices) == published(256, 64, "separable")
    compressed = GeneratorArchitecture(
        16, (32, 128), (Block(64, "separable"),) * 3 + (Block(128, "separable"),) * 6, (32, 16)
    )
    widths = [16, 32, 128, 64, 128, 128, 32, 16]
    assert BIG.with_widths(BIG.chosen(choices), widths) == compressed
    mobile = BIG.with_widths(BIG.chosen(choices), [16, 32, 64, 64, 64, 64, 32, 16])
    assert mobile == published(256, 16, "separable")


def test_a_generator_without_blocks_has_a_space_too() -> None:
    space = ResnetTranslatorSpace(GeneratorArchitecture(64, (128, 256), (), (128, 64), padding="zeros"))
    assert set(space.uniform()) == {
        *("width_stem", "width_down_1", "width_down_2", "width_up_1", "width_up_2"),
        *("stem_kernel", "image_kernel"),
    }
    assert space.smallest().blocks == ()


def test_fewer_blocks_are_spread_evenly_and_keep_their_groups_in_thirds() -> None:
    assert [BIG.source(i, 9) for i in range(9)] == list(range(9))
    assert [BIG.source(i, 3) for i in range(3)] == [0, 4, 8]
    assert [group_of(i, 9) for i in range(9)] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert [group_of(i, 2) for i in range(2)] == [1, 2]


def test_kernels_shrink_to_three() -> None:
    assert [kernels(k) for k in (1, 3, 5, 7)] == [(1,), (3,), (5, 3), (7, 5, 3)]
