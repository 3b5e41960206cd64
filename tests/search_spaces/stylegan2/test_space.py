"""Whatever is asked of the StyleGAN2 space, the answer fits the budget and stays below the teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import RandomSuggest, Utilisation
from search_spaces.student_space import MIN_BUDGET_FRACTION
from search_spaces.stylegan2 import Block, GeneratorArchitecture, StyleGAN2Space
from tests.search_spaces.stylegan2.teachers import stylegan2, teachers

BIG = StyleGAN2Space(stylegan2(256, 16384))
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


def widths(architecture: GeneratorArchitecture) -> list[int]:
    return [block.channels for block in architecture.blocks]


def at_an_end_of_its_scale(student: GeneratorArchitecture) -> bool:
    """All widths are the teacher's, or some are so small that a step of the grid is a leap."""
    return widths(student) == widths(BIG.teacher) or min(widths(student)) < 20


def budget(space: StyleGAN2Space, macs: float | None = None, params: float | None = None) -> Utilisation:
    """The utilisation under one or two limits, given as multiples of the smallest student's cost."""
    smallest = space.smallest()

    def utilisation(a: GeneratorArchitecture) -> float:
        parts = [space.macs(a) / (macs * space.macs(smallest))] if macs else []
        parts += [space.params(a) / (params * space.params(smallest))] if params else []
        return max(parts)

    return utilisation


def relative(space: StyleGAN2Space, share: float) -> Utilisation:
    """The utilisation under a limit of MACs, given as a share of the teacher's."""
    return lambda a: space.macs(a) / (share * space.macs(space.teacher))


limits = st.one_of(st.just(1.0), st.floats(1.0, 2.0), st.floats(1.0, 50.0))


@settings(max_examples=300)
@given(teachers(), SEEDS, limits, limits, st.sampled_from(["macs", "params", "both"]))
def test_every_student_fits_every_feasible_budget(
    teacher: GeneratorArchitecture, seed: int, macs: float, params: float, kind: str
) -> None:
    space = StyleGAN2Space(teacher)
    utilisation = budget(space, macs if kind != "params" else None, params if kind != "macs" else None)
    for i in range(5):
        assert utilisation(space.sample(RandomSuggest(seed + i), utilisation)) <= 1


@settings(max_examples=200)
@given(teachers(), SEEDS, st.floats(0.01, 1.5))
def test_no_student_exceeds_its_teacher_in_anything(
    teacher: GeneratorArchitecture, seed: int, share: float
) -> None:
    space = StyleGAN2Space(teacher)
    for i in range(5):
        student = space.sample(RandomSuggest(seed + i), relative(space, share))
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
        assert space.macs(student) <= space.macs(space.largest())
        assert space.params(student) <= space.params(space.largest())


@settings(max_examples=200)
@given(teachers(), SEEDS, st.floats(0.001, 1.0))
def test_the_smallest_student_is_below_every_other(
    teacher: GeneratorArchitecture, seed: int, share: float
) -> None:
    space = StyleGAN2Space(teacher)
    smallest = space.smallest()
    for i in range(5):
        student = space.sample(RandomSuggest(seed + i), relative(space, share))
        assert space.macs(smallest) <= space.macs(student)
        assert space.params(smallest) <= space.params(student)


@given(teachers(), SEEDS)
def test_a_budget_of_exactly_the_smallest_student_yields_students_of_that_cost(
    teacher: GeneratorArchitecture, seed: int
) -> None:
    space = StyleGAN2Space(teacher)
    student = space.sample(RandomSuggest(seed), budget(space, macs=1.0))
    assert space.macs(student) == space.macs(space.smallest())


@given(teachers(), SEEDS, st.floats(0.05, 1.0))
def test_the_same_choices_give_the_same_student(
    teacher: GeneratorArchitecture, seed: int, share: float
) -> None:
    space = StyleGAN2Space(teacher)
    first = space.sample(RandomSuggest(seed), relative(space, share))
    assert StyleGAN2Space(teacher).sample(RandomSuggest(seed), relative(space, share)) == first


@settings(max_examples=200)
@given(teachers(), st.floats(1.0, 3.0))
def test_without_a_binding_budget_the_uniform_choices_give_the_teacher_itself(
    teacher: GeneratorArchitecture, generosity: float
) -> None:
    space = StyleGAN2Space(teacher)
    choices = Choices({"budget_fraction": 1.0, **space.uniform()})
    assert space.sample(choices, relative(space, generosity)) == teacher
    assert "budget_fraction" not in space.uniform()


