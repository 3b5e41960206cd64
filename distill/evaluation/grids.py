"""Grids of images as PNG files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from distill.data import to_uint8
from distill.evaluation.generation import images_at_a_time
from distill.noise import seeded_noise
from distill.tasks import Panel
from search_spaces import Inputs
from search_spaces.reading import written_whole

MIN_SIDE = 64  # smaller images are enlarged, pixels kept sharp
MAX_SIDE = 256  # larger ones are scaled down: 64 images of 1024 px would be a file of some 100 MB
MARGIN = 4
CAPTION = 30  # pixels above a grid with a caption of one line
LINE = 18  # pixels of each further line
TEXT, SMALLEST = 15, 10  # size of the caption's letters, px; smaller where a word is wider than its column


def image_grid(images: Tensor, columns: int, max_side: int | None = MAX_SIDE) -> Image.Image:
    """Images (N, C, H, W) in [-1, 1] side by side, row by row, each scaled to at most `max_side` pixels."""
    pixels = to_uint8(images.detach().cpu()).permute(0, 2, 3, 1).numpy()  # NCHW ⇒ NHWC
    height, width = _tile(pixels.shape[1], pixels.shape[2], max_side)
    resampling = Image.Resampling.LANCZOS if height < pixels.shape[1] else Image.Resampling.NEAREST
    rows = -(-len(pixels) // columns)
    canvas = Image.new(
        "RGB", (columns * (width + MARGIN) + MARGIN, rows * (height + MARGIN) + MARGIN), "white"
    )
    for i, array in enumerate(pixels):
        picture = Image.fromarray(array.squeeze(-1) if array.shape[-1] == 1 else array)
        picture = picture.resize((width, height), resampling)
        canvas.paste(
            picture, (MARGIN + i % columns * (width + MARGIN), MARGIN + i // columns * (height + MARGIN))
        )
    return canvas


def _tile(height: int, width: int, max_side: int | None) -> tuple[int, int]:
    """Height and width at which an image is shown."""
    longest = max(height, width)
    if max_side is not None and longest > max_side:
        return max(1, height * max_side // longest), max(1, width * max_side // longest)
    scale = max(1, MIN_SIDE // height)
    return height * scale, width * scale


def compare(panels: Sequence[Panel], max_side: int | None = MAX_SIDE) -> Image.Image:
    """Panels one above the other: in each a title, and captioned columns side by side.

    Titles and captions are broken into lines where they are wider than their panel or column.
    """
    return _stacked([_panel(panel, max_side) for panel in panels])


def _panel(panel: Panel, max_side: int | None) -> Image.Image:
    grids = {caption: image_grid(images, panel.across, max_side) for caption, images in panel.columns.items()}
    headings = [_text(caption, grid.width) for caption, grid in grids.items()]
    below = max((heading.height for heading in headings), default=0)
    width = sum(grid.width for grid in grids.values())
    height = below + max(grid.height for grid in grids.values())
    canvas = Image.new("RGB", (width, height), "white")
    left = 0
    for heading, grid in zip(headings, grids.values(), strict=True):
        canvas.paste(heading, (left, below - heading.height))
        canvas.paste(grid, (left, below))
        left += grid.width
    return _stacked([_text(panel.title, width), canvas]) if panel.title else canvas


def _stacked(pictures: Sequence[Image.Image]) -> Image.Image:
    canvas = Image.new(
        "RGB", (max(each.width for each in pictures), sum(each.height for each in pictures)), "white"
    )
    top = 0
    for picture in pictures:
        canvas.paste(picture, (0, top))
        top += picture.height
    return canvas


def _text(text: str, width: int) -> Image.Image:
    """`text` in lines that fit into `width` pixels; of no height without text."""
    font = _font(text, width - 2 * MARGIN)
    lines = broken(text, width - 2 * MARGIN, font.getlength)
    canvas = Image.new("RGB", (width, CAPTION + (len(lines) - 1) * LINE if lines else 0), "white")
    for i, line in enumerate(lines):
        ImageDraw.Draw(canvas).text(
            (MARGIN, CAPTION // 2 + i * LINE), line, fill="black", font=font, anchor="lm"
        )
    return canvas


def _font(text: str, width: int) -> Any:  # of two classes, by what Pillow was built with
    """The largest letters in which no word of `text` is wider than `width`."""
    fonts = [ImageFont.load_default(size) for size in range(TEXT, SMALLEST - 1, -1)]
    fitting = (font for font in fonts if all(font.getlength(word) <= width for word in text.split()))
    return next(fitting, fonts[-1])


def broken(text: str, width: float, length: Callable[[str], float]) -> list[str]:
    """`text` in lines of at most `width` by `length`: broken between words, else within a word."""
    lines: list[str] = []
    for word in text.split():
        if lines and length(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
            continue
        lines.append("")
        for letter in word:
            if lines[-1] and length(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return lines


def save_png(picture: Image.Image, path: Path) -> None:
    """Write `picture`; the file appears only when complete."""
    with written_whole(path) as file:
        picture.save(file, format="PNG")


@torch.no_grad()
def sample(generator: torch.nn.Module, inputs: Inputs, seed: int = 0) -> Tensor:
    """Images of `generator` for `inputs`, on the CPU; the same seed gives the same noise."""
    device, count, start = next(generator.parameters()).device, 1, 0  # the first image shows its size
    images: list[Tensor] = []
    with seeded_noise(seed, device):
        while start < len(inputs[0]):
            images.append(generator(*(x[start : start + count].to(device) for x in inputs)).cpu())
            start, count = start + count, images_at_a_time(images[0].shape[-1])
    return torch.cat(images)
