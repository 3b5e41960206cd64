"""The teacher cache: the teacher's images for fixed inputs, made once, memory-mapped by every candidate."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from distill.storage import scratch_folder, sweep
from distill.tasks import Batch, TeacherInputs
from distill.teachers.soundness import check_finite
from search_spaces import Generator

TEACHER_CACHE = "teacher"  # name of the folder of teacher caches and samples, within that of all caches
RENDER_PIXELS = 2**18  # per batch: a 1024 px teacher fits into memory
SPARE = 2**28  # bytes of disk to leave free


@dataclass(frozen=True)
class CacheUse:
    """What cached images are for, as users read it."""

    work: str  # while they are made
    takes: str  # subject and verb of the disk space that `{}` images need
    fix: str  # where the disk has too little room


PAIRS = CacheUse(
    "Making the teacher's images, once",
    "a teacher cache of {:,} images takes",
    "give a smaller --teacher-cache-size or another --workdir",
)


@dataclass(frozen=True)
class TeacherCache:
    """Inputs and the teacher's images for them, both on disk: `images[i]` belongs to `arrays[k][i]`."""

    inputs: TeacherInputs
    arrays: tuple[npt.NDArray[Any], ...]  # from `inputs.arrays()`
    images: npt.NDArray[np.uint8]  # (N, C, H, W), read-only

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Tensor) -> Batch:
        """The inputs at `indices` (B,), with the teacher's images, float32 in [-1, 1]; on the CPU."""
        order = indices.numpy()
        images = to_float(torch.from_numpy(self.images[order]))
        return replace(_inputs_at(self.inputs, self.arrays, order), teacher=images)

    def draw(self, count: int, rng: torch.Generator) -> Batch:
        """A random batch of `count`, with replacement."""
        return self.batch(torch.randint(len(self), (count,), generator=rng))


def _inputs_at(inputs: TeacherInputs, arrays: tuple[npt.NDArray[Any], ...], rows: Any) -> Batch:
    """The batch of the inputs in some `rows` of `arrays`; `rows` are indices or a slice."""
    return inputs.batch(tuple(torch.from_numpy(np.array(array[rows])) for array in arrays))


@torch.no_grad()
def make_teacher_cache(
    teacher: Generator,
    teacher_digest: str,
    inputs: TeacherInputs,
    folder: Path,
    *,
    batch_size: int | None = None,  # None: as many as fit into some gigabytes
    device: str = "cpu",
    on_progress: OnProgress | None = None,
    use: CacheUse = PAIRS,
) -> TeacherCache:
    """Open the cache of this teacher's images for `inputs` in `folder`; make it if it is missing.

    Images are stored as uint8: the rounding, half a grey level, does not matter to a student. Inputs that are
    images are stored as indices, see `TeacherInputs.arrays`.

    Raises:
        TeacherCacheError: the disk has no room for it.
        TeacherError: the teacher makes NaN or infinity.
    """
    home = teacher_cache_home(folder, teacher_digest, inputs)
    sweep(folder)
    if not home.exists():
        folder.mkdir(parents=True, exist_ok=True)
        arrays = inputs.arrays()
        with scratch_folder(folder, f".{home.name}-") as scratch:
            half_done = scratch / home.name
            half_done.mkdir()
            for i, array in enumerate(arrays):
                np.save(half_done / f"inputs-{i}.npy", array)
            teacher = teacher.to(device).eval()
            _render(teacher, inputs, arrays, half_done / "images.npy", batch_size, device, on_progress, use)
            _publish(half_done, home)
    return TeacherCache(
        inputs,
        tuple(np.load(path, mmap_mode="r") for path in sorted(home.glob("inputs-*.npy"))),
        np.load(home / "images.npy", mmap_mode="r"),
    )


def teacher_cache_home(folder: Path, teacher_digest: str, inputs: TeacherInputs) -> Path:
    """The folder of this cache."""
    return folder / hashlib.sha256(f"{teacher_digest}:{inputs.digest}".encode()).hexdigest()[:16]


def teacher_cache_bytes(size: int, image_shape: Sequence[int], arrays: Sequence[npt.NDArray[Any]]) -> int:
    """Size of a cache on disk, bytes.

    Args:
        size: number of inputs and images.
        image_shape: `(C, H, W)` of an image, uint8.
        arrays: from `TeacherInputs.arrays`; one row shows the size of all.
    """
    row = sum(array[:1].nbytes for array in arrays)
    return size * (math.prod(image_shape) + row)


def check_room(folder: Path, size: int, needed: int, use: CacheUse = PAIRS) -> None:
    """Check that the disk of `folder` has room for `size` more images, `needed` bytes.

    Raises:
        TeacherCacheError: it has not.
    """
    if not size:
        return
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.exists(place))
    disk = shutil.disk_usage(there)
    if disk.total and needed + SPARE > disk.free:  # size 0 is no disk; writing there raises its own error
        raise TeacherCacheError(
            f"{use.takes.format(size)} {needed / 1e9:.1f} GB and its disk has {disk.free / 1e9:.1f} GB free: "
            f"{use.fix}"
        )


def _render(
    teacher: Generator,
    inputs: TeacherInputs,
    arrays: tuple[npt.NDArray[Any], ...],
    path: Path,
    batch_size: int | None,
    device: str,
    on_progress: OnProgress | None,
    use: CacheUse,
) -> None:
    """Write the teacher's images for the rows of `arrays` to `path`, batch by batch."""
    images: np.memmap[Any, np.dtype[np.uint8]] | None = None
    size, start, count = len(inputs), 0, batch_size or 1  # the first image shows how many fit
    with seeded_noise(inputs.seed, device):
        while start < size:
            batch = _inputs_at(inputs, arrays, slice(start, start + count)).inputs
            made = teacher(*(x.to(device) for x in batch))
            check_finite(made, start)
            rendered = to_uint8(made).cpu().numpy()
            if images is None:
                shape = rendered.shape[1:]
                check_room(path.parent, size, teacher_cache_bytes(size, shape, arrays), use)
                images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(size, *shape))
                count = batch_size or max(1, min(64, RENDER_PIXELS // (shape[-1] * shape[-2])))
            images[start : start + len(rendered)] = rendered
            os.utime(path)  # mapped writes may leave the time unchanged, and `sweep` would remove the folder
            start += len(rendered)
            if on_progress is not None:
                on_progress(use.work, start, size)
    assert images is not None
    images.flush()


def _publish(half_done: Path, home: Path) -> None:
    """Move a complete cache to its place, unless another process put the same one there meanwhile."""
    try:
        half_done.rename(home)
    except OSError:
        if not home.exists():
            raise
