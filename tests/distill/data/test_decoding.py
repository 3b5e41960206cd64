"""Every kind of image file becomes the same kind of array."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from distill.data import load_images
from distill.data.decoding import UnusableImageError, decode, sides
from tests.distill.data.pictures import picture


def add(folder: Path, image: Image.Image, name: str = "zzz.png", **options: object) -> np.ndarray:
    """What `image` becomes, (8, 8, 3), when it is the last of the folder."""
    image.save(folder / name, **options)
    return load_images(folder, 8, 3).images[-1].permute(1, 2, 0).numpy()


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The content of an image file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def test_the_largest_centred_square_is_resized(folder: Path) -> None:
    wide = Image.new("RGB", (64, 32), "red")
    wide.paste("blue", (16, 0, 48, 32))
    assert np.array_equal(add(folder, wide), np.full((8, 8, 3), (0, 0, 255)))


def test_resizing_antialiases(folder: Path) -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    shrunk = add(folder, Image.fromarray(stripes))
    assert shrunk[:, 2:-2].min() > 110
    assert shrunk[:, 2:-2].max() < 145


def test_images_stand_upright_by_their_exif_tag(folder: Path) -> None:
    image = picture(99)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° clockwise
    turned = add(folder, image.transpose(Image.Transpose.ROTATE_90), exif=exif)
    assert np.array_equal(turned, np.asarray(image))


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (Image.new("1", (8, 8), 1), (255, 255, 255)),
        (Image.new("L", (8, 8), 100), (100, 100, 100)),
        (Image.new("LA", (8, 8), (0, 0)), (255, 255, 255)),
        (Image.new("RGBA", (8, 8), (255, 0, 0, 0)), (255, 255, 255)),
        (Image.new("RGBA", (8, 8), (255, 0, 0, 255)), (255, 0, 0)),
        (Image.new("RGB", (8, 8), (1, 2, 3)).convert("P", palette=Image.Palette.ADAPTIVE), (1, 2, 3)),
        (Image.fromarray(np.full((8, 8), 100 * 257, np.uint16)), (100, 100, 100)),
    ],
    ids=["bits", "grey", "clear-grey", "clear", "opaque", "palette", "16-bit"],
)
def test_every_kind_of_pixel_becomes_rgb(folder: Path, image: Image.Image, colour: tuple[int, ...]) -> None:
    assert np.array_equal(add(folder, image), np.full((8, 8, 3), colour))


@pytest.mark.parametrize(
    ("mode", "suffix"), [("CMYK", "jpg"), ("L", "jpeg"), ("RGB", "webp"), ("RGB", "JPG")]
)
def test_other_formats_are_read_too(folder: Path, mode: str, suffix: str) -> None:
    red = add(folder, Image.new("RGB", (8, 8), (254, 0, 0)).convert(mode), f"zzz.{suffix}")
    assert np.abs(red.astype(int) - ((76, 76, 76) if mode == "L" else (254, 0, 0))).max() <= 8


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_of_an_animation_the_first_frame_counts(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    moving = saved(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
    assert Image.open(io.BytesIO(moving)).n_frames == 3
    assert decode(moving, 8, 3).mean((1, 2)).tolist() == [255, 0, 0]


def test_a_jpeg_is_decoded_at_full_size_before_it_is_resized() -> None:
    content = saved(picture(1, 128, 128), "JPEG", quality=95)
    full = Image.open(io.BytesIO(content)).resize((32, 32), Image.Resampling.LANCZOS)
    assert np.array_equal(decode(content, 32, 3).transpose(1, 2, 0), np.asarray(full))


@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    resolution=st.integers(1, 20),
    channels=st.sampled_from([1, 3]),
    mode=st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]),
)
def test_any_image_fits(width: int, height: int, resolution: int, channels: int, mode: str) -> None:
    image = picture(0, width, height).convert("L" if mode == "I;16" else mode).convert(mode)
    content = saved(image, "PNG")
    assert min(sides(content)) == min(width, height)
    pixels = decode(content, resolution, channels)
    assert pixels.shape == (channels, resolution, resolution)
    assert pixels.dtype == np.uint8


@given(width=st.integers(1, 40), height=st.integers(1, 40))
def test_only_the_centred_square_counts(width: int, height: int) -> None:
    image, side = picture(0, width, height), min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    assert np.array_equal(decode(saved(image, "PNG"), 7, 3), decode(saved(square, "PNG"), 7, 3))


def test_grey_is_the_luma_of_colours() -> None:
    image = picture(3)
    assert np.array_equal(decode(saved(image, "PNG"), 8, 1)[0], np.asarray(image.convert("L")))


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_unusable(content: bytes) -> None:
    with pytest.raises(UnusableImageError):
        decode(content, 8, 3)
