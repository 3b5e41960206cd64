"""What StarGAN networks cost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from search_spaces.stargan import GeneratorArchitecture, StarGANGenerator
from search_spaces.stargan.architecture import macs, params
from tests.search_spaces.costs import built
from tests.search_spaces.stargan.teachers import published, teachers


@settings(max_examples=60, deadline=None)
@given(teachers())
def test_every_shape_costs_what_fvcore_counts(architecture: GeneratorArchitecture) -> None:
    assert built(StarGANGenerator(architecture)) == (macs(architecture), params(architecture))


def test_the_published_generator_costs_what_is_known_of_it() -> None:
    architecture = published(128)
    assert built(StarGANGenerator(architecture)) == (macs(architecture), params(architecture))
    assert params(architecture) == 8_430_528
    assert macs(architecture) == pytest.approx(9.99e9, rel=1e-3)


@pytest.mark.parametrize(("width", "parameters"), [(16, 0.15e6), (32, 0.56e6)])
def test_students_of_separable_blocks_are_as_small_as_known(width: int, parameters: float) -> None:
    student = replace(published(128, width), blocks=("separable",) * 6)
    assert params(student) == pytest.approx(parameters, rel=0.02)


def test_two_blocks_of_six_cost_what_lit_reports() -> None:
    student = published(128, blocks=2)
    assert params(student) == pytest.approx(3.71e6, rel=1e-3)
    assert macs(student) == pytest.approx(5.13e9, rel=0.01)
