"""What U-Net translators cost, in closed form, by fvcore's count and by publication."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.unet_translator import UnetTranslator, UnetTranslatorSpace
from search_spaces.unet_translator.architecture import GeneratorArchitecture, params
from tests.search_spaces.budgets import student
from tests.search_spaces.costs import built
from tests.search_spaces.unet_translator.teachers import published, teachers


@settings(max_examples=40, deadline=None)
@given(teachers(), st.integers(0, 10**6), st.floats(0.05, 1.0))
def test_teachers_and_their_students_cost_what_fvcore_counts(
    teacher: GeneratorArchitecture, seed: int, fraction: float
) -> None:
    space = UnetTranslatorSpace(teacher)
    for architecture in (teacher, student(space, seed, fraction), space.smallest()):
        counted = built(UnetTranslator(architecture))
        assert counted == (space.macs(architecture), space.params(architecture))


@pytest.mark.parametrize(("width", "million_params"), [(64, 54.40), (16, 3.40)])
def test_published_networks_have_the_parameters_that_are_known_of_them(
    width: int, million_params: float
) -> None:
    """The published figures leave out scales and shifts of normalisation."""
    architecture = published(256, width)
    last = len(architecture.levels) - 1
    norms = sum(level.channels for level in architecture.levels[1:last])
    norms += sum(architecture.outer(i) for i in range(1, last + 1))
    assert round((params(architecture) - 2 * norms) / 1e6, 2) == million_params
