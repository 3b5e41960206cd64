"""The transparent colour that a PNG names is compared at the depth of the file."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from distill.data.decoding import UnusableImageError, decode, in_colours, sides

SIDE = 8
GREY, RGB = 0, 2  # kinds of PNG


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(rows: bytes, depth: int, kind: int, clear: tuple[int, ...], exif: bytes = b"") -> bytes:
    """An image of `SIDE` px whose colour `clear` is transparent; `rows` without their filters."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, depth, kind, 0, 0, 0))
    width = len(rows) // SIDE
    data = b"".join(b"\0" + rows[i * width : (i + 1) * width] for i in range(SIDE))
    named = chunk(b"tRNS", struct.pack(f">{len(clear)}H", *clear))
    extra = chunk(b"eXIf", exif) if exif else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + named
        + extra
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


def packed(values: npt.NDArray[np.int64], depth: int) -> bytes:
    """Samples (SIDE, SIDE) of 1, 2, 4, 8 or 16 bits."""
    if depth == 16:
        return values.astype(">u2").tobytes()
    bits = (values[..., None] >> np.arange(depth)[::-1]) & 1
    return np.packbits(bits.reshape(SIDE, -1).astype(np.uint8), axis=1).tobytes()


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_grey_of_every_depth_is_laid_over_white(depth: int, channels: int) -> None:
    most = 2**depth - 1
    clear, other = most // 2, most // 2 + 1  # neighbours, which fewer bits could not tell apart
    values = np.full((SIDE, SIDE), other)
    values[: SIDE // 2] = clear
    pixels = decode(png(packed(values, depth), depth, GREY, (clear,)), SIDE, channels)
    assert (pixels[:, : SIDE // 2] == 255).all()
    assert (pixels[:, SIDE // 2 :] == round(other * 255 / most)).all()


@pytest.mark.parametrize(("depth", "factor"), [(8, 1), (16, 257)])
def test_colours_of_every_depth_are_laid_over_white(depth: int, factor: int) -> None:
    clear = tuple(factor * value for value in (10, 20, 30))
    values = np.empty((SIDE, SIDE, 3), np.int64)
    values[: SIDE // 2] = clear
    values[SIDE // 2 :] = (clear[0], clear[1], clear[2] + 1)
    content = png(values.astype(f">u{depth // 8}").tobytes(), depth, RGB, clear)
    pixels = decode(content, SIDE, 3)
    assert (pixels[:, : SIDE // 2] == 255).all()
    assert pixels[:2, SIDE // 2 :].max() == 20
    assert in_colours(content)
    assert min(sides(content)) == SIDE


def test_a_transparent_image_of_16_bits_is_turned_upright() -> None:
    values = np.full((SIDE, SIDE), 65535 // 5)
    values[: SIDE // 2] = 1000
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned = png(packed(values, 16), 16, GREY, (1000,), exif.tobytes().removeprefix(b"Exif\0\0"))
    pixels = decode(turned, SIDE, 1)[0]
    assert (pixels[: SIDE // 2] == 51).all()
    assert (pixels[SIDE // 2 :] == 255).all()


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("EPS", "PostScript, which is not read"),
        ("TIFF", "a TIFF, which"),
        ("PDF", "a PDF"),
        ("PPM", "not an image"),
    ],
)
def test_no_other_format_is_opened_whatever_the_file_is_called(kind: str, says: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), "red").save(stream, kind)
    for use in (lambda content: decode(content, SIDE, 3), in_colours, sides):
        with pytest.raises(UnusableImageError, match=says):
            use(stream.getvalue())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_the_formats_that_are_read_may_have_any_name(kind: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), (250, 250, 250)).save(stream, kind)
    assert abs(int(decode(stream.getvalue(), SIDE, 3).mean()) - 250) <= 2
