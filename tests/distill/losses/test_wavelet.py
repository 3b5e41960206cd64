"""The wavelet term sees details alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from distill.losses import haar, wavelet_l1

SIDES = st.integers(1, 24)


def pictures(height: int, width: int, seed: int = 0, channels: int = 2) -> Tensor:
    return torch.rand(3, channels, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def restored(low: Tensor, high: Tensor) -> Tensor:
    """The images that `haar` took apart."""
    across, down, both = high.unbind(dim=1)
    quarters = {
        (0, 0): low + across + down + both,
        (0, 1): low - across + down - both,
        (1, 0): low + across - down - both,
        (1, 1): low - across - down + both,
    }
    n, c, h, w = low.shape
    images = low.new_zeros(n, c, 2 * h, 2 * w)
    for (row, column), values in quarters.items():
        images[..., row::2, column::2] = values / 2
    return images


@given(SIDES, SIDES)
def test_the_transform_can_be_undone_and_keeps_the_energy(half_height: int, half_width: int) -> None:
    images = pictures(2 * half_height, 2 * half_width)
    low, high = haar(images)
    assert torch.allclose(restored(low, high), images, atol=1e-5)
    assert float(low.square().sum() + high.square().sum()) == pytest.approx(
        float(images.square().sum()), rel=1e-4
    )


@given(SIDES, SIDES, st.floats(-2, 2))
def test_a_constant_shift_has_no_distance(height: int, width: int, shift: float) -> None:
    images = pictures(height, width)
    shifts = torch.full((1, 2, 1, 1), shift) * torch.tensor([1.0, -0.5])[:, None, None]
    assert float(wavelet_l1(images + shifts, images)) == pytest.approx(0.0, abs=1e-5)


@given(st.integers(2, 24), st.integers(2, 24))
def test_it_is_a_distance_of_details(height: int, width: int) -> None:
    one, other = pictures(height, width), pictures(height, width, seed=1)
    assert float(wavelet_l1(one, one)) == 0
    assert float(wavelet_l1(one, other)) == pytest.approx(float(wavelet_l1(other, one)))
    assert float(wavelet_l1(one, other)) > 0
    middle = (one + other) / 2
    assert float(wavelet_l1(middle, other)) == pytest.approx(float(wavelet_l1(one, other)) / 2, rel=1e-4)


def test_blocks_of_eight_pixels_have_no_details_within_three_levels() -> None:
    blocks = pictures(4, 4).repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)
    assert float(wavelet_l1(blocks, torch.zeros_like(blocks))) == pytest.approx(0.0, abs=1e-6)
    finer = pictures(8, 8).repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    assert float(wavelet_l1(finer, torch.zeros_like(finer))) > 0.1


def test_only_the_student_receives_gradients() -> None:
    student, teacher = pictures(7, 8).requires_grad_(True), pictures(7, 8, seed=1)
    wavelet_l1(student, teacher).backward()
    assert student.grad is not None
    assert student.grad.isfinite().all()
    assert (student.grad != 0).any()
