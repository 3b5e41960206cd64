"""Distributions of features are compared, not the features of one image with those of another."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from distill.losses import squared_mmd


def features(count: int, seed: int, dimensions: int = 16) -> Tensor:
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed))


@given(st.integers(2, 40), st.integers(0, 1000))
def test_equal_features_have_no_distance(count: int, seed: int) -> None:
    same = features(count, seed)
    assert float(squared_mmd(same, same)) == pytest.approx(0.0, abs=1e-6)


def test_samples_of_one_distribution_have_no_distance_in_the_mean() -> None:
    found = torch.stack([squared_mmd(features(32, 2 * i), features(32, 2 * i + 1)) for i in range(200)])
    error = float(found.std()) / len(found) ** 0.5
    assert abs(float(found.mean())) < 3 * error
    assert (found < 0).any()


def test_distributions_that_differ_more_are_further_apart() -> None:
    shifts = [float(squared_mmd(features(200, 0) + shift, features(200, 1))) for shift in (0.0, 0.5, 1.0)]
    assert shifts == sorted(shifts)
    assert shifts[1] > 10 * abs(shifts[0])
    narrow = float(squared_mmd(features(200, 0) * 0.3, features(200, 1)))
    assert narrow > 10 * abs(shifts[0]), "too little variety is seen, too"


def test_which_image_is_whose_says_nothing() -> None:
    student, teacher = features(200, 0), features(200, 0).roll(1, dims=0)
    assert float(squared_mmd(student, teacher)) == pytest.approx(0.0, abs=0.01)


def test_the_unit_of_features_does_not_matter() -> None:
    student, teacher = features(40, 0) + 0.5, features(40, 1)
    expected = float(squared_mmd(student, teacher))
    assert float(squared_mmd(1000 * student, 1000 * teacher)) == pytest.approx(expected, rel=1e-3)


def test_descent_moves_a_students_distribution_to_its_teachers() -> None:
    student, teacher = (features(64, 0) * 0.5 + 1).requires_grad_(True), features(64, 1)
    start = float(squared_mmd(student, teacher).detach())
    optimizer = torch.optim.Adam([student], lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        squared_mmd(student, teacher).backward()
        optimizer.step()
    assert float(squared_mmd(student, teacher).detach()) < 0.2 * start
    assert teacher.grad is None


@pytest.mark.parametrize("count", [1, 2])
def test_few_images_and_constant_features_give_finite_gradients(count: int) -> None:
    student = torch.zeros(count, 4, requires_grad=True)
    squared_mmd(student, torch.zeros(count, 4)).backward()
    assert student.grad is not None
    assert student.grad.isfinite().all()
