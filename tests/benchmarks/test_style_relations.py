"""StyleKD's relations: between images of a batch and the same images moved along directions of styles."""

from __future__ import annotations

import itertools

import pytest
import torch

from benchmarks.style_relations import moved_features, principal_directions, relation_kl
from distill.teachers import load_teacher


def test_equal_relations_cost_nothing_whatever_the_features_are() -> None:
    """Another basis and another scale leave all cosines alone; other features do not."""
    torch.manual_seed(0)
    features = torch.randn(8, 16)
    turned = 3 * features @ torch.linalg.qr(torch.randn(16, 16))[0]
    assert float(relation_kl(turned, features)) == pytest.approx(0, abs=1e-5)
    assert float(relation_kl(torch.randn(8, 24), features)) > 0.01


def test_the_loss_is_the_divergence_of_rows_of_cosines() -> None:
    own, known = torch.eye(4), torch.tensor([[1.0, 0], [0, 1], [0, 1], [1, 0]])
    own_rows = torch.full((2, 2), 0.5)  # all four features are orthogonal
    known_rows = torch.softmax(torch.tensor([[0.0, 1], [1, 0]]), dim=1)
    expected = (known_rows * (known_rows / own_rows).log()).sum() / 2
    assert float(relation_kl(own, known)) == pytest.approx(float(expected), abs=1e-6)


def test_moved_features_are_of_the_images_and_then_of_those_at_moved_styles() -> None:
    teacher = load_teacher(None).generator
    z = torch.randn(3, teacher.architecture.latent_dim)  # type: ignore[attr-defined]  # StyleGAN2's
    directions = principal_directions(teacher, lambda count: [torch.randn(count, z.shape[1])])
    sizes = directions.norm(dim=1)
    assert all(a >= b for a, b in itertools.pairwise(sizes)), "the widest first"
    with torch.no_grad():
        still = moved_features(teacher, [z], torch.zeros(3, directions.shape[1]))
        moved = moved_features(teacher, [z], directions[:1].expand(3, -1))
    assert len(still) == 2, "every block but the first"
    for a, b in zip(still, moved, strict=True):
        assert len(a) == 6
        assert torch.allclose(a[:3], a[3:], rtol=0.1, atol=1.0), "but for the noise of layers"
        assert not torch.allclose(b[:3], b[3:], rtol=0.1, atol=1.0)
