"""The closed forms of MACs and parameters are what fvcore and the built network say, in every family."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import FAMILIES
from tests.search_spaces.budgets import student
from tests.search_spaces.costs import built
from tests.search_spaces.teachers import STRATEGIES


@pytest.mark.parametrize(
    ("family", "examples"),
    [
        *(("stylegan2", 20), ("dcgan", 40), ("biggan", 10)),
        *(("resnet-translator", 15), ("unet-translator", 15), ("stargan", 15)),
    ],
)
def test_teachers_and_their_students_cost_what_fvcore_counts(family: str, examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(STRATEGIES[family], st.integers(0, 10**6), st.floats(0.05, 1.0))
    def costs_are_counted(teacher: Any, seed: int, fraction: float) -> None:
        space = FAMILIES[family].space(teacher)
        for architecture in (teacher, student(space, seed, fraction), student(space, seed + 1, 1.0)):
            counted = built(FAMILIES[family].build(architecture))
            assert counted == (space.macs(architecture), space.params(architecture))

    costs_are_counted()


def test_every_family_is_counted() -> None:
    assert set(STRATEGIES) == set(FAMILIES)
