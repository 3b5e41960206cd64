"""What published DCGAN networks cost."""

from __future__ import annotations

import pytest

from search_spaces.dcgan import DCGANGenerator
from search_spaces.dcgan.architecture import macs, params
from tests.search_spaces.costs import built
from tests.search_spaces.dcgan.teachers import published


@pytest.mark.parametrize("resolution", [28, 32, 64])
def test_the_published_network_costs_what_fvcore_counts(resolution: int) -> None:
    architecture = published(4, resolution, image_channels=3)
    assert built(DCGANGenerator(architecture)) == (macs(architecture), params(architecture))


def test_the_first_map_takes_few_macs_and_each_doubling_as_many_as_the_one_before() -> None:
    d = 16
    hidden = 16 * (16 * 8 * 4 + 64 * 4 * 2 + 256 * 2) * d**2  # taps × input pixels × widths
    assert macs(published(d)) == 16 * 100 * 8 * d + hidden + 16 * 1024 * d
