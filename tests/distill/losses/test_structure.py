"""Structural similarity and total variation, against loops over windows in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from distill.losses import ssim, total_variation


def images(seed: int, side: int = 16) -> Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def by_loops(one: Tensor, other: Tensor, size: int) -> float:
    """The definition: statistics of every window, weighted by a Gaussian of 1.5 px."""
    line = torch.tensor([math.exp(-((i - (size - 1) / 2) ** 2) / 4.5) for i in range(size)]).double()
    weights = torch.outer(line, line) / torch.outer(line, line).sum()
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    found = []
    intensities = ((1 + images.double()).flatten(0, 1) for images in (one, other))
    for x, y in zip(*intensities, strict=True):
        for i in range(x.shape[0] - size + 1):
            for j in range(x.shape[1] - size + 1):
                a, b = x[i : i + size, j : j + size], y[i : i + size, j : j + size]
                mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
                spread_a = (weights * (a - mean_a) ** 2).sum()
                spread_b = (weights * (b - mean_b) ** 2).sum()
                both = (weights * (a - mean_a) * (b - mean_b)).sum()
                found.append(
                    (2 * mean_a * mean_b + c1)
                    * (2 * both + c2)
                    / ((mean_a**2 + mean_b**2 + c1) * (spread_a + spread_b + c2))
                )
    return float(torch.stack(found).mean())


@pytest.mark.parametrize(("side", "size"), [(16, 11), (8, 8)])
def test_similarity_is_that_of_the_definition(side: int, size: int) -> None:
    one, other = images(0, side), images(1, side)
    assert float(ssim(one, other)) == pytest.approx(by_loops(one, other, size), abs=1e-5)
    mixed = 0.7 * one + 0.3 * other
    assert float(ssim(one, mixed)) == pytest.approx(by_loops(one, mixed, size), abs=1e-5)


def test_equal_images_are_as_similar_as_can_be() -> None:
    one = images(0)
    assert float(ssim(one, one)) == pytest.approx(1.0, abs=1e-6)
    assert float(ssim(one, -one)) < 0 < float(ssim(one, 0.5 * one)) < 1


def test_total_variation_is_the_mean_difference_of_neighbours() -> None:
    ramp = torch.arange(4.0).expand(1, 1, 3, 4)
    assert float(total_variation(ramp)) == 1.0
    assert float(total_variation(torch.ones(1, 3, 5, 5))) == 0.0
