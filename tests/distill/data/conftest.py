"""A folder of exactly as many images as are needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.data import MIN_IMAGES
from tests.distill.data.pictures import picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Half of the images lie in a folder inside."""
    root = tmp_path / "faces"
    (root / "more").mkdir(parents=True)
    for i in range(MIN_IMAGES):
        picture(i).save(root / ("more" if i % 2 else ".") / f"{i:03}.png")
    return root
