"""The teachers that people train: widths and R1 as published."""

from __future__ import annotations

import pytest

from search_spaces import ArchitectureError
from search_spaces.stylegan2 import TeacherOptions
from search_spaces.stylegan2.published import r1_gamma, teacher_architecture


def test_widths_are_those_of_the_published_network_at_256_px() -> None:
    architecture = teacher_architecture(TeacherOptions(), 256, 3)
    assert [block.channels for block in architecture.blocks] == [512, 512, 512, 512, 256, 128, 64]
    assert [block.convs for block in architecture.blocks] == [1, 2, 2, 2, 2, 2, 2]
    assert (architecture.latent_dim, architecture.style_dim, architecture.mapping_layers) == (512, 512, 8)


def test_r1_is_as_heavy_as_published() -> None:
    assert r1_gamma(256, 32) == pytest.approx(0.4096)


def test_widths_that_leave_no_channel_are_refused() -> None:
    with pytest.raises(ArchitectureError, match="channels base 128: no channel is left, give 256 or more"):
        teacher_architecture(TeacherOptions(channels_base=128), 256, 3)
