"""Augmentation keeps images what they are but for what it is asked to do, and follows the discriminator."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from distill.training import augmentation as augment
from distill.training.augmentation import RAMP, TARGET, Augment, recolour, warp

CHANNELS = pytest.mark.parametrize("channels", [1, 3], ids=["grey", "rgb"])
TRANSFORMS = pytest.mark.parametrize("transform", [warp, recolour, lambda x, p: Augment(p)(x)])
Transform = Callable[[Tensor, float], Tensor]


def images(channels: int = 3, count: int = 6, side: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.rand(count, channels, side, side, generator=generator) * 2 - 1


@CHANNELS
@TRANSFORMS
def test_probability_zero_gives_the_images_back_to_the_bit(transform: Transform, channels: int) -> None:
    batch = images(channels)
    assert torch.equal(transform(batch, 0.0), batch)


@CHANNELS
@TRANSFORMS
@pytest.mark.parametrize("p", [0.1, 0.5, 1.0])
def test_shape_and_type_stay_and_values_are_finite(transform: Transform, channels: int, p: float) -> None:
    torch.manual_seed(0)
    batch = images(channels, 32)
    changed = transform(batch, p)
    assert (changed.shape, changed.dtype) == (batch.shape, batch.dtype)
    assert changed.isfinite().all()
    assert not torch.equal(changed, batch)


@CHANNELS
def test_the_same_seed_augments_alike_and_another_otherwise(channels: int) -> None:
    outcomes = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outcomes.append(Augment(0.8)(images(channels)))
    assert torch.equal(outcomes[0], outcomes[1])
    assert not torch.equal(outcomes[0], outcomes[2])


def test_images_of_a_batch_are_augmented_each_for_itself() -> None:
    torch.manual_seed(0)
    same = images(count=1).expand(64, -1, -1, -1)
    changed = Augment(0.1)(same)
    untouched = sum(bool(torch.equal(a, b)) for a, b in zip(changed, same, strict=True))
    assert 5 < untouched < 50
    assert len({tuple(image.flatten()[:8].tolist()) for image in changed}) > 10


@CHANNELS
@TRANSFORMS
def test_gradients_reach_every_image(transform: Transform, channels: int) -> None:
    torch.manual_seed(0)
    batch = images(channels, 16).requires_grad_(True)
    transform(batch, 0.5).square().sum().backward()
    assert batch.grad is not None
    assert batch.grad.isfinite().all()
    assert all(gradient.any() for gradient in batch.grad)


def only(monkeypatch: pytest.MonkeyPatch, wanted: int) -> None:
    """Of the transformations of one kind, draw the one of this number and no other."""
    count = 0

    def drawn(self: augment._Chain, matrices: Tensor, p: Tensor) -> Tensor:
        nonlocal count
        chosen, count = count == wanted, count + 1
        self.used = self.used | chosen
        return matrices if chosen else self.identity

    monkeypatch.setattr(augment._Chain, "drawn", drawn)


def test_flips_turns_and_whole_shifts_move_pixels_and_make_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blits (the first three) are exact: away from the borders, every output pixel is one of the input's."""
    for number, allowed in ((0, _flips), (1, _turns), (2, _shifts)):
        torch.manual_seed(number)
        only(monkeypatch, number)
        batch = images(count=24)
        for before, after in zip(batch, warp(batch, 1.0), strict=True):
            assert any(torch.allclose(after, possible, atol=1e-4) for possible in allowed(before))


def _flips(image: Tensor) -> list[Tensor]:
    return [image, image.flip(-1)]


def _turns(image: Tensor) -> list[Tensor]:
    return [image.rot90(turns, (1, 2)) for turns in range(4)]


def _shifts(image: Tensor) -> list[Tensor]:
    mirrored = torch.cat([image.flip(-1), image, image.flip(-1)], dim=-1)
    mirrored = torch.cat([mirrored.flip(-2), mirrored, mirrored.flip(-2)], dim=-2)
    reach, side = round(augment.SHIFT * image.shape[-1]), image.shape[-1]
    steps = range(-reach, reach + 1)
    return [mirrored[:, side + y : 2 * side + y, side + x : 2 * side + x] for x in steps for y in steps]


