"""From what a user typed to one uint8 tensor, or one line that says what is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from distill.data import MIN_IMAGES, decoding, digits_labels, load_images, loading, sample_images
from distill.errors import DataError
from tests.distill.data.pictures import picture, pictures, zipped

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
    assert str(caught.value) == f"{tmp_path} holds 2 images that can be used: give at least 32"


def test_an_address_is_quoted_as_it_is_and_to_be_downloaded_first() -> None:
    with pytest.raises(
        DataError, match=r"--data https://example\.com/x\.zip is an address, .* download it first"
    ):
        load_images("https://example.com/x.zip", 8, 3)


def test_a_missing_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere does not exist: give a folder"):
        load_images(tmp_path / "nowhere", 8, 3)


def test_a_file_that_is_no_zip_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"bytes")
    with pytest.raises(
        DataError, match=r"photo\.png is neither a folder, nor a readable \.zip, nor an idx file"
    ):
        load_images(tmp_path / "photo.png", 8, 3)


def test_what_is_neither_file_nor_folder_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # nobody would ever write to it
    with pytest.raises(DataError, match="pipe is neither a file nor a folder: give"):
        load_images(tmp_path / "pipe", 8, 3)


def test_a_damaged_zip_is_an_error(folder: Path) -> None:
    path = zipped(folder)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="readable"):
        load_images(path, 8, 3)


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(DataError, match=r"holds no images .left out: 1 \.txt: .*: give"):
        load_images(tmp_path, 8, 3)


@pytest.mark.parametrize(("resolution", "channels"), [(16, 2), (0, 1)])
def test_impossible_shapes_are_errors(resolution: int, channels: int) -> None:
    with pytest.raises(DataError):
        load_images(None, resolution, channels)


@pytest.mark.parametrize(("small", "ok"), [(16, True), (17, False)])
def test_more_than_half_below_the_resolution_is_an_error(tmp_path: Path, small: int, ok: bool) -> None:
    pictures(tmp_path, MIN_IMAGES, size=16)
    for i in range(small):
        picture(i, 40, 15).save(tmp_path / f"{i:03}.png")
    if ok:
        assert len(load_images(tmp_path, 16, 3)) == MIN_IMAGES
        return
    with pytest.raises(DataError) as caught:
        load_images(tmp_path, 16, 3)
    assert str(caught.value) == (
        f"{tmp_path}: 17 of 32 checked images are below the resolution of 16 px (typically 15, at most 16"
        " px along the shorter side): give larger images, a teacher of fewer pixels, or a "
        "translator a smaller --resolution"
    )


def test_a_zero_byte_file_is_left_out(folder: Path) -> None:
    (folder / "empty.png").touch()
    assert load_images(zipped(folder), 8, 3).skipped == ("empty.png: not an image",)


def test_a_truncated_jpeg_is_left_out(folder: Path) -> None:
    picture(0, 64, 64).save(folder / "half.jpg")
    content = (folder / "half.jpg").read_bytes()
    (folder / "half.jpg").write_bytes(content[: len(content) // 2])
    (reason,) = load_images(folder, 8, 3).skipped
    assert reason.startswith("half.jpg: damaged: ")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "RGB", "RGBA", "P"])
def test_grey_images_that_were_in_colours_are_known_as_such(tmp_path: Path, mode: str) -> None:
    source, kept = pictures(tmp_path / "images", 40), tmp_path / "kept"
    for i in range(40):
        converted = picture(i).convert("L" if mode == "I;16" else mode)
        converted.convert(mode).save(source / f"{i:03}.png")
    said = "8 px, grey made of RGB" if mode in ("RGB", "RGBA", "P") else "8 px, grey"
    found = (
        load_images(source, 8, 1),
        load_images(source, 8, 1, cache=kept),
        load_images(source, 8, 1, cache=kept),
    )
    assert {images.format for images in (*found, sample_images(source, 8, 1))} == {said}


def test_progress_is_reported_up_to_the_end(folder: Path) -> None:
    pictures(folder, 40)
    seen: list[tuple[int, int]] = []
    count = len(load_images(folder, 8, 3, on_progress=lambda _, done, total: seen.append((done, total))))
    assert seen[-1] == (count, count)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


# --- samples of a source


def test_a_sample_is_spread_evenly_and_knows_how_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "SAMPLE", 40)
    whole = load_images(pictures(tmp_path, 100), 8, 3)
    sample = sample_images(tmp_path, 8, 3)
    assert (len(sample), sample.found, whole.found) == (40, 100, None)
    assert torch.equal(sample.images, whole.images[[i * 100 // 40 for i in range(40)]])


def test_a_sample_of_a_small_set_is_all_of_it(folder: Path) -> None:
    sample, whole = sample_images(folder, 8, 3), load_images(folder, 8, 3)
    assert sample.digest == whole.digest
    assert sample.found is None


def test_a_sample_shows_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds 3 images that can be used: give at least 32"):
        sample_images(pictures(tmp_path, 3), 8, 3)
