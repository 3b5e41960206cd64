"""The rule that turns an image file into `(C, R, R)`, uint8. FID depends on it.

Its content must be of one of `FORMATS`. Turned upright by its EXIF tag; 16-bit grey scaled to 8 bits;
transparency laid over white; everything made grey (1 channel) or RGB (3); the largest centred square cut out;
that resized with Pillow's antialiased Lanczos filter, unless it has the right size. Of an animation, the
first frame. JPEGs are decoded at full size: the decoder's own shrinking would be another, coarser filter.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from distill.data.image_set import Pixels
from distill.data.transparency import from_16_bits, with_alpha
from search_spaces import one_line

RULE = 2  # part of the keys of caches: raise it whenever a pixel may change
MAX_PIXELS = 64_000_000  # of one image file; more is treated as a decompression bomb
MAX_BYTES = 256 * 2**20  # of one image file, uncompressed

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
"""What is opened, whatever a file is called: Pillow would start Ghostscript for PostScript."""

OTHERS = {  # how a file begins ─► what it is
    b"II*\0": "a TIFF",
    b"MM\0*": "a TIFF",
    b"%!PS": "PostScript",
    b"\xc5\xd0\xd3\xc6": "PostScript",
    b"%PDF": "a PDF",
    b"8BPS": "a Photoshop file",
}

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
    with _readable(file) as image:
        plain = _plain(_upright(image, file), "L" if channels == 1 else "RGB")
        square = _square(plain, resolution)
        return np.asarray(square).reshape(resolution, resolution, channels).transpose(2, 0, 1)


def in_colours(file: ImageFile) -> bool:
    """Whether the header of the file says colour; true for grey pictures saved as RGB or with a palette.

    Raises:
        UnusableImageError: it has no readable header.
    """
    with _readable(file) as image:
        return image.mode not in GREY and not image.mode.startswith("I")


def sides(file: ImageFile) -> tuple[int, int]:
    """Width and height in pixels, from the file's header.

    Raises:
        UnusableImageError: it has none.
    """
    with _readable(file) as image:
        return image.size


def half(file: ImageFile, *, right: bool) -> Image.Image:
    """The left or right half of two images side by side, upright, to be decoded as an image of its own.

    Raises:
        UnusableImageError: it is too large, damaged, or no image.
    """
    with _readable(file) as image:
        opened = _upright(image, file)
        middle = opened.width // 2
        left = middle if right else 0
        return opened.crop((left, 0, left + middle, opened.height))


@contextmanager
def _readable(file: ImageFile) -> Iterator[Image.Image]:
    """The opened image; what can't be done with it is an UnusableImageError."""
    try:
        with _opened(file) as image:
            yield image
    except UnusableImageError:
        raise
    except Exception as error:  # decoders raise almost anything on damaged files
        raise UnusableImageError(damage(error)) from error


def damage(error: Exception) -> str:
    """`error` as a reason to leave an image out, in one line."""
    said = str(error) or type(error).__name__
    return one_line(f"damaged: {' '.join(said.split())}", 120)


def _opened(file: ImageFile) -> Image.Image:
    if not isinstance(file, bytes):
        return file
    try:
        return Image.open(io.BytesIO(file), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnusableImageError(_other(file)) from error


def _other(file: bytes) -> str:
    """What a file is that is none of the formats."""
    found = next((what for start, what in OTHERS.items() if file.startswith(start)), None)
    return "not an image" if found is None else f"{found}, which is not read: convert it to PNG"


def _upright(image: Image.Image, file: ImageFile) -> Image.Image:
    """8 bits a channel, turned by its EXIF tag; refuses too many pixels before they are decoded."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UnusableImageError(f"{width}×{height} pixels, more than {MAX_PIXELS // 10**6} million")
    return ImageOps.exif_transpose(_eight_bits(image, file))


def _eight_bits(image: Image.Image, file: ImageFile) -> Image.Image:
    """8 bits a channel; with an alpha channel where a PNG names a transparent colour."""
    image = with_alpha(image, file if isinstance(file, bytes) else b"")
    if not image.mode.startswith("I"):
        return image
    scaled = from_16_bits(image)
    scaled.info = image.info
    return scaled


def _plain(image: Image.Image, mode: str) -> Image.Image:
    """Opaque, `mode`."""
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
