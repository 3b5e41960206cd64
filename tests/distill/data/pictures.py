"""Small images and what they come in."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, width: int = 8, height: int = 8) -> Image.Image:
    """Random colours."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def pictures(folder: Path, count: int, size: int = 8) -> Path:
    """`folder` with `000.png` and on, each of another seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        picture(i, size, size).save(folder / f"{i:03}.png")
    return folder


def zipped(folder: Path) -> Path:
    """A .zip of everything in `folder`, beside it."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return path
