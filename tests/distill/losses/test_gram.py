"""Gram matrices of feature maps."""

from __future__ import annotations

import pytest
import torch

from distill.losses import gram, gram_l1


def maps(seed: int, channels: int = 3, side: int = 4) -> torch.Tensor:
    return torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(seed))


def test_gram_matrices_are_mean_products_of_channels() -> None:
    features = maps(0)
    found = gram(features)
    assert found.shape == (2, 3, 3)
    expected = float((features[1, 0] * features[1, 2]).sum()) / (3 * 4 * 4)
    assert float(found[1, 0, 2]) == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(found, found.transpose(1, 2))


def test_where_a_feature_is_does_not_matter() -> None:
    features = maps(0)
    assert float(gram_l1([features], [features.flip(3)])) == pytest.approx(0, abs=1e-6)
    assert float(gram_l1([features], [features.flip(1)])) > 0.01


def test_maps_count_alike_and_half_precision_is_raised() -> None:
    student, teacher = [maps(0), maps(1, 5, 2)], [maps(2), maps(3, 5, 2)]
    each = [float(gram_l1([s], [t])) for s, t in zip(student, teacher, strict=True)]
    assert float(gram_l1(student, teacher)) == pytest.approx(sum(each) / 2, rel=1e-5)
    scaled = float(gram_l1([student[0] * 100, student[1]], [teacher[0] * 100, teacher[1]]))
    assert scaled == pytest.approx(sum(each) / 2, rel=1e-4)
    assert gram(maps(0).half()).dtype == torch.float32
