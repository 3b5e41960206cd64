"""Weights of the terms that compare student and teacher, as a user writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.errors import RecipeError
from distill.recipes import SIMILARITY, format_similarity, parse_similarity
from distill.recipes.weight_decay import WeightDecay

WEIGHTS = st.fixed_dictionaries({name: st.integers(0, 40).map(lambda n: n / 8) for name in SIMILARITY})


@given(WEIGHTS.filter(lambda weights: any(weights.values())))
def test_what_is_written_is_read_back(weights: dict[str, float]) -> None:
    text = format_similarity(weights)
    assert parse_similarity(text) == weights
    assert format_similarity(parse_similarity(text)) == text


def test_terms_that_are_not_named_have_no_weight() -> None:
    found = parse_similarity(" wavelet = 0.5, pixel=2")
    assert found == {"pixel": 2.0, "feature": 0.0, "perceptual": 0.0, "wavelet": 0.5, "mmd": 0.0}
    assert format_similarity(found) == "pixel=2,wavelet=0.5", "in one order"


def test_the_defaults_are_those_of_the_recipe() -> None:
    recipe = WeightDecay()
    assert {name: getattr(recipe, name) for name in SIMILARITY} == SIMILARITY


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sharpness=1", "'sharpness' is unknown: choose from pixel, feature, perceptual, wavelet, mmd$"),
        ("", "term '' is unknown: choose from"),
        ("pixel=1,pixel=2", "'pixel' stands there twice"),
        ("pixel", "pixel: give a weight of at least 0, such as pixel=1"),
        ("mmd=-1", "mmd=-1: give a weight of at least 0, such as mmd=1"),
        ("mmd=nan", "mmd=nan: give a weight"),
        ("pixel=0,mmd=0", "no term has a weight: give one above 0, such as pixel=1"),
    ],
)
def test_a_wrong_weight_is_refused_with_the_fix(text: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        parse_similarity(text)
