"""The rule that turns an image file into `(C, R, R)`, uint8. FID depends on it.

Turned upright by its EXIF tag; 16-bit grey scaled to 8 bits; transparency laid over white; everything made
grey (1 channel) or RGB (3); the largest centred square cut out; that resized with Pillow's antialiased
Lanczos filter, unless it has the right size. Of an animation, the first frame. JPEGs are decoded at full
size: the decoder's own shrinking would be another, coarser filter.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from distill.data.image_set import Pixels
from search_spaces import one_line

RULE = 1  # part of the keys of caches: raise it whenever a pixel may change
MAX_PIXELS = 64_000_000  # of one image file; more is treated as a decompression bomb
MAX_BYTES = 256 * 2**20  # of one image file, uncompressed

GREY = {"1", "L", "LA", "La", "F"}  # Pillow's modes, beside those of integers, which begin with I

ImageFile = bytes | Image.Image
"""What sources return: the content of a file, or an opened image."""


class UnusableImageError(Exception):
    """Why one image is left out."""


def check_bytes(count: int) -> None:
    """Refuse a file of more than `MAX_BYTES` before it is read.

    Raises:
        UnusableImageError: `count` is too large.
    """
    if count > MAX_BYTES:
        raise UnusableImageError(f"larger than {MAX_BYTES >> 20} MiB")


def decode(file: ImageFile, resolution: int, channels: int) -> Pixels:
    """One image ⇒ `(channels, resolution, resolution)`.

    Raises:
        UnusableImageError: it is too large, damaged, or no image.
    """
    try:
        with _opened(file) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise UnusableImageError(f"{width}×{height} pixels, more than {MAX_PIXELS // 10**6} million")
            ImageOps.exif_transpose(image, in_place=True)
            plain = _plain(image, "L" if channels == 1 else "RGB")
            square = _square(plain, resolution)
            return np.asarray(square).reshape(resolution, resolution, channels).transpose(2, 0, 1)
    except UnusableImageError:
        raise
    except UnidentifiedImageError as error:
        raise UnusableImageError("not an image") from error
    except Exception as error:  # decoders raise almost anything on damaged files
        raise UnusableImageError(damage(error)) from error


def in_colours(file: ImageFile) -> bool:
    """Whether the header of the file says colour; true for grey pictures saved as RGB or with a palette.

    Raises:
        UnusableImageError: it has no readable header.
    """
    with _header(file) as image:
        return image.mode not in GREY and not image.mode.startswith("I")


def shorter_side(file: ImageFile) -> int:
    """Pixels along the shorter side, from the file's header.

    Raises:
        UnusableImageError: it has none.
    """
    with _header(file) as image:
        return min(image.size)


@contextmanager
def _header(file: ImageFile) -> Iterator[Image.Image]:
    try:
        with _opened(file) as image:
            yield image
    except Exception as error:  # decoders raise almost anything on damaged files
        raise UnusableImageError(damage(error)) from error


def damage(error: Exception) -> str:
    """`error` as a reason to leave an image out, in one line."""
    said = str(error) or type(error).__name__
    return one_line(f"damaged: {' '.join(said.split())}", 120)


def _opened(file: ImageFile) -> Image.Image:
    return Image.open(io.BytesIO(file)) if isinstance(file, bytes) else file


def _plain(image: Image.Image, mode: str) -> Image.Image:
    """8 bits a channel, opaque, `mode`."""
    if image.mode.startswith("I"):  # 16 bits: Pillow's own conversion clips everything above 255 to white
        scaled = (np.asarray(image).astype(np.float64) / 257).round().clip(0, 255)
        image = Image.fromarray(scaled.astype(np.uint8))
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        colours = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), colours)
    return image if image.mode == mode else image.convert(mode)


def _square(image: Image.Image, resolution: int) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    if image.width != image.height:
        image = image.crop((left, top, left + side, top + side))
    if side != resolution:
        image = image.resize((resolution, resolution), Image.Resampling.LANCZOS)
    return image
