"""Real images from a folder, a .zip or the built-in digits, as one uint8 tensor, and batches of it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from distill.errors import DataError

DIGITS = "digits"
"""The name of the built-in data; a folder of that name is reached as `./digits`."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
MIN_IMAGES = 32
MAX_PIXELS = 64_000_000  # of one image file; above it is taken for a decompression bomb
MAX_BYTES = 256 * 2**20  # of one image file, uncompressed
BROKEN_SHARE = 0.01

_FIX = "give a folder or a .zip with .png, .jpg or .webp images, or 'digits'"


@dataclass(frozen=True)
class ImageSet:
    """Images of one size, decoded once."""

    name: str  # what the user typed, or "digits"
    images: Tensor  # (N, C, R, R), uint8, on the CPU
    digest: str  # 16 hex digits of a SHA-256 over shape and pixels
    skipped: tuple[str, ...] = ()  # files left out, with the reason

    def __len__(self) -> int:
        return len(self.images)


def load_images(source: str | Path | None, resolution: int, channels: int) -> ImageSet:
    """Load `source` as `(N, channels, resolution, resolution)`, uint8; `channels` is 1 or 3.

    * `None` or `"digits"`: scikit-learn's 1,797 handwritten digits (8×8, values 0…16), scaled to 0…255 and
      resized bicubically, clipped: Lanczos leaves ghost strokes around a digit this small.
    * A folder, searched recursively, or a .zip, read in place: PNG, JPEG and WebP files in the order of their
      names; hidden ones are ignored. Images are turned upright by their EXIF tag, transparency is laid over
      white, 16-bit grey is scaled to 8 bits, everything becomes grey (1 channel) or RGB (3). Then the largest
      centred square is cut out and resized to `resolution` with Pillow's antialiased Lanczos filter.

    One unreadable image is left out and named in `skipped`; so are more, up to 1 % of all.

    Raises:
        DataError: `source` is missing or holds no images, too many unreadable or fewer than `MIN_IMAGES`.
    """
    if channels not in (1, 3):
        raise DataError(f"images have 1 (grey) or 3 (RGB) channels, not {channels}: use another teacher")
    if resolution < 1:
        raise DataError(f"the resolution is {resolution}: give a positive number of pixels")
    if source is None or source == DIGITS:
        return _image_set(DIGITS, _digits(resolution, channels))
    with contextlib.ExitStack() as stack:
        try:
            files = _open(Path(source), stack)
        except OSError as error:
            raise DataError(f"{source} can't be read ({error.strerror or error}): {_FIX}") from error
        if not files:
            raise DataError(f"{source} holds no images: {_FIX}")
        pixels, skipped = _decode_all(files, resolution, channels)
    if len(skipped) > max(1, BROKEN_SHARE * len(files)):
        raise DataError(
            f"{source}: {len(skipped)} of {len(files)} images can't be used (the first is {skipped[0]}):"
            " repair or remove them"
        )
    if len(pixels) < MIN_IMAGES:
        raise DataError(f"{source} holds {len(pixels)} images; at least {MIN_IMAGES} are needed")
    return _image_set(str(source), pixels, skipped)


def digits_labels() -> Tensor:
    """The digit (0…9) that each image of the built-in data shows, `(1797,)`, int64."""
    from sklearn.datasets import load_digits

    return torch.from_numpy(load_digits().target).long()


def to_float(images: Tensor) -> Tensor:
    """uint8 0…255 ⇒ float32 in [-1, 1]."""
    return images.to(torch.float32) / 127.5 - 1.0


