"""The variance of the Laplacian measures sharpness, and keeps its laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from distill.data import load_images
from distill.evaluation.sharpness import LUMA, variance_of_laplacian


def images(seed: int, channels: int = 1) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return 255 * torch.rand(3, channels, 9, 12, generator=rng, dtype=torch.float64)


def test_it_is_the_variance_of_scipys_laplacian() -> None:
    digits = load_images("digits", 16, 1).images[:5]
    expected = [ndimage.laplace(image[0].double().numpy(), mode="mirror").var() for image in digits]
    assert variance_of_laplacian(digits).numpy() == pytest.approx(np.array(expected))


@given(seed=st.integers(0, 99), contrast=st.floats(0.01, 1), brightness=st.floats(0, 100))
def test_contrast_counts_squared_and_brightness_not_at_all(
    seed: int, contrast: float, brightness: float
) -> None:
    plain = variance_of_laplacian(images(seed))
    assert torch.allclose(
        variance_of_laplacian(contrast * images(seed) + brightness), contrast**2 * plain, rtol=1e-6
    )


@given(seed=st.integers(0, 99), channels=st.sampled_from([1, 3]))
def test_turning_an_image_changes_nothing(seed: int, channels: int) -> None:
    plain = variance_of_laplacian(images(seed, channels))
    assert torch.allclose(variance_of_laplacian(images(seed, channels).flip(-1)), plain)
    assert torch.allclose(variance_of_laplacian(images(seed, channels).mT), plain)


def test_blur_lowers_it_and_a_flat_image_has_none() -> None:
    digits = load_images("digits", 16, 1).images[:50].float()
    blurred = torch.nn.functional.avg_pool2d(digits, 3, stride=1, padding=1)
    assert (variance_of_laplacian(blurred) < variance_of_laplacian(digits)).all()
    assert variance_of_laplacian(torch.full((2, 3, 8, 8), 200, dtype=torch.uint8)).tolist() == [0, 0]


def test_colours_weigh_as_the_eye_sees_them() -> None:
    grey = images(0)
    assert torch.allclose(variance_of_laplacian(grey.repeat(1, 3, 1, 1)), variance_of_laplacian(grey))
    for channel, weight in enumerate(LUMA):
        coloured = torch.zeros(3, 3, 9, 12, dtype=torch.float64)
        coloured[:, channel : channel + 1] = grey
        assert torch.allclose(variance_of_laplacian(coloured), weight**2 * variance_of_laplacian(grey))
