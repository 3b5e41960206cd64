"""What published StyleGAN2 networks cost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.stylegan2 import Block, GeneratorArchitecture, StyleGAN2Generator, StyleGAN2Space
from search_spaces.stylegan2.architecture import macs, params
from tests.search_spaces.budgets import student
from tests.search_spaces.costs import built
from tests.search_spaces.stylegan2.teachers import stylegan2, teachers


@settings(max_examples=200)
@given(teachers(), st.integers(0, 10**6), st.floats(0.05, 1.0))
def test_parameters_are_those_of_the_built_network(
    teacher: GeneratorArchitecture, seed: int, fraction: float
) -> None:
    architecture = student(StyleGAN2Space(teacher), seed, fraction)
    network = StyleGAN2Generator(architecture)
    assert params(architecture) == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("seed", range(4))
def test_students_at_256_px_cost_what_fvcore_counts(seed: int) -> None:
    architecture = student(StyleGAN2Space(stylegan2(256, 4096, 128)), seed, 0.25)
    assert built(StyleGAN2Generator(architecture)) == (macs(architecture), params(architecture))


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
    assert built(StyleGAN2Generator(architecture)) == (macs(architecture), params(architecture))


@pytest.mark.parametrize(
    ("resolution", "width", "gmacs", "million_params"),
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
def test_networks_of_uniform_width_cost_what_is_known_of_them(
    resolution: int, width: float, gmacs: float, million_params: float
) -> None:
    full = stylegan2(resolution, 32768)
    narrow = GeneratorArchitecture(tuple(Block(int(b.channels * width), b.convs) for b in full.blocks))
    blurs = sum(16 * (4 << i) ** 2 * (b.channels + 3) for i, b in enumerate(narrow.blocks) if i > 0)
    assert (macs(narrow) - blurs) / 1e9 == pytest.approx(gmacs, abs=0.0051)
    assert params(narrow) / 1e6 == pytest.approx(million_params, abs=0.0051)
