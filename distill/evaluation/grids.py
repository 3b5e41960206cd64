"""Grids of images as PNG files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from distill.data import to_uint8
from distill.evaluation.generation import images_at_a_time
from distill.noise import seeded_noise
from search_spaces import Inputs
from search_spaces.reading import written_whole

MIN_SIDE = 64  # smaller images are enlarged, pixels kept sharp
MAX_SIDE = 256  # larger ones are scaled down: 64 images of 1024 px would be a file of some 100 MB
MARGIN = 4
CAPTION = 30  # pixels above a grid with a caption
TEXT = 15  # size of the caption's letters, px


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


def compare(rows: Mapping[str, Tensor], columns: int) -> Image.Image:
    """Captioned grids for the same inputs, one above the other, such as input, target, teacher, student."""
    font = ImageFont.load_default(TEXT)
    pictures = {caption: image_grid(images, columns) for caption, images in rows.items()}
    widest = max(int(font.getlength(caption)) + 1 for caption in pictures)
    width = max(2 * MARGIN + widest, *(picture.width for picture in pictures.values()))
    height = sum(picture.height + CAPTION for picture in pictures.values())
    canvas = Image.new("RGB", (width, height), "white")
    top = 0
    for caption, picture in pictures.items():
        middle = (MARGIN, top + CAPTION // 2)
        ImageDraw.Draw(canvas).text(middle, caption, fill="black", font=font, anchor="lm")
        canvas.paste(picture, (0, top + CAPTION))
        top += CAPTION + picture.height
    return canvas


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