def to_uint8(images: Tensor) -> Tensor:
    """Float in [-1, 1] ⇒ uint8, rounded; values outside are clamped. The inverse of `to_float`."""
    return ((images + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8)


class ImageStream:
    """Endless batches `(B, C, R, R)`, float32 in [-1, 1], shuffled anew in each epoch, without replacement.

    Epochs follow each other without a gap, so a batch may span two. With `mirror`, each image of each epoch
    is flipped left to right with probability ½. What comes next depends only on `seed` and on the number of
    images drawn so far, which is all that `state_dict` holds: a restored stream goes on exactly where it was.
    """

    def __init__(self, images: Tensor, batch_size: int, seed: int, *, mirror: bool = False) -> None:
        self.images = images  # (N, C, R, R), uint8
        self.batch_size = batch_size
        self.mirror = mirror
        self._seed = seed
        self._drawn = 0  # images
        self._epoch = -1  # the one that `_order` and `_flips` belong to
        self._order = torch.empty(0, dtype=torch.long)
        self._flips = torch.empty(0, dtype=torch.bool)

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Tensor:
        indices: list[Tensor] = []
        flips: list[Tensor] = []
        missing = self.batch_size
        while missing:
            epoch, start = divmod(self._drawn, len(self.images))
            self._shuffle(epoch)
            indices.append(self._order[start : start + missing])
            flips.append(self._flips[start : start + missing])
            self._drawn += len(indices[-1])
            missing -= len(indices[-1])
        batch = to_float(self.images[torch.cat(indices)])
        if self.mirror:
            batch = torch.where(torch.cat(flips)[:, None, None, None], batch.flip(-1), batch)
        return batch

    def _shuffle(self, epoch: int) -> None:
        if epoch == self._epoch:
            return
        mixed = np.random.SeedSequence((self._seed, epoch)).generate_state(1, np.uint64)[0]
        rng = torch.Generator().manual_seed(int(mixed))
        self._order = torch.randperm(len(self.images), generator=rng)
        self._flips = torch.rand(len(self.images), generator=rng) < 0.5
        self._epoch = epoch

    def state_dict(self) -> dict[str, Any]:
        return {"seed": self._seed, "drawn": self._drawn, "images": len(self.images)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken.

        Raises:
            DataError: `state` belongs to another number of images.
        """
        if state["images"] != len(self.images):
            raise DataError(
                f"the training that is resumed had {state['images']} images and the data now has"
                f" {len(self.images)}: resume with the same data"
            )
        self._seed, self._drawn, self._epoch = state["seed"], state["drawn"], -1


def _image_set(name: str, pixels: np.ndarray, skipped: tuple[str, ...] = ()) -> ImageSet:
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(pixels.data)  # the buffer itself: no copy of a large data set
    return ImageSet(name, torch.from_numpy(pixels), digest.hexdigest()[:16], skipped)


def _digits(resolution: int, channels: int) -> np.ndarray:
    from sklearn.datasets import load_digits  # takes a second or two: only when the digits are asked for

    small = (load_digits().images * (255 / 16)).round().astype(np.uint8)
    size = (resolution, resolution)
    grey = np.stack([np.asarray(Image.fromarray(i).resize(size, Image.Resampling.BICUBIC)) for i in small])
    return np.ascontiguousarray(np.repeat(grey[:, None], channels, axis=1))


_File = tuple[str, Callable[[], bytes]]


class _UnusableError(Exception):
    """Why one image is left out."""


def _open(path: Path, stack: contextlib.ExitStack) -> list[_File]:
    """The image files of a folder or .zip, sorted by name."""
    if path.is_dir():
        return _folder_files(path)
    if not path.exists():
        raise DataError(f"{path} does not exist: {_FIX}")
    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is neither a folder nor a readable .zip: {_FIX}") from error
    return _zip_files(archive)


def _folder_files(folder: Path) -> list[_File]:
    def fail(error: OSError) -> None:
        raise error

    files: list[_File] = []
    for parent, _, names in os.walk(folder, onerror=fail):
        for name in names:
            path = Path(parent, name)
            relative = path.relative_to(folder).as_posix()
            if _is_image(relative) and path.is_file():
                files.append((relative, lambda path=path: _read_file(path)))  # type: ignore[misc]
    return sorted(files, key=lambda file: file[0])


def _zip_files(archive: zipfile.ZipFile) -> list[_File]:
    members = [info for info in archive.infolist() if not info.is_dir() and _is_image(info.filename)]
    members.sort(key=lambda info: info.filename)
    return [(info.filename, lambda info=info: _read_member(archive, info)) for info in members]  # type: ignore[misc]


def _is_image(name: str) -> bool:
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))
    return name.lower().endswith(SUFFIXES) and not hidden


def _read_file(path: Path) -> bytes:
    if path.stat().st_size > MAX_BYTES:
        raise _UnusableError(f"larger than {MAX_BYTES >> 20} MiB")
    return path.read_bytes()


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.file_size > MAX_BYTES:
        raise _UnusableError(f"larger than {MAX_BYTES >> 20} MiB")
    return archive.read(info)


def _decode_all(files: list[_File], resolution: int, channels: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """All images that can be decoded, `(N, C, R, R)` uint8 in the order of `files`, and what was left out."""
    pixels = np.empty((len(files), channels, resolution, resolution), np.uint8)
    skipped: list[str] = []

    def attempt(file: _File) -> np.ndarray | str:
        try:
            return _decode(file[1](), resolution, channels)
        except _UnusableError as error:
            return str(error)
        except UnidentifiedImageError:
            return "not an image"
        except Exception as error:  # decoders raise almost anything on damaged files
            return " ".join(f"damaged: {error}".split())

    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")  # oversized images are refused below, odd metadata doesn't matter
        good = 0
        for (name, _), result in zip(files, pool.map(attempt, files), strict=True):
            if isinstance(result, str):
                skipped.append(f"{name}: {result}")
            else:
                pixels[good] = result
                good += 1
    return pixels[:good], tuple(skipped)


def _decode(data: bytes, resolution: int, channels: int) -> np.ndarray:
    """One file's bytes ⇒ `(C, R, R)`, uint8."""
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise _UnusableError(f"{width}×{height} pixels, more than {MAX_PIXELS // 10**6} million")
        upright = _eight_bit(ImageOps.exif_transpose(image))
    plain = _over_white(upright).convert("L" if channels == 1 else "RGB")
    side = min(plain.size)
    left, top = (plain.width - side) // 2, (plain.height - side) // 2
    square = plain.crop((left, top, left + side, top + side))
    if side != resolution:
        square = square.resize((resolution, resolution), Image.Resampling.LANCZOS)
    return np.asarray(square).reshape(resolution, resolution, channels).transpose(2, 0, 1)


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit grey ⇒ 8-bit grey: Pillow's own conversion clips everything above 255 to white."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.float64) / 257).round().clip(0, 255).astype(np.uint8))


def _over_white(image: Image.Image) -> Image.Image:
    if image.mode not in ("LA", "PA", "RGBA", "La", "RGBa") and "transparency" not in image.info:
        return image
    colours = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), colours)
