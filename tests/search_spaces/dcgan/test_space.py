"""Whatever is asked of the DCGAN space, the answer fits the budget and stays below the teacher."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import FixedSuggest, RandomSuggest, Utilisation
from search_spaces.dcgan import DCGANSpace, GeneratorArchitecture, Layer
from search_spaces.dcgan.space import kernels
from tests.search_spaces.dcgan.teachers import published, teachers

NORMALISED = GeneratorArchitecture(
    (
        Layer("dense", 128, 4, 1, 0, norm=True),
        Layer("conv", 96, 3, 1, 1, bias=False, norm=True, activation="leaky"),
        Layer("transposed", 64, bias=False, norm=True, epsilon=0.01),
        Layer("upsampled", 32, 5, 2, 2, norm=True),
        Layer("transposed", 3, activation="tanh"),
    ),
    latent="uniform",
)
SEEDS = st.integers(0, 10**9)


def relative(space: DCGANSpace, share: float) -> Utilisation:
    """The utilisation under a limit of MACs, given as a share of the teacher's."""
    return lambda a: space.macs(a) / (share * space.macs(space.teacher))


def budget(space: DCGANSpace, macs: float, params: float) -> Utilisation:
    """The utilisation under two limits, given as multiples of the smallest student's cost."""
    least, fewest = macs * space.macs(space.smallest()), params * space.params(space.smallest())
    return lambda a: max(space.macs(a) / least, space.params(a) / fewest)


limits = st.one_of(st.just(1.0), st.floats(1.0, 2.0), st.floats(1.0, 50.0))


@settings(max_examples=200)
@given(teachers(), SEEDS, limits, limits)
def test_every_student_fits_every_feasible_budget(
    teacher: GeneratorArchitecture, seed: int, macs: float, params: float
) -> None:
    space = DCGANSpace(teacher)
    utilisation = budget(space, macs, params)
    for i in range(5):
        assert utilisation(space.sample(RandomSuggest(seed + i), utilisation)) <= 1


@settings(max_examples=200)
@given(teachers(), SEEDS, st.floats(0.001, 1.5))
def test_no_student_exceeds_its_teacher_or_is_below_the_smallest(
    teacher: GeneratorArchitecture, seed: int, share: float
) -> None:
    space = DCGANSpace(teacher)
    smallest = space.smallest()
    for i in range(5):
        student = space.sample(RandomSuggest(seed + i), relative(space, share))
        assert student.sides == teacher.sides
        assert (student.latent_dim, student.latent) == (teacher.latent_dim, teacher.latent)
        assert student.image_channels == teacher.image_channels
        for mine, theirs in zip(student.layers, teacher.layers, strict=True):
            assert mine.channels <= theirs.channels
            assert mine.kernel <= theirs.kernel
            assert mine.norm <= theirs.norm
            assert (mine.kind, mine.stride, mine.activation) == (
                theirs.kind,
                theirs.stride,
                theirs.activation,
            )
        for cost in (space.macs, space.params):
            assert cost(smallest) <= cost(student) <= cost(space.largest())


@settings(max_examples=200)
@given(teachers(), st.floats(1.0, 3.0))
def test_without_a_binding_budget_the_uniform_choices_give_the_teacher_itself(
    teacher: GeneratorArchitecture, generosity: float
) -> None:
    space = DCGANSpace(teacher)
    assert "budget_fraction" not in space.uniform()
    choices = FixedSuggest({"budget_fraction": 1.0, **space.uniform()})
    assert space.sample(choices, relative(space, generosity)) == space.largest() == teacher


@settings(max_examples=100)
@given(teachers(), limits, limits)
def test_every_opening_names_choices_of_the_space_and_fits(
    teacher: GeneratorArchitecture, macs: float, params: float
) -> None:
    space = DCGANSpace(teacher)
    utilisation = budget(space, macs, params)
    for opening in space.initial_designs():
        assert set(opening) == set(space.uniform())
        assert utilisation(space.sample(FixedSuggest({"budget_fraction": 1.0, **opening}), utilisation)) <= 1


@pytest.mark.parametrize("teacher", [NORMALISED, published(64), published(32, 28)], ids=str)
def test_openings_differ_from_each_other_and_from_the_uniform_student(teacher: GeneratorArchitecture) -> None:
    space = DCGANSpace(teacher)
    starts = [space.uniform(), *space.initial_designs()]
    students = {
        space.sample(FixedSuggest({"budget_fraction": 1.0, **s}), relative(space, 0.3)) for s in starts
    }
    assert len(students) == len(starts) >= 3


@pytest.mark.parametrize("share", [0.8, 0.5, 0.2, 0.05])
def test_the_uniform_choices_slim_every_layer_alike_and_nothing_else(share: float) -> None:
    space = DCGANSpace(published(64, image_channels=3))
    student = space.sample(FixedSuggest({"budget_fraction": 1.0, **space.uniform()}), relative(space, share))
    pairs = list(zip(student.layers[:-1], space.teacher.layers[:-1], strict=True))
    ratios = [mine.channels / theirs.channels for mine, theirs in pairs]
    assert max(ratios) - min(ratios) <= 1 / 16  # the grid of the narrowest
    widened = (*(replace(mine, channels=theirs.channels) for mine, theirs in pairs), student.layers[-1])
    assert replace(student, layers=widened) == space.teacher
    assert 0.85 < space.macs(student) / (share * space.macs(space.teacher)) <= 1


