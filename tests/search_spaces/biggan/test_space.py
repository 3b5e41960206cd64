"""Whatever is asked of the BigGAN space, the answer fits the budget and stays below the teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import RandomSuggest, Utilisation
from search_spaces.biggan import BigGANSpace, GeneratorArchitecture
from search_spaces.student_space import MIN_BUDGET_FRACTION
from tests.search_spaces.biggan.teachers import published, teachers

BIG = BigGANSpace(published(128))
SEEDS = st.integers(0, 10**9)


class Choices:
    """Answers from a table, as an enqueued trial does."""

    def __init__(self, choices: Mapping[str, Any]) -> None:
        self.choices = choices
        self.asked: list[str] = []

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.asked.append(name)
        assert self.choices[name] in choices
        return self.choices[name]

    def suggest_int(self, name: str, low: int, high: int) -> int:
        self.asked.append(name)
        assert low <= self.choices[name] <= high
        return int(self.choices[name])

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        self.asked.append(name)
        assert low <= self.choices[name] <= high
        return float(self.choices[name])


class Spending(RandomSuggest):
    """Random choices, but a given share."""

    def __init__(self, share: float, seed: int) -> None:
        super().__init__(seed)
        self.share = share

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return self.share if name == "budget_fraction" else super().suggest_float(name, low, high, log=log)


def budget(space: BigGANSpace, macs: float | None = None, params: float | None = None) -> Utilisation:
    """The utilisation under one or two limits, given as multiples of the smallest student's cost."""
    smallest = space.smallest()

    def utilisation(a: GeneratorArchitecture) -> float:
        parts = [space.macs(a) / (macs * space.macs(smallest))] if macs else []
        parts += [space.params(a) / (params * space.params(smallest))] if params else []
        return max(parts)

    return utilisation


def relative(space: BigGANSpace, share: float) -> Utilisation:
    """The utilisation under a limit of MACs, given as a share of the teacher's."""
    return lambda a: space.macs(a) / (share * space.macs(space.teacher))


limits = st.one_of(st.just(1.0), st.floats(1.0, 2.0), st.floats(1.0, 50.0))


@settings(max_examples=200)
@given(teachers(), SEEDS, limits, limits, st.sampled_from(["macs", "params", "both"]))
def test_every_student_fits_every_feasible_budget(
    teacher: GeneratorArchitecture, seed: int, macs: float, params: float, kind: str
) -> None:
    space = BigGANSpace(teacher)
    utilisation = budget(space, macs if kind != "params" else None, params if kind != "macs" else None)
    for i in range(5):
        assert utilisation(space.sample(RandomSuggest(seed + i), utilisation)) <= 1


@settings(max_examples=200)
@given(teachers(), SEEDS, st.floats(0.01, 1.5))
def test_no_student_exceeds_its_teacher_in_anything(
    teacher: GeneratorArchitecture, seed: int, share: float
) -> None:
    space = BigGANSpace(teacher)
    for i in range(5):
        student = space.sample(RandomSuggest(seed + i), relative(space, share))
        assert student.sides == teacher.sides
        assert student.image_channels == teacher.image_channels
        assert student.latent_dim == teacher.latent_dim
        assert student.classes == teacher.classes
        assert student.shared_dim <= teacher.shared_dim
        assert bool(student.shared_dim) == bool(teacher.shared_dim)
        assert max(student.attention, default=0) <= max(teacher.attention, default=0)
        assert all(mine <= theirs for mine, theirs in zip(student.channels, teacher.channels, strict=True))
        assert space.macs(student) <= space.macs(space.largest())
        assert space.params(student) <= space.params(space.largest())


@settings(max_examples=200)
@given(teachers(), SEEDS, st.floats(0.001, 1.0))
def test_the_smallest_student_is_below_every_other(
    teacher: GeneratorArchitecture, seed: int, share: float
) -> None:
    space = BigGANSpace(teacher)
    smallest = space.smallest()
    for i in range(5):
        student = space.sample(RandomSuggest(seed + i), relative(space, share))
        assert space.macs(smallest) <= space.macs(student)
        assert space.params(smallest) <= space.params(student)


@given(teachers(), SEEDS)
def test_a_budget_of_exactly_the_smallest_student_yields_students_of_that_cost(
    teacher: GeneratorArchitecture, seed: int
) -> None:
    space = BigGANSpace(teacher)
    student = space.sample(RandomSuggest(seed), budget(space, macs=1.0))
    assert space.macs(student) == space.macs(space.smallest())


@settings(max_examples=200)
@given(teachers(), st.floats(1.0, 3.0))
def test_without_a_binding_budget_the_uniform_choices_give_the_teacher_itself(
    teacher: GeneratorArchitecture, generosity: float
) -> None:
    space = BigGANSpace(teacher)
    choices = Choices({"budget_fraction": 1.0, **space.uniform()})
    assert space.sample(choices, relative(space, generosity)) == teacher
    assert set(choices.asked) == set(choices.choices)


