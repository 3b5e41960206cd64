"""Grids show every image in its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from distill.evaluation.grids import (
    CAPTION,
    LINE,
    MARGIN,
    broken,
    compare,
    image_grid,
    sample,
    save_png,
)
from distill.tasks import Panel
from search_spaces import load_checkpoint


def flat(*levels: float, side: int = 64, channels: int = 1) -> torch.Tensor:
    """One image of each level."""
    return torch.tensor(levels)[:, None, None, None].expand(-1, channels, side, side)


def colour(picture: Image.Image, column: int, row: int, side: int = 64) -> tuple[int, ...]:
    """Of the middle of one image of a grid."""
    x, y = (MARGIN + place * (side + MARGIN) + side // 2 for place in (column, row))
    return picture.getpixel((x, y))


def test_images_stand_in_rows() -> None:
    picture = image_grid(flat(-1.0, 0.0, 1.0, -0.5, 0.5), columns=3)
    assert picture.size == (3 * 68 + 4, 2 * 68 + 4)
    assert [colour(picture, i, 0)[0] for i in range(3)] == [0, 128, 255]
    assert [colour(picture, i, 1) for i in range(3)] == [(64,) * 3, (191,) * 3, (255,) * 3]


def test_colours_are_kept_and_values_outside_the_range_are_clamped() -> None:
    image = torch.tensor([-3.0, 0.0, 3.0])[None, :, None, None].expand(1, 3, 64, 64)
    assert colour(image_grid(image, 1), 0, 0) == (0, 128, 255)


def test_small_images_are_enlarged_with_sharp_pixels() -> None:
    image = torch.tensor([[-1.0, 1.0], [1.0, -1.0]]).repeat(8, 8)[None, None]
    pixels = np.asarray(image_grid(image, 1))[MARGIN:-MARGIN, MARGIN:-MARGIN, 0]
    assert pixels.shape == (64, 64)
    assert np.array_equal(pixels, np.kron(pixels[::4, ::4], np.ones((4, 4), np.uint8)))


@pytest.mark.parametrize(("channels", "side"), [(1, 1024), (3, 512)])
def test_large_images_are_averaged_down_unless_they_are_wanted_whole(channels: int, side: int) -> None:
    stripes = torch.tensor([-1.0, 1.0]).repeat(side // 2).expand(1, channels, side, side)
    picture = image_grid(stripes, 1)
    assert picture.size == (256 + 2 * MARGIN, 256 + 2 * MARGIN)
    inside = np.asarray(picture)[MARGIN:-MARGIN, MARGIN:-MARGIN, 0][:, 2:-2].astype(int)
    assert np.abs(inside - 127).max() <= 2, "neither the black nor the white stripes are lost"
    assert image_grid(stripes, 1, max_side=None).size == (side + 2 * MARGIN, side + 2 * MARGIN)


def test_images_that_want_gradients_can_be_shown() -> None:
    assert image_grid(flat(0.0).clone().requires_grad_(True), 4).size == (4 * 68 + 4, 72)


def test_a_comparison_puts_captioned_grids_one_above_the_other() -> None:
    panels = [
        Panel({"": flat(-1.0, -1.0)}, "teacher", across=2),
        Panel({"": flat(1.0)}, "trial 7, 教師 ─ ψ", across=2),
    ]
    picture = compare(panels)
    assert picture.size == (2 * 68 + 4, 2 * (72 + CAPTION))
    assert picture.getpixel((40, CAPTION + 40)) == (0, 0, 0)
    assert picture.getpixel((40, 72 + 2 * CAPTION + 40)) == (255, 255, 255)
    assert np.asarray(picture)[:CAPTION].min() < 128, "the caption is written"


def test_columns_stand_side_by_side_with_captions_that_fit() -> None:
    long = "trial 12, FD (imagenet-lite0) 123.45 after 20000 images"
    picture = compare([Panel({"input": flat(-1.0, 1.0), long: flat(1.0, -1.0)})])
    top = picture.height - 2 * 68 - MARGIN
    assert picture.width == 2 * 72
    assert top > CAPTION + LINE, "several lines"
    assert [picture.getpixel((x, top + 40))[0] for x in (40, 112)] == [0, 255]
    assert [picture.getpixel((x, top + 108))[0] for x in (40, 112)] == [255, 0]
    captions = np.asarray(picture)[:top]
    assert captions[: top - CAPTION, :72].min() == 255, "a short caption stands just above its column"
    assert captions[:, 72:].min() < 128
    assert captions[:, -1:].min() == 255, "nothing is cut off"


def test_a_long_word_is_written_small_rather_than_broken() -> None:
    captions = ("surprised", "surprised by it")
    narrow, wide = (compare([Panel({caption: flat(1.0)})]).height for caption in captions)
    assert narrow == CAPTION + 72, "one line"
    assert wide == CAPTION + LINE + 72


def test_a_large_panel_is_shown_whole_if_wanted() -> None:
    panel = Panel({"input": flat(0.0, side=512)})
    assert compare([panel]).width == 256 + 2 * MARGIN
    assert compare([panel], max_side=None).width == 512 + 2 * MARGIN


@given(st.text("ab ", max_size=40), st.integers(1, 9))
def test_broken_lines_fit_and_lose_no_letter(text: str, width: int) -> None:
    lines = broken(text, width, len)
    assert all(0 < len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_png_holds_what_was_saved_and_replaces_the_one_before(tmp_path: Path) -> None:
    picture = image_grid(flat(0.0, 1.0), 2)
    for kind in (Image.new("RGB", (2, 2)), picture):
        save_png(kind, tmp_path / "samples.png")
    with Image.open(tmp_path / "samples.png") as read:
        assert read.format == "PNG"
        assert np.array_equal(np.asarray(read), np.asarray(picture))
    assert [path.name for path in tmp_path.iterdir()] == ["samples.png"]


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_sampling_repeats_itself_and_leaves_randomness_alone(teacher_file: Path, strength: float) -> None:
    generator = load_checkpoint(teacher_file).generator
    for parameter in generator.parameters():
        if parameter.ndim == 0:
            parameter.fill_(strength)
    inputs = generator.example_inputs(3)
    state = torch.get_rng_state()
    first = sample(generator, inputs)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(3)
    assert torch.equal(sample(generator, inputs), first)
    assert torch.equal(sample(generator, inputs, seed=1), first) == (strength == 0)
    assert not first.requires_grad


def test_a_title_is_whole_and_apart_from_the_images() -> None:
    title = "digits, the nearest training images of trial 7"
    picture = compare([Panel({"": flat(-1.0)}, "teacher"), Panel({"": flat(-1.0)}, title)])
    pixels = np.asarray(picture.convert("L"))
    below = pixels[CAPTION + 72 : -72]  # the title in lines as wide as the image
    assert len(below) >= CAPTION + 2 * LINE
    for band in (pixels[:CAPTION], below):
        rows = np.flatnonzero((band < 128).any(axis=1))
        assert rows.min() >= MARGIN, "apart from the images above"
        assert rows.max() < len(band) - MARGIN, "apart from the images below"
        assert np.flatnonzero((band < 128).any(axis=0)).max() < picture.width - 1, "not cut"
