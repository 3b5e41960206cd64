"""Files of real images: statistics for FID, features for other metrics."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from torch import Tensor

from distill.errors import FidelityError
from distill.evaluation.statistics import Statistics
from distill.storage import mapped_tensor
from search_spaces import os_reason
from search_spaces.reading import written_whole


def read_statistics(path: Path, images: int) -> Statistics | None:
    """Cached statistics; None when there are none or the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            mu, sigma, count = file["mu"], file["sigma"], int(file["images"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    sound = mu.ndim == 1 and sigma.shape == (len(mu), len(mu)) and count == images
    finite = sound and np.isfinite(mu).all() and np.isfinite(sigma).all()
    return {"mu": mu, "sigma": sigma} if finite else None


def write_statistics(path: Path, statistics: Statistics, images: int) -> None:
    """Keep the statistics of so many images.

    Raises:
        FidelityError: the folder can't be written.
    """
    _write(path, lambda file: np.savez(file, mu=statistics["mu"], sigma=statistics["sigma"], images=images))


def read_features(path: Path, images: int) -> Tensor | None:
    """Cached features `(N, D)`, float32, mapped into memory; None when there are none or they are damaged."""
    try:
        features = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    sound = features.ndim == 2 and len(features) == images and features.dtype == np.float32
    return mapped_tensor(features) if sound else None


def write_features(path: Path, features: Tensor) -> None:
    """Keep features `(N, D)`, float32.

    Raises:
        FidelityError: the folder can't be written.
    """
    _write(path, lambda file: np.save(file, features.numpy(), allow_pickle=False))


def _write(path: Path, save: Callable[[IO[Any]], None]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as file:
            save(file)
    except OSError as error:
        raise FidelityError(
            f"{path.parent} can't be written ({os_reason(error)}): choose another folder"
        ) from error
