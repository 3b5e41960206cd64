"""Relations of rows, columns and patches: against loops, under isometries, in parts, and at the edges."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from distill.losses import PARTS, angle_loss, distance_loss, relation_loss, relations

KINDS = list(PARTS)


def images(seed: int, side: int = 8, count: int = 2) -> Tensor:
    """Smooth random images with a blank row and a blank column: some parts are equal."""
    noise = torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed)).cumsum(3)
    noise[:, :, 1] = noise[:, :, 2]
    noise[:, :, :, 4] = noise[:, :, :, 5]
    return noise / 4


def loops(student: Tensor, teacher: Tensor) -> tuple[float, float]:
    """Distance and angle loss of parts (N, P, D) by the definitions, one pair and one triple at a time."""
    pairs, triples = list[float](), list[float]()
    for own, other in zip(student.double().tolist(), teacher.double().tolist(), strict=True):
        for i in range(len(own)):
            for j in range(len(own)):
                pairs.append(smooth_l1(distance(own, i, j) - distance(other, i, j)))
                triples += [smooth_l1(cosine(own, i, j, k) - cosine(other, i, j, k)) for k in range(len(own))]
    return sum(pairs) / len(pairs), sum(triples) / len(triples)


def smooth_l1(error: float) -> float:
    return error**2 / 2 if abs(error) < 1 else abs(error) - 0.5


def distance(parts: list[list[float]], i: int, j: int) -> float:
    found = [math.dist(a, b) for a in parts for b in parts]
    positive = [d for d in found if d > 0]
    return math.dist(parts[i], parts[j]) / (sum(positive) / len(positive))


def cosine(parts: list[list[float]], i: int, j: int, k: int) -> float:
    to_j = [a - b for a, b in zip(parts[j], parts[i], strict=True)]
    to_k = [a - b for a, b in zip(parts[k], parts[i], strict=True)]
    lengths = math.hypot(*to_j) * math.hypot(*to_k)
    return sum(a * b for a, b in zip(to_j, to_k, strict=True)) / lengths if lengths > 0 else 0.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_losses_are_those_of_the_definitions(kind: str, dtype: torch.dtype) -> None:
    side = 6 if kind == "patches" else 8  # 36 patches of a pixel: loops of loops take their time
    student, teacher = (PARTS[kind](images(seed, side, 1).to(dtype)) for seed in (0, 1))
    distances, angles = loops(student, teacher)
    assert float(distance_loss(student, teacher)) == pytest.approx(distances, abs=1e-6)
    assert float(angle_loss(student, teacher)) == pytest.approx(angles, abs=1e-6)
    assert float(relation_loss(student, teacher)) == pytest.approx(distances + 2 * angles, abs=1e-6)


def test_parts_are_rows_columns_and_patches_of_pixels() -> None:
    numbers = torch.arange(2 * 3 * 16 * 16).reshape(2, 3, 16, 16).float()
    assert torch.equal(PARTS["rows"](numbers)[1, 5], numbers[1, :, 5].flatten())
    assert torch.equal(PARTS["columns"](numbers)[1, 5], numbers[1, :, :, 5].flatten())
    assert torch.equal(PARTS["patches"](numbers)[1, 9], numbers[1, :, 2:4, 2:4].flatten())
    assert PARTS["patches"](torch.zeros(2, 3, 256, 256)).shape == (2, 64, 3 * 32 * 32)
    assert PARTS["patches"](torch.zeros(1, 1, 48, 48)).shape == (1, 64, 36)
    assert PARTS["patches"](torch.zeros(1, 1, 5, 5)).shape == (1, 25, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "change",
    [lambda x: -x, lambda x: x / 2, lambda x: x + 0.3, lambda x: x.flip(1), lambda x: x * 100],
    ids=["negative", "half the contrast", "brighter", "other channels", "scale"],
)
def test_isometries_and_scales_cost_nothing(kind: str, change: Callable[[Tensor], Tensor]) -> None:
    student, teacher = PARTS[kind](change(images(0))), PARTS[kind](images(0))
    assert float(relation_loss(student, teacher)) == pytest.approx(0, abs=1e-6)
    assert float(relation_loss(PARTS[kind](images(1)), teacher)) > 0.01


@pytest.mark.parametrize("loss", [distance_loss, angle_loss], ids=["distances", "angles"])
def test_gradients_are_those_of_finite_differences(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    student = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0)).double().requires_grad_(True)
    teacher = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(1)).double()
    (found,) = torch.autograd.grad(loss(student, teacher).double(), student)
    for index in [(0, 0, 0), (0, 3, 2), (1, 4, 3)]:
        moved = torch.zeros_like(student)
        moved[index] = 1e-2
        with torch.no_grad():
            change = loss(student + moved, teacher) - loss(student - moved, teacher)
        assert float(found[index]) == pytest.approx(float(change) / 2e-2, abs=2e-4)


def test_blocks_of_vertices_give_the_whole_loss_and_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    teacher, student = PARTS["rows"](images(1)), PARTS["rows"](images(0)).requires_grad_(True)
    found = []
    for block in (1, 3 * 2 * 8 * 8, 2**20):  # one vertex, three vertices, all of them
        monkeypatch.setitem(relations.BLOCK, "cpu", block)
        loss = angle_loss(student, teacher)
        found.append((loss.detach(), *torch.autograd.grad(loss, student)))
    for loss_and_gradient in found[1:]:
        torch.testing.assert_close(loss_and_gradient, found[0])


def test_a_sample_of_vertices_has_no_bias_and_follows_its_generator() -> None:
    student, teacher = PARTS["rows"](images(0, 16)), PARTS["rows"](images(1, 16))
    exact = float(angle_loss(student, teacher))
    rng = torch.Generator().manual_seed(0)
    drawn = torch.stack([angle_loss(student, teacher, 4, rng) for _ in range(400)])
    error = float(drawn.std()) / 400**0.5
    assert error > 0
    assert abs(float(drawn.mean()) - exact) < 3 * error
    again = angle_loss(student, teacher, 4, torch.Generator().manual_seed(0))
    assert float(again) == float(drawn[0])


@pytest.mark.parametrize("kind", KINDS)
def test_constant_images_have_finite_gradients(kind: str) -> None:
    student = torch.zeros(1, 3, 8, 8, requires_grad=True)
    relation_loss(PARTS[kind](student), PARTS[kind](images(0, count=1))).backward()
    assert student.grad is not None
    assert student.grad.isfinite().all()


def test_descent_brings_relations_together_and_leaves_the_teacher() -> None:
    student, teacher = images(0).requires_grad_(True), images(1).requires_grad_(True)
    optimizer, losses = torch.optim.Adam([student], lr=0.02), list[float]()
    for _ in range(60):
        loss = sum((relation_loss(part(student), part(teacher)) for part in PARTS.values()), torch.zeros(()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]
    assert teacher.grad is None
