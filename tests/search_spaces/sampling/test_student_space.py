"""Laws of every search space: samples fit the budget, between the smallest student and the teacher."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import (
    BELOW_TEACHER,
    FAMILIES,
    WITHIN_BUDGET,
    Architecture,
    PartlyFixedSuggest,
    RandomSuggest,
    SearchSpace,
)
from tests.search_spaces.budgets import CheckedChoices, in_full, of_smallest, of_teacher
from tests.search_spaces.dcgan.teachers import NORMALISED, published
from tests.search_spaces.stylegan2.teachers import stylegan2
from tests.search_spaces.teachers import PUBLISHED, STRATEGIES, TEACHERS

SEEDS = st.integers(0, 10**9)
multiples = st.one_of(st.just(1.0), st.floats(1.0, 2.0), st.floats(1.0, 50.0))
every_family = pytest.mark.parametrize("family", sorted(FAMILIES))


def space_of(family: str, teacher: Architecture | None = None) -> SearchSpace:
    return FAMILIES[family].space(PUBLISHED[family] if teacher is None else teacher)


def drawn(data: st.DataObject, family: str) -> SearchSpace:
    return space_of(family, data.draw(STRATEGIES[family]))


@every_family
@settings(max_examples=300)
@given(st.data(), SEEDS, multiples, multiples, st.sampled_from(["macs", "params", "both"]))
def test_every_student_fits_every_feasible_budget(
    family: str, data: st.DataObject, seed: int, macs: float, params: float, kind: str
) -> None:
    space = drawn(data, family)
    limits = {"macs": macs if kind != "params" else None, "params": params if kind != "macs" else None}
    utilisation = of_smallest(space, **limits)
    for i in range(5):
        assert utilisation(space.sample(RandomSuggest(seed + i), utilisation)) <= 1


@every_family
@settings(max_examples=200)
@given(st.data(), SEEDS, st.one_of(st.floats(0.001, 1.5), st.floats(0.01, 1.5)))
def test_students_cost_no_less_than_the_smallest_and_no_more_than_the_teacher(
    family: str, data: st.DataObject, seed: int, fraction: float
) -> None:
    space = drawn(data, family)
    for i in range(5):
        student = space.sample(RandomSuggest(seed + i), of_teacher(space, fraction))
        for cost in (space.macs, space.params):
            assert cost(space.smallest()) <= cost(student) <= cost(space.largest())


@every_family
@given(st.data(), SEEDS)
def test_a_budget_of_exactly_the_smallest_student_yields_students_of_that_cost(
    family: str, data: st.DataObject, seed: int
) -> None:
    space = drawn(data, family)
    student = space.sample(RandomSuggest(seed), of_smallest(space, macs=1.0))
    assert space.macs(student) == space.macs(space.smallest())


@every_family
@given(st.data(), SEEDS, st.floats(0.05, 1.0))
def test_the_same_choices_give_the_same_student(
    family: str, data: st.DataObject, seed: int, fraction: float
) -> None:
    space = drawn(data, family)
    again: Any = space_of(family, space.largest())
    first = space.sample(RandomSuggest(seed), of_teacher(space, fraction))
    assert again.sample(RandomSuggest(seed), of_teacher(space, fraction)) == first


@every_family
@settings(max_examples=200)
@given(st.data(), st.floats(1.0, 3.0))
def test_without_a_binding_budget_the_uniform_choices_give_the_teacher_itself(
    family: str, data: st.DataObject, generosity: float
) -> None:
    space = drawn(data, family)
    choices = in_full(space.uniform())
    assert space.sample(choices, of_teacher(space, generosity)) == space.largest()
    assert "budget_fraction" not in space.uniform()
    assert sorted(choices.asked) == sorted(choices.choices), "each is asked for once, and no other"


@every_family
@settings(max_examples=200)
@given(st.data(), multiples, multiples)
def test_every_initial_design_names_choices_of_the_space_and_fits(
    family: str, data: st.DataObject, macs: float, params: float
) -> None:
    space = drawn(data, family)
    for utilisation in (of_smallest(space, macs), of_smallest(space, macs, params)):
        for design in space.initial_designs():
            assert set(design) == set(space.uniform())
            assert utilisation(space.sample(in_full(design), utilisation)) <= 1


@pytest.mark.parametrize(
    ("family", "teacher"),
    [*PUBLISHED.items(), ("dcgan", NORMALISED), ("dcgan", published(32, 28))],
    ids=[*PUBLISHED, "dcgan normalised", "dcgan 28 px"],
)
def test_initial_designs_differ_from_each_other_and_from_the_uniform_student(
    family: str, teacher: Architecture
) -> None:
    space = space_of(family, teacher)
    utilisation = of_teacher(space, 0.3)
    starts = [space.uniform(), *space.initial_designs()]
    assert len({space.sample(in_full(start), utilisation) for start in starts}) == len(starts) >= 3


@pytest.mark.parametrize(
    ("family", "least"),
    [
        *(("stylegan2", 0.97), ("biggan", 0.95), ("dcgan", 0.95)),
        *(("resnet-translator", 0.9), ("unet-translator", 0.95), ("stargan", 0.95)),
    ],
)
def test_as_a_rule_nearly_all_of_the_target_utilisation_is_reached(family: str, least: float) -> None:
    space = space_of(family)
    utilisation = of_teacher(space, 0.2)
    in_full_at_random = [
        PartlyFixedSuggest(RandomSuggest(seed), {"budget_fraction": 1.0}) for seed in range(101)
    ]
    assert median(utilisation(space.sample(suggest, utilisation)) for suggest in in_full_at_random) > least


@every_family
@pytest.mark.parametrize("multiple", [1.0, 1.05, 1.5, 3.0])
def test_a_tight_budget_costs_a_few_looks_at_the_closed_form_and_no_retries(
    family: str, multiple: float
) -> None:
    space, calls = space_of(family), 0
    limited = of_smallest(space, macs=multiple)

    def counted(architecture: Any) -> float:
        nonlocal calls
        calls += 1
        return limited(architecture)

    for seed in range(200):
        calls = 0
        assert limited(space.sample(RandomSuggest(seed), counted)) <= 1
        assert calls <= 30


@pytest.mark.parametrize(
    ("family", "teacher", "macs", "params", "least"),
    [
        ("stylegan2", PUBLISHED["stylegan2"], 2.0, None, 100),
        ("dcgan", NORMALISED, 4.0, 10.0, 60),
        ("biggan", PUBLISHED["biggan"], 2.0, None, 60),
        ("resnet-translator", PUBLISHED["resnet-translator"], 2.0, None, 60),
        ("unet-translator", PUBLISHED["unet-translator"], 2.0, None, 60),
        ("stargan", PUBLISHED["stargan"], 2.0, None, 60),
    ],
    ids=["stylegan2", "dcgan", "biggan", "resnet-translator", "unet-translator", "stargan"],
)
def test_a_tight_budget_still_leaves_a_choice(
    family: str, teacher: Architecture, macs: float, params: float | None, least: int
) -> None:
    space = space_of(family, teacher)
    utilisation = of_smallest(space, macs, params)
    assert len({space.sample(RandomSuggest(seed), utilisation) for seed in range(200)}) > least


OTHER_CHOICES: dict[str, dict[str, Any]] = {  # than the uniform ones, where a width is not meant
    "stylegan2": {
        **{f"kind_{4 << i}": "separable" for i in range(5)},
        **{f"convs_{4 << i}": 1 for i in range(1, 5)},
        **{"style_dim": 256, "mapping_layers": 2, "kernel_32": 1, "kernel_64": 1},
    },
    "dcgan": {"norm": "none", "kernel_2": 1, "kernel_3": 2, "kernel_4": 3, "kernel_5": 2},
    "biggan": {"attention": "none", "shared_dim": 64, "latent": "flat"},
    "resnet-translator": {
        "blocks": 6,
        **{f"kind_{i}": "separable" for i in range(1, 10)},
        **{"stem_kernel": 5, "image_kernel": 3},
    },
    "unet-translator": {f"kind_{i}": "separable" for i in range(2, 9)},
    "stargan": {
        "blocks": 3,
        **{f"kind_{i}": "separable" for i in range(1, 7)},
        **{f"skip_{size}": True for size in ("full", "half", "quarter")},
        **{"kernel_stem": 5, "kernel_down": 2, "kernel_up": 2, "kernel_image": 3},
    },
}


@pytest.mark.parametrize(
    ("family", "teacher"),
    [
        ("stylegan2", stylegan2(64, 4096, 128)),
        ("dcgan", NORMALISED),
        *(
            (family, PUBLISHED[family])
            for family in ("biggan", "resnet-translator", "unet-translator", "stargan")
        ),
    ],
    ids=["stylegan2", "dcgan", "biggan", "resnet-translator", "unet-translator", "stargan"],
)
def test_every_choice_matters(family: str, teacher: Architecture) -> None:
    space = space_of(family, teacher)
    utilisation = of_teacher(space, 0.3)
    base = {"budget_fraction": 0.5, **space.uniform()}
    other = {name: 0.5 for name in base if name.startswith("width_")} | {"budget_fraction": 0.9}
    other |= OTHER_CHOICES[family]
    asked = CheckedChoices(base)
    plain = space.sample(asked, utilisation)
    assert set(other) == set(asked.asked)
    for name, value in other.items():
        assert space.sample(CheckedChoices(base | {name: value}), utilisation) != plain, name


SAMPLED = {  # digests of what studies were sampled from: a change would resume them with other students
    "stylegan2": "d3fde36f71c83da8",
    "dcgan": "2503eef02ce77be5",
    "biggan": "6e4ffc7947ef4f20",
    "resnet-translator": "283c7658912c0a24",
    "unet-translator": "45112f0e3a0363fb",
    "stargan": "1659adf243144b00",
}


@every_family
def test_the_answers_that_a_study_holds_keep_their_architectures(family: str) -> None:
    digest = hashlib.sha256()
    for teacher in (TEACHERS[family], PUBLISHED[family]):
        space = space_of(family, teacher)
        for fraction in (1.2, 0.5, 0.1):
            for seed in range(50):
                student = space.sample(RandomSuggest(seed), of_teacher(space, fraction))
                digest.update(f"{student}\n".encode())
    assert digest.hexdigest()[:16] == SAMPLED[family]


class Fractions(RandomSuggest):
    """Notes how the budget fraction is asked for."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        if name == "budget_fraction":
            self.asked = (low, high, log)
        return super().suggest_float(name, low, high, log=log)


@every_family
def test_a_space_asks_for_the_budget_fractions_that_it_is_given(family: str) -> None:
    space, suggest = space_of(family, TEACHERS[family]), Fractions(0)
    space.sample(suggest, of_teacher(space, 0.5))
    assert suggest.asked == (0.25, 1.0, False)
    below = space.with_fractions(BELOW_TEACHER)
    below.sample(suggest, of_teacher(space, 1.0))
    assert suggest.asked == (0.1, 1.0, True)
    assert (below.fractions, below.with_fractions(WITHIN_BUDGET)) == (BELOW_TEACHER, space)


@given(st.floats(0.0, 2.0))
def test_the_nearest_budget_fraction_is_one_of_the_range(fraction: float) -> None:
    for fractions in (WITHIN_BUDGET, BELOW_TEACHER):
        assert fractions.low <= fractions.nearest(fraction) <= 1
        assert fractions.nearest(fraction) == fraction or not fractions.low <= fraction <= 1


def test_a_space_is_a_value() -> None:
    for family, teacher in TEACHERS.items():
        assert space_of(family, teacher) == space_of(family, replace(teacher))
