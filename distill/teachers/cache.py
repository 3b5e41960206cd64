"""The teacher's outputs for a fixed set of inputs: made once per search, memory-mapped by every candidate."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from distill.data import to_float, to_uint8
from distill.errors import TeacherCacheError
from distill.noise import seeded_noise
from distill.progress import OnProgress
from distill.storage import sweep
from search_spaces import Generator

RENDERING = "Making the teacher's images, once"
RENDER_PIXELS = 2**18  # of a batch, so that a 1024 px teacher fits into memory, too
SPARE = 2**28  # bytes of disk that a bank leaves free


@dataclass(frozen=True)
class TeacherCache:
    """Inputs and the teacher's images for them, `inputs[k][i]` ↔ `images[i]`; arrays stay on disk."""

    inputs: tuple[npt.NDArray[np.float32], ...]
    images: npt.NDArray[np.uint8]  # (N, C, H, W), read-only

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """Inputs and teacher images, float32 in [-1, 1], at `indices` (B,)."""
        order = indices.numpy()
        return tuple(torch.from_numpy(x[order]) for x in self.inputs), to_float(
            torch.from_numpy(self.images[order])
        )

    def draw(self, count: int, rng: torch.Generator) -> tuple[tuple[Tensor, ...], Tensor]:
        """A random batch of `count`, with replacement."""
        return self.batch(torch.randint(len(self), (count,), generator=rng))


@torch.no_grad()
def make_teacher_cache(
    teacher: Generator,
    teacher_digest: str,
    folder: Path,
    *,
    size: int,
    seed: int = 0,
    batch_size: int | None = None,  # None is as many as fit into some gigabytes
    device: str = "cpu",
    on_progress: OnProgress | None = None,
) -> TeacherCache:
    """Open the bank of this teacher, size and seed in `folder`, making it first when it is not there.

    Images are held as uint8: half a grey level is far below what a student tells apart.

    Raises:
        TeacherCacheError: the disk has no room for it.
    """
    home = teacher_cache_home(folder, teacher_digest, size, seed)
    sweep(folder)
    if not home.exists():
        folder.mkdir(parents=True, exist_ok=True)
        inputs = teacher.sample_inputs(size, torch.Generator().manual_seed(seed))
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{home.name}-") as scratch:
            half_done = Path(scratch, home.name)
            half_done.mkdir()
            for i, tensor in enumerate(inputs):
                np.save(half_done / f"inputs-{i}.npy", tensor.numpy())
            teacher = teacher.to(device).eval()
            _render(teacher, inputs, half_done / "images.npy", seed, batch_size, device, on_progress)
            _publish(half_done, home)
    inputs_on_disk = sorted(home.glob("inputs-*.npy"))
    return TeacherCache(
        inputs=tuple(np.load(path, mmap_mode="r") for path in inputs_on_disk),
        images=np.load(home / "images.npy", mmap_mode="r"),
    )


def teacher_cache_home(folder: Path, teacher_digest: str, size: int, seed: int) -> Path:
    """Where `make_teacher_cache` keeps this bank."""
    return folder / hashlib.sha256(f"{teacher_digest}:{size}:{seed}".encode()).hexdigest()[:16]


def teacher_cache_bytes(size: int, image_shape: Sequence[int]) -> int:
    """What the images of a bank take on disk, bytes."""
    return size * math.prod(image_shape)


def check_room(folder: Path, size: int, needed: int) -> None:
    """Refuse a bank of `size` images that takes `needed` bytes of the disk that `folder` is, or will be, on.

    Raises:
        TeacherCacheError: there is no room.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.exists(place))
    disk = shutil.disk_usage(there)
    if disk.total and needed + SPARE > disk.free:  # what has no size is no disk: who writes there is told so
        raise TeacherCacheError(
            f"a teacher bank of {size:,} images takes {needed / 1e9:.1f} GB and its disk has "
            f"{disk.free / 1e9:.1f} GB free: give a smaller --teacher-cache-size or another --workdir"
        )


def _render(
    teacher: Generator,
    inputs: tuple[Tensor, ...],
    path: Path,
    seed: int,
    batch_size: int | None,
    device: str,
    on_progress: OnProgress | None,
) -> None:
    """Write the teacher's images for `inputs` to `path`, batch by batch."""
    images: np.memmap[Any, np.dtype[np.uint8]] | None = None
    size, start, count = len(inputs[0]), 0, batch_size or 1  # the first image tells how many fit
    with seeded_noise(seed, device):
        while start < size:
            batch = teacher(*(x[start : start + count].to(device) for x in inputs))
            rendered = to_uint8(batch).cpu().numpy()
            if images is None:
                shape = rendered.shape[1:]
                check_room(
                    path.parent, size, teacher_cache_bytes(size, shape) + sum(x.nbytes for x in inputs)
                )
                images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(size, *shape))
                count = batch_size or max(1, min(64, RENDER_PIXELS // (shape[-1] * shape[-2])))
            images[start : start + len(rendered)] = rendered
            os.utime(path)  # a write to mapped memory need not show, and this must not pass for abandoned
            start += len(rendered)
            if on_progress is not None:
                on_progress(RENDERING, start, size)
    assert images is not None
    images.flush()


def _publish(half_done: Path, home: Path) -> None:
    """Move a complete bank to its place, unless another process put the same one there meanwhile."""
    try:
        half_done.rename(home)
    except OSError:
        if not home.exists():
            raise
