"""What ResNet translators cost, in closed form, by fvcore's count and by publication."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.resnet_translator import ResnetTranslator, ResnetTranslatorSpace
from search_spaces.resnet_translator.architecture import GeneratorArchitecture, macs, params
from tests.search_spaces.budgets import student
from tests.search_spaces.costs import built
from tests.search_spaces.resnet_translator.teachers import published, teachers


@settings(max_examples=40, deadline=None)
@given(teachers(), st.integers(0, 10**6), st.floats(0.05, 1.0))
def test_teachers_and_their_students_cost_what_fvcore_counts(
    teacher: GeneratorArchitecture, seed: int, fraction: float
) -> None:
    space = ResnetTranslatorSpace(teacher)
    for architecture in (teacher, student(space, seed, fraction), space.smallest()):
        counted = built(ResnetTranslator(architecture))
        assert counted == (space.macs(architecture), space.params(architecture))


@pytest.mark.parametrize(
    ("width", "kind", "gmacs", "million_params"),
    [(64, "dense", 49.68, 11.378), (16, "separable", 1.006, 0.137)],
    ids=["CycleGAN", "mobile 16"],
)
def test_published_networks_cost_what_is_known_of_them(
    width: int, kind: str, gmacs: float, million_params: float
) -> None:
    architecture = published(256, width, kind)
    assert macs(architecture) / 1e9 == pytest.approx(gmacs, abs=0.005)
    assert params(architecture) / 1e6 == pytest.approx(million_params, abs=0.0005)
    assert round(params(published(256, 64, "separable")) / 1e6, 3) == 1.987
