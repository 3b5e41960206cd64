"""Images from anywhere become one uint8 tensor, and batches of it can be resumed exactly."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from distill.data import MIN_IMAGES, ImageStream, decoding, digits_labels, load_images, to_float, to_uint8
from distill.errors import DataError


def picture(seed: int, width: int = 8, height: int = 8) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Exactly as many images as are needed, half of them in a folder inside."""
    root = tmp_path / "faces"
    (root / "more").mkdir(parents=True)
    for i in range(MIN_IMAGES):
        picture(i).save(root / ("more" if i % 2 else ".") / f"{i:03}.png")
    return root


def zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return path


def add(folder: Path, image: Image.Image, name: str = "zzz.png", **options: object) -> np.ndarray:
    """What `image` becomes, (8, 8, 3), when it is the last of the folder."""
    image.save(folder / name, **options)
    return load_images(folder, 8, 3).images[-1].permute(1, 2, 0).numpy()


# --- the built-in digits


@pytest.mark.parametrize("source", [None, "digits"])
def test_the_digits_are_built_in(source: str | None) -> None:
    digits = load_images(source, 16, 1)
    assert digits.name == "digits"
    assert digits.images.shape == (1797, 1, 16, 16)
    assert digits.images.dtype == torch.uint8
    assert digits.skipped == ()
    assert (digits.images.amin(), digits.images.amax()) == (0, 255)
    assert digits_labels().bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_the_digits_in_colour_are_grey_in_every_channel() -> None:
    grey, colour = load_images(None, 16, 1), load_images(None, 16, 3)
    assert torch.equal(colour.images, grey.images.expand(-1, 3, -1, -1))
    assert colour.digest != grey.digest


# --- folders and archives


def test_a_folder_is_searched_recursively_in_the_order_of_names(folder: Path) -> None:
    faces = load_images(folder, 8, 3)
    order = [*range(0, MIN_IMAGES, 2), *range(1, MIN_IMAGES, 2)]  # 000.png … before more/001.png …
    assert faces.name == str(folder)
    assert faces.images.shape == (MIN_IMAGES, 3, 8, 8)
    for index, seed in enumerate(order):
        assert np.array_equal(faces.images[index].permute(1, 2, 0), np.asarray(picture(seed)))


def test_a_zip_holds_the_same_images_as_its_folder(folder: Path) -> None:
    from_folder, from_zip = load_images(folder, 8, 3), load_images(zipped(folder), 8, 3)
    assert torch.equal(from_folder.images, from_zip.images)
    assert from_folder.digest == from_zip.digest


def test_the_digest_is_of_the_pixels(folder: Path) -> None:
    before = load_images(folder, 8, 3).digest
    assert len(before) == 16
    image = picture(0)
    image.putpixel((0, 0), (1, 2, 3))
    image.save(folder / "000.png")
    assert load_images(folder, 8, 3).digest != before


def test_the_digest_is_of_the_shape_too(tmp_path: Path) -> None:
    for i in range(3 * MIN_IMAGES):
        Image.new("L", (8, 8)).save(tmp_path / f"{i:03}.png")
    grey = load_images(tmp_path, 8, 1)
    for i in range(MIN_IMAGES, 3 * MIN_IMAGES):
        (tmp_path / f"{i:03}.png").unlink()
    colour = load_images(tmp_path, 8, 3)
    assert grey.images.numpy().tobytes() == colour.images.numpy().tobytes()
    assert grey.digest != colour.digest


def test_hidden_files_and_other_files_are_ignored(folder: Path) -> None:
    for name in ("._000.png", "notes.txt", "__MACOSX"):
        (folder / name).write_bytes(b"not an image")
    assert len(load_images(zipped(folder), 8, 3)) == MIN_IMAGES
    assert load_images(folder, 8, 3).skipped == ()


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


def test_colours_become_grey_for_one_channel(folder: Path) -> None:
    assert load_images(folder, 8, 1).images.shape == (MIN_IMAGES, 1, 8, 8)


# --- what can't be used


def test_one_broken_image_is_left_out_and_named(folder: Path) -> None:
    whole = load_images(folder, 8, 3)
    (folder / "broken.png").write_bytes((folder / "000.png").read_bytes()[:60])
    faces = load_images(folder, 8, 3)
    assert torch.equal(faces.images, whole.images)
    assert len(faces.skipped) == 1
    assert faces.skipped[0].startswith("broken.png: ")


def test_more_than_a_hundredth_broken_is_an_error(folder: Path) -> None:
    for name in ("bad1.png", "bad2.png"):
        (folder / name).write_bytes(b"GIF89a, but not really")
    with pytest.raises(
        DataError, match=r"2 of 34 images can't be used \(the first is bad1\.png: not an image"
    ):
        load_images(folder, 8, 3)


def test_two_broken_images_among_two_hundred_are_left_out(folder: Path) -> None:
    for i in range(MIN_IMAGES, 198):
        picture(i).save(folder / f"{i:03}.png")
    for name in ("bad1.png", "bad2.png"):
        (folder / name).write_bytes(b"")
    assert len(load_images(folder, 8, 3).skipped) == 2


