"""Raw arrays in, raw images out: those of the public implementations, for every family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nas.checkpoints import raw_images
from search_spaces import UserError
from tests.search_spaces.stargan.test_checkpoints import content, public_generator

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
CYCLEGAN, STARGAN = REFERENCE / "cyclegan_resnet6_instance_net_G.pth", REFERENCE / "stargan_64-G.ckpt"

FILES = [  # file, arrays, inputs, labels, images, options
    ("cyclegan_resnet6_instance_net_G.pth", "cyclegan_resnet6_instance", "x", "", "image", {}),
    ("cyclegan_resnet6_instance_nodropout_net_G.pth", "cyclegan_resnet6_instance", "x", "", "image", {}),
    ("pix2pix_unet_batch_net_G.pth", "pix2pix_unet_batch", "x", "", "image", {}),
    ("biggan_32_G_ema.pth", "biggan_32", "z", "y", "image", {}),
    ("biggan_128_G_ema.pth", "biggan_128", "z", "y", "image", {}),
    ("nvidia_32.pkl", "nvidia_32", "z", "", "image_psi1", {}),
    ("nvidia_16_clamp.pkl", "nvidia_16_clamp", "z", "", "image_psi05", {"psi": 0.5}),
    ("nvidia_32_conditional.pkl", "nvidia_32_conditional", "z", "c", "image_psi1", {}),
    ("rosinality_16_training.pt", "rosinality_16_training", "z", "", "image_psi1", {}),
    ("rosinality_64_converted.pt", "rosinality_64_converted", "z", "", "image_psi05", {"psi": 0.5}),
]


def saved(path: Path, array: Any) -> Path:
    np.save(path, array)
    return path


@pytest.mark.parametrize(("file", "arrays", "inputs", "labels", "images", "options"), FILES)
def test_a_public_file_makes_the_images_of_its_implementation(
    file: str, arrays: str, inputs: str, labels: str, images: str, options: dict[str, float], tmp_path: Path
) -> None:
    known = np.load(REFERENCE / f"{arrays}.npz")
    x = saved(tmp_path / "x.npy", known[inputs])
    c = str(saved(tmp_path / "c.npy", known[labels])) if labels else ""
    made = raw_images(REFERENCE / file, x, c, **options)
    assert made.dtype == torch.float32
    assert np.abs(made.numpy() - known[images]).max() < 1e-4


@torch.no_grad()
def test_stargan_normalises_by_instance_as_the_public_code_does(tmp_path: Path) -> None:
    known = {name: torch.from_numpy(each) for name, each in np.load(REFERENCE / "stargan_64.npz").items()}
    tiled = known["labels"][:, :, None, None].expand(-1, -1, 64, 64)
    expected = public_generator(content())(torch.cat([known["x"], tiled], dim=1))
    files = [saved(tmp_path / f"{name}.npy", known[name].numpy()) for name in ("x", "labels")]
    assert (raw_images(STARGAN, files[0], str(files[1])) - expected).abs().max() < 1e-4


def test_images_of_other_sides_are_translated_neither_resized_nor_clamped(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(0, 2, (5, 3, 24, 40)).astype(np.float32)
    made = raw_images(CYCLEGAN, saved(tmp_path / "x.npy", x))
    assert made.shape == (5, 3, 24, 40)
    one = raw_images(CYCLEGAN, saved(tmp_path / "one.npy", x[3:4]))
    assert (made[3] - one[0]).abs().max() < 1e-5, "an image does not depend on its batch"


def test_noise_is_constant_unless_asked_for(tmp_path: Path) -> None:
    file, z = (
        REFERENCE / "nvidia_32.pkl",
        saved(tmp_path / "z.npy", np.load(REFERENCE / "nvidia_32.npz")["z"]),
    )
    one = raw_images(file, z)
    assert torch.equal(one, raw_images(file, z, noise="const"))
    assert not torch.equal(one, raw_images(file, z, noise="none"))


@pytest.mark.parametrize(
    ("file", "inputs", "labels", "says"),
    [
        (CYCLEGAN, (2, 1, 32, 32), None, r"has shape \(2, 1, 32, 32\): give .* \(N, 3, H, W\)"),
        (CYCLEGAN, (2, 3, 32), None, "has shape"),
        (CYCLEGAN, (2, 3, 30, 33), None, "images of 30×33 px: .* multiples of 4 px: give 32×36 px"),
        (CYCLEGAN, (2, 3, 4, 64), None, "resolution 4"),
        (CYCLEGAN, (2, 3, 32, 32), (2, 5), "takes none: leave --labels out"),
        (STARGAN, (2, 3, 32, 32), None, r"--labels is missing: .* takes attributes \(N, 5\)"),
        (STARGAN, (2, 3, 32, 32), (3, 5), r"has shape \(3, 5\): give .* \(2, 5\)"),
        (STARGAN, (2, 3, 34, 34), (2, 5), "multiples of 4 px: give 36×36 px"),
        (REFERENCE / "biggan_32_G_ema.pth", (2, 9), None, r"has shape \(2, 9\): give .* \(N, 128\)"),
        (REFERENCE / "biggan_32_G_ema.pth", (2, 128), None, "--labels is missing: .* takes classes"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_line(
    file: Path, inputs: tuple[int, ...], labels: tuple[int, ...] | None, says: str, tmp_path: Path
) -> None:
    x = saved(tmp_path / "x.npy", np.zeros(inputs))
    c = "" if labels is None else str(saved(tmp_path / "c.npy", np.zeros(labels)))
    with pytest.raises(UserError, match=says) as refused:
        raw_images(file, x, c)
    assert "\n" not in str(refused.value)


def test_images_in_eight_bits_are_refused(tmp_path: Path) -> None:
    x = saved(tmp_path / "x.npy", np.full((1, 3, 32, 32), 255.0))
    with pytest.raises(UserError, match=r"values up to 255: networks take images in \[-1, 1\]"):
        raw_images(CYCLEGAN, x)


def test_options_that_a_translator_has_not_are_refused(tmp_path: Path) -> None:
    x = saved(tmp_path / "x.npy", np.zeros((1, 3, 32, 32)))
    for option in ({"psi": 0.5}, {"noise": "none"}):
        with pytest.raises(UserError, match="resnet-translator, which has no"):
            raw_images(CYCLEGAN, x, **option)
