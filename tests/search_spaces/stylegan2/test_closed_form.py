"""The closed forms of MACs and parameters are what fvcore and the built network say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.budget import measure
from search_spaces import RandomSuggest
from search_spaces.stylegan2 import Block, GeneratorArchitecture, StyleGAN2Generator, StyleGAN2Space
from search_spaces.stylegan2.architecture import macs, params
from tests.search_spaces.stylegan2.teachers import stylegan2, teachers


def student(teacher: GeneratorArchitecture, seed: int, share: float) -> GeneratorArchitecture:
    space = StyleGAN2Space(teacher)
    limit = max(space.macs(space.smallest()), share * space.macs(teacher))
    return space.sample(RandomSuggest(seed), lambda a: space.macs(a) / limit)


def built(architecture: GeneratorArchitecture) -> tuple[int, int]:
    cost = measure(StyleGAN2Generator(architecture))
    return cost.macs, cost.params


@settings(max_examples=50)
@given(teachers(), st.integers(0, 10**6), st.floats(0.05, 1.0))
def test_teachers_and_their_students_cost_what_fvcore_counts(
    teacher: GeneratorArchitecture, seed: int, share: float
) -> None:
    for architecture in (teacher, student(teacher, seed, share), student(teacher, seed + 1, 1.0)):
        assert built(architecture) == (macs(architecture), params(architecture))


@settings(max_examples=200)
@given(teachers(), st.integers(0, 10**6), st.floats(0.05, 1.0))
def test_parameters_are_those_of_the_built_network(
    teacher: GeneratorArchitecture, seed: int, share: float
) -> None:
    architecture = student(teacher, seed, share)
    network = StyleGAN2Generator(architecture)
    assert params(architecture) == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("seed", range(4))
def test_students_at_256_px_cost_what_fvcore_counts(seed: int) -> None:
    architecture = student(stylegan2(256, 4096, 128), seed, 0.25)
    assert built(architecture) == (macs(architecture), params(architecture))


@pytest.mark.parametrize(
    ("resolution", "channel_base", "gmacs", "million_params"),
    [
        (32, 16384, 4.020, 21.52),
        (256, 16384, 15.036, 24.77),
        (256, 32768, 45.375, 30.03),
        (1024, 32768, 75.385, 30.37),
    ],
)
def test_the_published_networks_cost_what_is_known_of_them(
    resolution: int, channel_base: int, gmacs: float, million_params: float
) -> None:
    architecture = stylegan2(resolution, channel_base)
    assert round(macs(architecture) / 1e9, 3) == gmacs
    assert round(params(architecture) / 1e6, 2) == million_params


@pytest.mark.slow
def test_the_published_256_px_network_costs_what_fvcore_counts() -> None:
    architecture = stylegan2(256, 16384)
    assert built(architecture) == (macs(architecture), params(architecture))


@pytest.mark.parametrize(
    ("resolution", "share", "gmacs", "million_params"),
    [
        (256, 0.75, 25.39, 18.66),
        (256, 0.5, 11.30, 10.21),
        (256, 0.3, 4.01, 5.53),
        (256, 0.25, 2.83, 4.69),
        (1024, 0.75, 41.81, 18.88),
        (1024, 0.5, 18.62, 10.34),
        (1024, 0.3, 6.50, 5.60),
        (1024, 0.25, 4.68, 4.75),
    ],
)
def test_uniformly_slimmed_networks_cost_what_is_known_of_them(
    resolution: int, share: float, gmacs: float, million_params: float
) -> None:
    full = stylegan2(resolution, 32768)
    narrow = GeneratorArchitecture(tuple(Block(int(b.channels * share), b.convs) for b in full.blocks))
    blurs = sum(16 * (4 << i) ** 2 * (b.channels + 3) for i, b in enumerate(narrow.blocks) if i > 0)
    assert (macs(narrow) - blurs) / 1e9 == pytest.approx(gmacs, abs=0.0051)
    assert params(narrow) / 1e6 == pytest.approx(million_params, abs=0.0051)