def test_an_image_with_too_many_pixels_is_not_decoded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(0, 20, 20).save(folder / "bomb.png")
    monkeypatch.setattr(decoding, "MAX_PIXELS", 399)
    (reason,) = load_images(folder, 8, 3).skipped
    assert reason.startswith("bomb.png: 20×20 pixels")


@pytest.mark.filterwarnings("error")
def test_a_huge_image_is_refused_by_its_header(folder: Path) -> None:
    Image.new("1", (10_000, 10_000)).save(folder / "bomb.png")
    assert load_images(folder, 8, 3).skipped == ("bomb.png: 10000×10000 pixels, more than 64 million",)


def test_an_oversized_archive_member_is_not_unpacked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "bomb.png").write_bytes(bytes(2000))
    monkeypatch.setattr(decoding, "MAX_BYTES", 1000)
    for source in (folder, zipped(folder)):
        assert load_images(source, 8, 3).skipped == ("bomb.png: larger than 0 MiB",)


def test_too_few_images_is_an_error(tmp_path: Path) -> None:
    for i in range(2):
        picture(i).save(tmp_path / f"{i}.png")
    with pytest.raises(DataError) as caught:
        load_images(tmp_path, 8, 3)
    assert str(caught.value) == f"{tmp_path} holds 2 images; at least 32 are needed"


def test_a_missing_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere does not exist: give a folder"):
        load_images(tmp_path / "nowhere", 8, 3)


def test_a_file_that_is_no_zip_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"bytes")
    with pytest.raises(DataError, match=r"photo\.png is neither a folder nor a readable \.zip: give"):
        load_images(tmp_path / "photo.png", 8, 3)


def test_a_damaged_zip_is_an_error(folder: Path) -> None:
    path = zipped(folder)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="readable"):
        load_images(path, 8, 3)


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(DataError, match="holds no images: give"):
        load_images(tmp_path, 8, 3)


@pytest.mark.parametrize(("resolution", "channels"), [(16, 2), (0, 1)])
def test_impossible_shapes_are_errors(resolution: int, channels: int) -> None:
    with pytest.raises(DataError):
        load_images(None, resolution, channels)


# --- floats and bytes


def test_floats_and_bytes_are_inverse() -> None:
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert to_float(every).dtype == torch.float32
    assert (to_float(every).amin(), to_float(every).amax()) == (-1, 1)
    assert torch.equal(to_uint8(to_float(every)), every)


def test_floats_out_of_range_are_clamped() -> None:
    assert to_uint8(torch.tensor([-9.0, -1.0, 0.0, 1.0, 9.0])).tolist() == [0, 0, 128, 255, 255]


# --- batches

NUMBERED = torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1).expand(10, 1, 2, 2).contiguous()


def numbers(batch: torch.Tensor) -> list[int]:
    return to_uint8(batch)[:, 0, 0, 0].tolist()


def test_every_epoch_has_every_image_once_in_another_order() -> None:
    stream = ImageStream(NUMBERED, 4, seed=0)
    drawn = [number for _ in range(15) for number in numbers(next(stream))]
    epochs = [drawn[start : start + 10] for start in range(0, 60, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 6


def test_a_batch_may_be_larger_than_the_data() -> None:
    assert sorted(numbers(next(ImageStream(NUMBERED, 30, seed=0)))) == sorted([*range(10)] * 3)


def test_batches_are_floats_and_depend_on_the_seed_only() -> None:
    first, again, other = (next(ImageStream(NUMBERED, 8, seed=seed)) for seed in (0, 0, 1))
    assert first.dtype == torch.float32
    assert first.shape == (8, 1, 2, 2)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_stream_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    next(ImageStream(NUMBERED, 8, seed=0, mirror=True))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("steps", [0, 1, 2, 5, 7])
def test_a_restored_stream_goes_on_exactly_where_it_was(steps: int) -> None:
    digits = load_images(None, 16, 1).images[:10]
    stream = ImageStream(digits, 4, seed=3, mirror=True)
    for _ in range(steps):
        next(stream)
    restored = ImageStream(digits, 4, seed=0, mirror=True)
    next(restored)
    restored.load_state_dict(stream.state_dict())
    for _ in range(6):
        assert torch.equal(next(restored), next(stream))


def test_mirror_flips_about_half_of_the_images() -> None:
    sided = torch.tensor([0, 255], dtype=torch.uint8).expand(1000, 1, 1, 2).contiguous()
    flipped = next(ImageStream(sided, 1000, seed=0, mirror=True))[:, 0, 0, 0] > 0
    assert 400 < int(flipped.sum()) < 600
    assert not (next(ImageStream(sided, 1000, seed=0))[:, 0, 0, 0] > 0).any()


def test_a_stream_is_not_resumed_on_other_data() -> None:
    state = ImageStream(NUMBERED, 4, seed=0).state_dict()
    with pytest.raises(DataError, match="had 10 images and the data now has 9"):
        ImageStream(NUMBERED[:9], 4, seed=0).load_state_dict(state)