@settings(max_examples=100)
@given(teachers(), limits)
def test_every_opening_names_choices_of_the_space_and_fits(
    teacher: GeneratorArchitecture, multiple: float
) -> None:
    space = BigGANSpace(teacher)
    utilisation = budget(space, macs=multiple)
    for opening in space.initial_designs():
        assert set(opening) == set(space.uniform())
        assert utilisation(space.sample(Choices({"budget_fraction": 1.0, **opening}), utilisation)) <= 1


def test_openings_differ_from_each_other_and_from_the_uniform_student() -> None:
    utilisation = relative(BIG, 0.3)
    starts = [BIG.uniform(), *BIG.initial_designs()]
    assert len(
        {BIG.sample(Choices({"budget_fraction": 1.0, **start}), utilisation) for start in starts}
    ) == len(starts)


@pytest.mark.parametrize("share", [0.8, 0.5, 0.2, 0.05])
def test_the_uniform_choices_slim_every_resolution_alike_and_nothing_else(share: float) -> None:
    student = BIG.sample(Choices({"budget_fraction": 1.0, **BIG.uniform()}), relative(BIG, share))
    ratios = [mine / theirs for mine, theirs in zip(student.channels, BIG.teacher.channels, strict=True)]
    assert max(ratios) - min(ratios) <= 1 / 16  # the grid
    for name in ("chunks", "classes", "shared_dim", "attention"):
        assert getattr(student, name) == getattr(BIG.teacher, name)
    assert 0.85 < BIG.macs(student) / (share * BIG.macs(BIG.teacher)) <= 1


@settings(max_examples=100)
@given(SEEDS, st.floats(0.05, 0.9), st.floats(MIN_BUDGET_FRACTION, 1.0))
def test_the_share_is_spent_where_it_can_be(seed: int, of_teacher: float, share: float) -> None:
    utilisation = relative(BIG, of_teacher)
    student = BIG.sample(Spending(share, seed), utilisation)
    assert utilisation(student) <= share
    assert utilisation(student) >= 0.6 * share or student.channels == BIG.teacher.channels


def test_as_a_rule_nearly_all_of_the_share_is_spent() -> None:
    utilisation = relative(BIG, 0.2)
    loads = [utilisation(BIG.sample(Spending(1.0, seed), utilisation)) for seed in range(101)]
    assert sorted(loads)[50] > 0.95


@given(teachers(), SEEDS, st.floats(0.05, 1.0))
def test_widths_before_attention_stay_multiples_of_eight(
    teacher: GeneratorArchitecture, seed: int, share: float
) -> None:
    space = BigGANSpace(teacher)
    student = space.sample(RandomSuggest(seed), relative(space, share))
    widths = zip(student.sides, student.channels, strict=True)
    assert all(width % 8 == 0 for side, width in widths if side in student.attention)


def test_attention_is_searched_at_the_teachers_side_at_coarser_ones_and_nowhere() -> None:
    utilisation = relative(BIG, 0.5)
    seen = {BIG.sample(RandomSuggest(seed), utilisation).attention for seed in range(60)}
    assert seen == {(), (8,), (16,), (32,), (64,)}
    bare = BigGANSpace(published(32))
    assert {bare.sample(RandomSuggest(seed), lambda _: 0.5).attention for seed in range(20)} == {()}


def test_every_choice_matters() -> None:
    utilisation = relative(BIG, 0.3)
    base = {"budget_fraction": 0.5, **BIG.uniform()}
    other: dict[str, Any] = {name: 0.5 for name in base if name.startswith("width_")}
    other |= {"budget_fraction": 0.9, "attention": "none", "shared_dim": 64, "latent": "flat"}
    asked = Choices(base)
    plain = BIG.sample(asked, utilisation)
    assert set(other) == set(asked.asked)
    for name, value in other.items():
        assert BIG.sample(Choices(base | {name: value}), utilisation) != plain, name


def test_a_start_that_gets_all_of_z_leaves_its_dimensions_as_they_are() -> None:
    flat = BIG.sample(
        Choices({"budget_fraction": 1.0, **BIG.uniform(), "latent": "flat"}), relative(BIG, 0.5)
    )
    assert flat.chunks == (120, 0, 0, 0, 0, 0)


def test_a_tight_budget_costs_a_few_looks_at_the_closed_form_and_no_retries() -> None:
    limited, calls = budget(BIG, macs=1.5), 0

    def counted(a: GeneratorArchitecture) -> float:
        nonlocal calls
        calls += 1
        return limited(a)

    for seed in range(100):
        calls = 0
        assert limited(BIG.sample(RandomSuggest(seed), counted)) <= 1
        assert calls <= 30
