"""Weights of smaller and of separable kernels."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from search_spaces.importance import fold_taps
from search_spaces.translation import rank_one, regressed


@pytest.mark.parametrize("kernel", [7, 5, 3, 1])
def test_a_folded_kernel_leaves_constant_maps_as_they_are(kernel: int) -> None:
    torch.manual_seed(0)
    weight, constant = torch.randn(4, 3, 7, 7), torch.randn(1, 3, 1, 1).expand(1, 3, 9, 9)
    small = fold_taps(weight, kernel, 1)
    assert small.shape == (4, 3, kernel, kernel)
    whole, folded = F.conv2d(constant, weight)[..., 0, 0], F.conv2d(constant, small)[..., 0, 0]
    assert torch.allclose(whole, folded, atol=1e-4)


def test_folding_keeps_the_middle() -> None:
    weight = torch.zeros(1, 1, 5, 5)
    weight[0, 0, 2, 2] = 3
    assert fold_taps(weight, 3, 1)[0, 0].tolist() == [[0, 0, 0], [0, 3, 0], [0, 0, 0]]


def test_a_product_of_kernel_and_channels_is_found_again() -> None:
    torch.manual_seed(0)
    product = torch.randn(5, 1, 3, 3) * torch.randn(5, 4)[:, :, None, None]
    kernels, channels = rank_one(product)
    assert kernels.shape == (5, 1, 3, 3)
    assert torch.allclose(kernels * channels[:, :, None, None], product, atol=1e-5)


def test_a_linear_map_is_found_again() -> None:
    torch.manual_seed(0)
    inputs, weight, bias = torch.randn(3, 4, 8, 8), torch.randn(5, 4, 1, 1), torch.randn(5)
    found, offset = regressed(inputs, F.conv2d(inputs, weight, bias))
    assert torch.allclose(found, weight, atol=0.1)
    assert torch.allclose(offset, bias, atol=0.05)


def test_maps_that_are_constant_give_finite_weights() -> None:
    weight, bias = regressed(torch.zeros(2, 3, 4, 4), torch.ones(2, 2, 4, 4))
    assert not weight.any()
    assert torch.allclose(bias, torch.ones(2))
