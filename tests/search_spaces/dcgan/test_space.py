"""What the DCGAN space searches, and what its students keep of the teacher."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import RandomSuggest
from search_spaces.dcgan import DCGANSpace, GeneratorArchitecture, Layer
from search_spaces.dcgan.space import kernels
from tests.search_spaces.budgets import in_full, of_teacher, students
from tests.search_spaces.dcgan.teachers import NORMALISED, published, teachers

SEEDS = st.integers(0, 10**9)


@settings(max_examples=200)
@given(teachers(), SEEDS, st.floats(0.001, 1.5))
def test_no_student_exceeds_its_teacher_in_anything(
    teacher: GeneratorArchitecture, seed: int, fraction: float
) -> None:
    for student in students(DCGANSpace(teacher), seed, fraction):
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


@pytest.mark.parametrize("fraction", [0.8, 0.5, 0.2, 0.05])
def test_the_uniform_choices_narrow_every_layer_alike_and_nothing_else(fraction: float) -> None:
    space = DCGANSpace(published(64, image_channels=3))
    student = space.sample(in_full(space.uniform()), of_teacher(space, fraction))
    pairs = list(zip(student.layers[:-1], space.teacher.layers[:-1], strict=True))
    ratios = [mine.channels / theirs.channels for mine, theirs in pairs]
    assert max(ratios) - min(ratios) <= 1 / 16  # the grid of the narrowest
    widened = (*(replace(mine, channels=theirs.channels) for mine, theirs in pairs), student.layers[-1])
    assert replace(student, layers=widened) == space.teacher
    assert 0.85 < space.macs(student) / (fraction * space.macs(space.teacher)) <= 1


@pytest.mark.parametrize("d", [4, 8, 16, 32, 64])
def test_the_students_of_the_paper_are_uniform_students_of_its_teacher(d: int) -> None:
    space = DCGANSpace(published(128, image_channels=3))
    student = published(d, image_channels=3)
    utilisation = of_teacher(space, 1.001 * space.macs(student) / space.macs(space.teacher))
    assert space.sample(in_full(space.uniform()), utilisation) == student


@pytest.mark.parametrize("teacher", [64, 128, 256])
@pytest.mark.parametrize("d", [2, 4, 8, 16, 32])
def test_every_published_student_is_the_uniform_student_at_exactly_its_parameters(
    d: int, teacher: int
) -> None:
    space, student = DCGANSpace(published(teacher)), published(d)
    assert space.params(student) == 672 * d**2 + 12_831 * d + 1
    choices = in_full(space.uniform())
    assert space.sample(choices, lambda a: space.params(a) / space.params(student)) == student


def test_as_a_rule_nearly_all_of_any_target_utilisation_is_reached() -> None:
    space = DCGANSpace(published(64))
    utilisation = of_teacher(space, 0.2)
    choices = [space.uniform(), *space.initial_designs()[:1]]
    assert all(utilisation(space.sample(in_full(each), utilisation)) > 0.9 for each in choices)
    reached = []
    for seed in range(101):
        sampled = space.sample(RandomSuggest(seed), utilisation)
        fraction = RandomSuggest(seed).suggest_float("budget_fraction", 0.25, 1.0)
        assert utilisation(sampled) <= fraction
        reached.append(utilisation(sampled) / fraction)
    assert sorted(reached)[50] > 0.95


def test_a_teacher_without_normalisation_has_students_without_it_and_no_such_choice() -> None:
    assert "norm" not in DCGANSpace(published(8)).uniform()
    assert DCGANSpace(NORMALISED).uniform()["norm"] == "batch"


def test_normalisation_is_kept_or_replaced_by_biases_everywhere() -> None:
    space = DCGANSpace(NORMALISED)
    found = students(space, 0, 0.5, 40)
    kinds = {tuple(layer.norm for layer in student.layers) for student in found}
    assert kinds == {(True, True, True, True, False), (False,) * 5}
    assert all(layer.bias for student in found for layer in student.layers if not layer.norm)


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
