"""Losses have the values that their definitions give by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from distill.losses import discriminator_logistic, feature_l1, generator_logistic, pixel_l1, r1_penalty


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_the_generator_wants_high_logits() -> None:
    fake = torch.tensor([0.0, 2.0, -1.0])
    expected = (softplus(0.0) + softplus(-2.0) + softplus(1.0)) / 3
    assert float(generator_logistic(fake).mean()) == pytest.approx(expected)
    assert (generator_logistic(fake + 1) < generator_logistic(fake)).all()


def test_the_discriminator_wants_high_logits_for_real_images_only() -> None:
    real, fake = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0])
    expected = (softplus(-1.0) + softplus(2.0)) / 2 + (softplus(0.5) + softplus(3.0)) / 2
    assert float(discriminator_logistic(real, fake)) == pytest.approx(expected)
    assert discriminator_logistic(real + 1, fake) < discriminator_logistic(real, fake)
    assert discriminator_logistic(real, fake + 1) > discriminator_logistic(real, fake)


def test_logistic_losses_stay_finite_far_out() -> None:
    far = torch.tensor([-1e4, 1e4])
    assert generator_logistic(far).isfinite().all()
    assert discriminator_logistic(far, far).isfinite()


def test_r1_of_a_linear_discriminator_is_its_squared_norm() -> None:
    weight = torch.randn(2, 4, 4)
    images = torch.randn(5, 2, 4, 4, requires_grad=True)
    logits = (images * weight).sum(dim=(1, 2, 3))
    assert float(r1_penalty(images, logits).detach()) == pytest.approx(float(weight.square().sum()), rel=1e-5)


def test_r1_is_what_finite_differences_say() -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Softplus(), nn.Flatten(), nn.Linear(12, 1)).double()
    images = torch.randn(3, 1, 4, 4, dtype=torch.float64)

    @torch.no_grad()
    def score(x: Tensor) -> Tensor:
        return layers(x).squeeze(1)

    squares, step = torch.zeros(3, dtype=torch.float64), 1e-5
    for pixel in torch.eye(16, dtype=torch.float64).view(16, 1, 4, 4):
        squares += ((score(images + step * pixel) - score(images - step * pixel)) / (2 * step)) ** 2
    images.requires_grad_(True)
    penalty = r1_penalty(images, layers(images).squeeze(1)).detach()
    assert float(penalty) == pytest.approx(float(squares.mean()), rel=1e-6)


def test_r1_can_be_minimised() -> None:
    layer = nn.Conv2d(1, 1, 4)
    images = torch.randn(2, 1, 4, 4, requires_grad=True)
    penalty = r1_penalty(images, layer(images).flatten())
    penalty.backward()
    assert torch.allclose(layer.weight.grad, 2 * layer.weight.detach(), rtol=1e-4)


def test_pixel_l1_is_the_mean_absolute_difference() -> None:
    one, other = (
        torch.tensor([[[[0.0, 1.0]]], [[[-1.0, 0.5]]]]),
        torch.tensor([[[[0.5, 1.0]]], [[[1.0, 0.0]]]]),
    )
    assert float(pixel_l1(one, other)) == pytest.approx((0.5 + 0 + 2 + 0.5) / 4)
    assert float(pixel_l1(one, one)) == 0


def test_feature_l1_is_in_units_of_the_teachers_magnitude_at_each_layer() -> None:
    teacher = [torch.full((1, 1, 2, 2), 2.0), torch.full((1, 3, 1, 1), -10.0)]
    student = [torch.full((1, 1, 2, 2), 3.0), torch.full((1, 3, 1, 1), -5.0)]
    assert float(feature_l1(student, teacher)) == pytest.approx((1 / 2 + 5 / 10) / 2)
    tenfold = feature_l1([10 * s for s in student], [10 * t for t in teacher])
    assert float(tenfold) == pytest.approx(float(feature_l1(student, teacher)))
    assert float(feature_l1(teacher, teacher)) == 0


def test_feature_l1_of_a_dead_layer_is_finite() -> None:
    assert feature_l1([torch.ones(1, 1, 1, 1)], [torch.zeros(1, 1, 1, 1)]).isfinite()


def test_features_of_another_depth_are_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        feature_l1([torch.ones(1)], [torch.ones(1), torch.ones(1)])
