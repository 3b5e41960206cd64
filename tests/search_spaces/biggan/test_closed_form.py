"""What published BigGAN networks cost."""

from __future__ import annotations

import pytest

from search_spaces.biggan import BigGANGenerator, GeneratorArchitecture
from search_spaces.biggan.architecture import macs, params
from tests.search_spaces.biggan.teachers import published
from tests.search_spaces.costs import built


@pytest.mark.parametrize("resolution", [32, 64, 128])
def test_published_shapes_cost_what_fvcore_counts(resolution: int) -> None:
    architecture = published(resolution, width=8, classes=5)
    assert built(BigGANGenerator(architecture)) == (macs(architecture), params(architecture))


def as_the_public_code_counts(architecture: GeneratorArchitecture) -> int:
    """MACs where shortcuts follow the enlargement, and singular values take a third product."""
    total = macs(architecture)
    start = architecture.channels[0] * architecture.bottom_width**2
    normalised = architecture.chunks[0] * start + 9 * architecture.channels[-1] * 3
    widths = zip(architecture.channels, architecture.channels[1:], architecture.chunks[1:], strict=False)
    for (inside, out, chunk), side in zip(widths, architecture.sides[1:], strict=True):
        total += inside * out * (side**2 * 3 // 4) + (inside - out) * side**2
        normalised += 10 * inside * out + 9 * out**2
        normalised += 2 * (architecture.shared_dim + chunk) * (inside + out)
        normalised += out**2 * 10 // 8 if side in architecture.attention else 0
    return total + normalised


@pytest.mark.parametrize(("width", "gmacs", "million_params"), [(96, 21.35, 70.43), (48, 5.48, 18.38)])
def test_the_published_networks_cost_what_is_known_of_them(
    width: int, gmacs: float, million_params: float
) -> None:
    architecture = published(128, width)
    assert round(as_the_public_code_counts(architecture) / 1e9, 2) == gmacs
    assert round(params(architecture) / 1e6, 2) == million_params
    assert 0.94 < macs(architecture) / 1e9 / gmacs < 0.96
