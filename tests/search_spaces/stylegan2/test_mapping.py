"""The mapping network."""

from __future__ import annotations

import pytest
import torch

from search_spaces import example_inputs
from search_spaces.stylegan2.mapping import MappingNetwork


@torch.no_grad()
def test_it_looks_at_the_direction_of_z_alone() -> None:
    mapping, z = MappingNetwork(4, 4, layers=2), torch.randn(3, 4)
    assert torch.allclose(mapping(z), mapping(5 * z), atol=1e-5)


def test_one_of_classes_needs_labels() -> None:
    mapping = MappingNetwork(4, 4, layers=2, classes=3)
    z, labels = example_inputs(mapping.input_specs, 5)
    assert mapping(z, labels).shape == (5, 4)
    with pytest.raises(ValueError, match="3 classes needs labels"):
        mapping(z)