@settings(max_examples=200)
@given(teachers(), limits)
def test_every_opening_names_choices_of_the_space_and_fits(
    teacher: GeneratorArchitecture, multiple: float
) -> None:
    space = StyleGAN2Space(teacher)
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
    widths = zip(student.blocks, BIG.teacher.blocks, strict=True)
    ratios = [mine.channels / theirs.channels for mine, theirs in widths]
    assert max(ratios) - min(ratios) <= 1 / 16  # the grid
    same_widths = (
        replace(b, channels=t.channels) for b, t in zip(student.blocks, BIG.teacher.blocks, strict=True)
    )
    assert replace(student, blocks=tuple(same_widths)) == BIG.teacher
    assert 0.9 < BIG.macs(student) / (share * BIG.macs(BIG.teacher)) <= 1


@settings(max_examples=150)
@given(SEEDS, st.floats(0.02, 0.9), st.floats(MIN_BUDGET_FRACTION, 1.0))
def test_the_share_is_spent_where_it_can_be(seed: int, of_teacher: float, share: float) -> None:
    utilisation = relative(BIG, of_teacher)
    student = BIG.sample(Spending(share, seed), utilisation)
    assert utilisation(student) <= share or widths(student) == widths(BIG.smallest())
    assert utilisation(student) >= 0.75 * share or at_an_end_of_its_scale(student)


def test_as_a_rule_nearly_all_of_the_share_is_spent() -> None:
    utilisation = relative(BIG, 0.2)
    loads = [
        utilisation(student)
        for seed in range(101)
        if (student := BIG.sample(Spending(1.0, seed), utilisation))
    ]
    assert sorted(loads)[50] > 0.97


@pytest.mark.parametrize("multiple", [1.0, 1.05, 1.5, 3.0])
def test_a_tight_budget_costs_a_few_looks_at_the_closed_form_and_no_retries(multiple: float) -> None:
    limited, calls = budget(BIG, macs=multiple), 0

    def counted(a: GeneratorArchitecture) -> float:
        nonlocal calls
        calls += 1
        return limited(a)

    for seed in range(200):
        calls = 0
        assert limited(BIG.sample(RandomSuggest(seed), counted)) <= 1
        assert calls <= 30


def test_a_tight_budget_still_leaves_a_choice() -> None:
    utilisation = budget(BIG, macs=2.0)
    assert len({BIG.sample(RandomSuggest(seed), utilisation) for seed in range(200)}) > 100


def test_every_choice_matters() -> None:
    space = StyleGAN2Space(stylegan2(64, 4096, 128))
    utilisation = relative(space, 0.3)
    base = {"budget_fraction": 0.5, **space.uniform()}
    other: dict[str, Any] = {name: 0.5 for name in base if name.startswith("width_")}
    other |= {name: "separable" for name in base if name.startswith("kind_")}
    other |= {name: 1 for name in base if name.startswith("convs_") and name != "convs_4"}
    other |= {"budget_fraction": 0.9, "style_dim": 256, "mapping_layers": 2, "kernel_32": 1, "kernel_64": 1}
    asked = Choices(base)
    plain = space.sample(asked, utilisation)
    assert set(other) == set(asked.asked)
    for name, value in other.items():
        assert space.sample(Choices(base | {name: value}), utilisation) != plain, name


def test_one_pixel_kernels_are_never_called_separable() -> None:
    space = StyleGAN2Space(stylegan2(32, 1024, 64))
    students = [space.sample(RandomSuggest(seed), relative(space, 0.3)) for seed in range(100)]
    kernels = [block for student in students for block in student.blocks if block.kernel == 1]
    assert kernels
    assert all(block.kind == "full" for block in kernels)


def test_the_largest_is_the_teacher() -> None:
    assert BIG.largest() == BIG.teacher


def test_teachers_of_few_channels_have_students_too() -> None:
    space = StyleGAN2Space(GeneratorArchitecture((Block(2, convs=1), Block(2), Block(2)), 1, 1, 1, 1))
    assert space.macs(space.smallest()) < space.macs(space.teacher)
    assert [block.channels for block in space.smallest().blocks] == [2, 2, 2]
