"""What the BigGAN space searches, and what its students keep of the teacher."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import WITHIN_BUDGET, PartlyFixedSuggest, RandomSuggest
from search_spaces.biggan import BigGANSpace, GeneratorArchitecture
from tests.search_spaces.biggan.teachers import published, teachers
from tests.search_spaces.budgets import in_full, of_teacher, students

BIG = BigGANSpace(published(128))
SEEDS = st.integers(0, 10**9)


@settings(max_examples=200)
@given(teachers(), SEEDS, st.floats(0.01, 1.5))
def test_no_student_exceeds_its_teacher_in_anything(
    teacher: GeneratorArchitecture, seed: int, fraction: float
) -> None:
    for student in students(BigGANSpace(teacher), seed, fraction):
        assert student.sides == teacher.sides
        assert student.image_channels == teacher.image_channels
        assert student.latent_dim == teacher.latent_dim
        assert student.classes == teacher.classes
        assert student.shared_dim <= teacher.shared_dim
        assert bool(student.shared_dim) == bool(teacher.shared_dim)
        assert max(student.attention, default=0) <= max(teacher.attention, default=0)
        assert all(mine <= theirs for mine, theirs in zip(student.channels, teacher.channels, strict=True))


@pytest.mark.parametrize("fraction", [0.8, 0.5, 0.2, 0.05])
def test_the_uniform_choices_narrow_every_resolution_alike_and_nothing_else(fraction: float) -> None:
    student = BIG.sample(in_full(BIG.uniform()), of_teacher(BIG, fraction))
    ratios = [mine / theirs for mine, theirs in zip(student.channels, BIG.teacher.channels, strict=True)]
    assert max(ratios) - min(ratios) <= 1 / 16  # the grid
    for name in ("chunks", "classes", "shared_dim", "attention"):
        assert getattr(student, name) == getattr(BIG.teacher, name)
    assert 0.85 < BIG.macs(student) / (fraction * BIG.macs(BIG.teacher)) <= 1


@settings(max_examples=100)
@given(SEEDS, st.floats(0.05, 0.9), st.floats(WITHIN_BUDGET.low, 1.0))
def test_the_target_utilisation_is_reached_where_it_can_be(seed: int, limit: float, fraction: float) -> None:
    utilisation = of_teacher(BIG, limit)
    student = BIG.sample(PartlyFixedSuggest(RandomSuggest(seed), {"budget_fraction": fraction}), utilisation)
    assert utilisation(student) <= fraction
    assert utilisation(student) >= 0.6 * fraction or student.channels == BIG.teacher.channels


@given(teachers(), SEEDS, st.floats(0.05, 1.0))
def test_widths_before_attention_stay_multiples_of_eight(
    teacher: GeneratorArchitecture, seed: int, fraction: float
) -> None:
    space = BigGANSpace(teacher)
    student = space.sample(RandomSuggest(seed), of_teacher(space, fraction))
    widths = zip(student.sides, student.channels, strict=True)
    assert all(width % 8 == 0 for side, width in widths if side in student.attention)


def test_attention_is_searched_at_the_teachers_side_at_coarser_ones_and_nowhere() -> None:
    utilisation = of_teacher(BIG, 0.5)
    seen = {BIG.sample(RandomSuggest(seed), utilisation).attention for seed in range(60)}
    assert seen == {(), (8,), (16,), (32,), (64,)}
    bare = BigGANSpace(published(32))
    assert {bare.sample(RandomSuggest(seed), lambda _: 0.5).attention for seed in range(20)} == {()}


def test_a_start_that_gets_all_of_z_leaves_its_dimensions_as_they_are() -> None:
    flat = BIG.sample(in_full(BIG.uniform() | {"latent": "flat"}), of_teacher(BIG, 0.5))
    assert flat.chunks == (120, 0, 0, 0, 0, 0)