@pytest.mark.parametrize("number", range(8))
def test_every_geometric_transformation_moves_something(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    torch.manual_seed(number)
    only(monkeypatch, number)
    batch = images(count=16)
    assert not torch.allclose(warp(batch, 1.0), batch, atol=1e-3)


def test_a_flat_image_stays_flat_wherever_it_is_moved() -> None:
    torch.manual_seed(0)
    batch = torch.full((32, 3, 16, 16), 0.25)
    assert torch.allclose(warp(batch, 1.0), batch, atol=1e-5)


def test_hue_and_saturation_leave_luminance_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = images()
    for number in (3, 4):
        torch.manual_seed(number)
        only(monkeypatch, number)
        changed = recolour(batch, 1.0)
        assert torch.allclose(changed.mean(dim=1), batch.mean(dim=1), atol=1e-5)
        assert not torch.allclose(changed, batch, atol=1e-2)


def test_a_hue_turn_keeps_distances_between_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    only(monkeypatch, 3)
    batch = images()
    assert torch.allclose(recolour(batch, 1.0).norm(dim=1), batch.norm(dim=1), atol=1e-5)


@pytest.mark.parametrize("number", range(3))
def test_grey_is_coloured_as_rgb_of_three_equal_channels(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    grey, outcomes = images(channels=1), []
    for batch in (grey, grey.expand(-1, 3, -1, -1)):
        torch.manual_seed(number)
        only(monkeypatch, number)
        outcomes.append(recolour(batch, 1.0))
    assert torch.allclose(outcomes[1], outcomes[0].expand(-1, 3, -1, -1), atol=1e-5)


def test_luma_flip_turns_black_into_white(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    only(monkeypatch, 2)
    batch = torch.full((16, 3, 4, 4), 0.5)
    found = {round(float(image.mean()), 3) for image in recolour(batch, 1.0)}
    assert found == {0.5, -0.5}


def answered(mean_sign: float, count: int = 100) -> Tensor:
    positive = round(count * (1 + mean_sign) / 2)
    return torch.cat([torch.ones(positive), -torch.ones(count - positive)])


def test_p_rises_while_the_discriminator_overfits_and_falls_when_it_does_not() -> None:
    adaptive = Augment.adaptive()
    adaptive.observe(answered(0.9))
    adaptive.observe(answered(0.9))
    adaptive.adjust()
    assert float(adaptive.p) == pytest.approx(200 / RAMP)
    adaptive.observe(answered(TARGET - 0.2))
    adaptive.adjust()
    assert float(adaptive.p) == pytest.approx(100 / RAMP)


def test_p_stays_between_zero_and_one() -> None:
    adaptive = Augment(0.9999, TARGET)
    for sign, bound in ((1.0, 1.0), (-1.0, 0.0)):
        for _ in range(3):
            adaptive.observe(torch.full((RAMP,), sign))
            adaptive.adjust()
        assert float(adaptive.p) == bound
        assert Augment(float(adaptive.p))(images()).isfinite().all()


def test_a_fixed_p_follows_nobody() -> None:
    fixed = Augment(0.3)
    fixed.observe(answered(1.0))
    fixed.adjust()
    assert float(fixed.p) == pytest.approx(0.3)


def test_where_adaptation_stands_is_in_its_state() -> None:
    first, second = Augment.adaptive(), Augment.adaptive()
    first.observe(answered(0.9))
    second.load_state_dict(first.state_dict())
    for one in (first, second):
        one.observe(answered(0.9))
        one.adjust()
    assert float(second.p) == float(first.p) == pytest.approx(200 / RAMP)


def test_pi_is_half_a_turn() -> None:
    axis = torch.ones(3) / math.sqrt(3)
    turned = augment._around(axis, torch.tensor([0.0, 2 * math.pi, math.pi]))
    assert torch.allclose(turned[0], torch.eye(4), atol=1e-6)
    assert torch.allclose(turned[1], torch.eye(4), atol=1e-5)
    assert torch.allclose(turned[2] @ turned[2], torch.eye(4), atol=1e-5)