@pytest.mark.parametrize("d", [4, 8, 16, 32, 64])
def test_the_students_of_the_paper_are_uniform_students_of_its_teacher(d: int) -> None:
    space = DCGANSpace(published(128, image_channels=3))
    student = published(d, image_channels=3)
    utilisation = relative(space, 1.001 * space.macs(student) / space.macs(space.teacher))
    assert space.sample(FixedSuggest({"budget_fraction": 1.0, **space.uniform()}), utilisation) == student


@pytest.mark.parametrize("teacher", [64, 128, 256])
@pytest.mark.parametrize("d", [2, 4, 8, 16, 32])
def test_every_published_student_is_the_uniform_student_at_exactly_its_parameters(
    d: int, teacher: int
) -> None:
    space, student = DCGANSpace(published(teacher)), published(d)
    assert space.params(student) == 672 * d**2 + 12_831 * d + 1
    choices = FixedSuggest({"budget_fraction": 1.0, **space.uniform()})
    assert space.sample(choices, lambda a: space.params(a) / space.params(student)) == student


def test_as_a_rule_nearly_all_of_the_share_is_spent() -> None:
    space = DCGANSpace(published(64))
    utilisation = relative(space, 0.2)
    choices = [
        {"budget_fraction": 1.0, **space.uniform()},
        *({"budget_fraction": 1.0, **o} for o in space.initial_designs()[:1]),
    ]
    assert all(utilisation(space.sample(FixedSuggest(each), utilisation)) > 0.9 for each in choices)
    spent = []
    for seed in range(101):
        sampled = space.sample(RandomSuggest(seed), utilisation)
        share = RandomSuggest(seed).suggest_float("budget_fraction", 0.25, 1.0)
        assert utilisation(sampled) <= share
        spent.append(utilisation(sampled) / share)
    assert sorted(spent)[50] > 0.95


def test_every_choice_matters() -> None:
    space = DCGANSpace(NORMALISED)
    base = {"budget_fraction": 0.5, **space.uniform()}
    other = {name: 0.5 for name in base if name.startswith("width_")}
    other |= {
        "budget_fraction": 0.9,
        "norm": "none",
        "kernel_2": 1,
        "kernel_3": 2,
        "kernel_4": 3,
        "kernel_5": 2,
    }
    assert set(other) == set(base)
    utilisation = relative(space, 0.3)
    plain = space.sample(FixedSuggest(base), utilisation)
    for name, value in other.items():
        assert space.sample(FixedSuggest(base | {name: value}), utilisation) != plain, name


def test_a_teacher_without_normalisation_has_students_without_it_and_no_such_choice() -> None:
    assert "norm" not in DCGANSpace(published(8)).uniform()
    assert DCGANSpace(NORMALISED).uniform()["norm"] == "batch"


def test_normalisation_is_kept_or_replaced_by_biases_everywhere() -> None:
    space = DCGANSpace(NORMALISED)
    students = [space.sample(RandomSuggest(seed), relative(space, 0.5)) for seed in range(40)]
    kinds = {tuple(layer.norm for layer in student.layers) for student in students}
    assert kinds == {(True, True, True, True, False), (False,) * 5}
    assert all(layer.bias for student in students for layer in student.layers if not layer.norm)


@pytest.mark.parametrize(
    ("layer", "sizes"),
    [
        (Layer("transposed", 8), (4, 2)),
        (Layer("transposed", 8, 4, 1, 0), (4,)),  # padding is what shrinks
        (Layer("transposed", 8, 5, 2, 2, 1), (5, 3)),  # of one tap, three of four pixels would be empty
        (Layer("transposed", 8, 3, 2, 1, 1), (3,)),
        (Layer("conv", 8, 5, 1, 2), (5, 3, 1)),
        (Layer("conv", 8, 5, 1, 1), (5, 3)),
        (Layer("upsampled", 8, 3, 2, 1), (3, 1)),
        (Layer("dense", 8, 4, 1, 0), (4,)),
    ],
    ids=str,
)
def test_kernels_are_those_that_leave_sizes_as_they_are_and_no_pixel_empty(
    layer: Layer, sizes: tuple[int, ...]
) -> None:
    assert kernels(layer) == sizes


def test_a_dense_layer_without_biases_keeps_its_normalisation_which_is_cheaper_than_biases() -> None:
    first = replace(NORMALISED.layers[0], bias=False)
    space = DCGANSpace(replace(NORMALISED, layers=(first, *NORMALISED.layers[1:])))
    assert [layer.norm for layer in space.smallest().layers] == [True, False, False, False, False]
    assert "norm" not in DCGANSpace(GeneratorArchitecture((first, NORMALISED.layers[-1]))).uniform()


def test_a_tight_budget_still_leaves_a_choice() -> None:
    space = DCGANSpace(NORMALISED)
    utilisation = budget(space, 4.0, 10.0)
    assert len({space.sample(RandomSuggest(seed), utilisation) for seed in range(100)}) > 30
