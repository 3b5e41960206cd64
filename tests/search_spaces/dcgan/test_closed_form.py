"""The closed forms of MACs and parameters are what fvcore and the built network say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.budget import measure
from search_spaces import RandomSuggest
from search_spaces.dcgan import DCGANGenerator, DCGANSpace, GeneratorArchitecture
from search_spaces.dcgan.architecture import macs, params
from tests.search_spaces.dcgan.teachers import published, teachers


def student(teacher: GeneratorArchitecture, seed: int, share: float) -> GeneratorArchitecture:
    space = DCGANSpace(teacher)
    limit = max(space.macs(space.smallest()), share * space.macs(teacher))
    return space.sample(RandomSuggest(seed), lambda a: space.macs(a) / limit)


def built(architecture: GeneratorArchitecture) -> tuple[int, int]:
    cost = measure(DCGANGenerator(architecture))
    return cost.macs, cost.params


@settings(max_examples=60, deadline=None)
@given(teachers(), st.integers(0, 10**6), st.floats(0.05, 1.0))
def test_teachers_and_their_students_cost_what_fvcore_counts(
    teacher: GeneratorArchitecture, seed: int, share: float
) -> None:
    for architecture in (teacher, student(teacher, seed, share)):
        assert built(architecture) == (macs(architecture), params(architecture))


@pytest.mark.parametrize("resolution", [28, 32, 64])
def test_the_published_network_costs_what_fvcore_counts(resolution: int) -> None:
    architecture = published(4, resolution, image_channels=3)
    assert built(architecture) == (macs(architecture), params(architecture))


def test_the_first_map_takes_few_macs_and_each_doubling_as_many_as_the_one_before() -> None:
    d = 16
    hidden = 16 * (16 * 8 * 4 + 64 * 4 * 2 + 256 * 2) * d**2  # taps × input pixels × widths
    assert macs(published(d)) == 16 * 100 * 8 * d + hidden + 16 * 1024 * d
