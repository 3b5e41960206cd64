"""The transparent colour that a PNG may name (its tRNS chunk), compared at the file's own depth.

Pillow compares it with samples that it has scaled from 1, 2 or 4 bits, or cut to 8 of 16, and so finds no
pixel of it, or others.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
DEPTH = 24  # place of the bits per sample in a PNG file, within its first chunk

_Mask = npt.NDArray[np.bool_]


def with_alpha(image: Image.Image, content: bytes) -> Image.Image:
    """`image`, which the file `content` holds: LA or RGBA, 8 bits, where a PNG names a transparent colour."""
    named = image.info.get("transparency")
    if not content.startswith(SIGNATURE) or not isinstance(named, int | tuple) or image.mode == "P":
        return image
    clear = _clear(image, named, content)
    info = {name: value for name, value in image.info.items() if name != "transparency"}
    if image.mode.startswith("I"):
        opaque = from_16_bits(image)
    else:
        opaque = image.convert("RGB" if image.mode == "RGB" else "L")
    opaque.putalpha(Image.fromarray(np.where(clear, 0, 255).astype(np.uint8)))
    opaque.info = info
    return opaque


def from_16_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits, scaled to 8: Pillow's own conversion clips everything above 255 to white."""
    scaled = (np.asarray(image).astype(np.float64) / 257).round().clip(0, 255)
    return Image.fromarray(scaled.astype(np.uint8))


def _clear(image: Image.Image, named: int | tuple[int, ...], content: bytes) -> _Mask:
    """Which pixels have the colour `named`, (H, W)."""
    depth = content[DEPTH]
    colour = np.atleast_1d(np.asarray(named)) & (2**depth - 1)
    if image.mode == "RGB" and depth == 16:
        samples = np.asarray(image).astype(np.uint16) << 8 | _low_bytes(content)
    elif depth == 16:
        samples = np.asarray(image).astype(np.uint16)
    else:
        samples = np.asarray(image if image.mode == "RGB" else image.convert("L"))
        colour = colour * 255 // (2**depth - 1)  # as Pillow scales samples
    clear: _Mask = np.equal(np.atleast_3d(samples), colour).all(axis=2)
    return clear


def _low_bytes(content: bytes) -> npt.NDArray[np.uint8]:
    """The lower halves of a PNG's 16-bit colours, (H, W, 3): in the other order of bytes they come first."""
    with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]
        return np.asarray(image)
