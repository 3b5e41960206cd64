"""How fast real images come: decoded out of a .zip, and in batches from the cache.

    python -m benchmarks.images
    python -m benchmarks.images --quick
    python -m benchmarks.images --data faces.zip --resolution 64
    python -m benchmarks.images --json

Without `--data` it makes its own .zip of 64 px colour JPEGs of about 3 kB each.

* images/s from a source that nobody has decoded yet to an entry of the cache: listing, reading, decoding,
  resizing where needed, digest and writing, on all cores;
* seconds to open that entry again;
* images/s in batches of 64 floats from the open entry, on one thread, plain and mirrored.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from distill.data import ImageSet, ImageStream, load_images

SIZE = 64  # pixels, of the synthetic images
BATCH = 64
WARM_UP = 10  # batches


def synthetic(path: Path, count: int) -> Path:
    """A .zip of `count` JPEGs: smooth shapes with some grain, as photographs have."""
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(count):
            coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
            smooth = np.asarray(coarse.resize((SIZE, SIZE), Image.Resampling.BICUBIC), np.float32)
            pixels = (smooth + rng.normal(0, 6, smooth.shape)).clip(0, 255).astype(np.uint8)
            content = io.BytesIO()
            Image.fromarray(pixels).save(content, "JPEG", quality=90)
            archive.writestr(f"{i:06}.jpg", content.getvalue())
    return path


def stream_speed(images: ImageSet, seconds: float, mirror: bool) -> float:
    """Images per second of `ImageStream`."""
    stream = ImageStream(images.images, BATCH, 0, mirror=mirror)
    for _ in range(WARM_UP):
        next(stream)
    began, batches = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        next(stream)
        batches += 1
    return batches * BATCH / (time.perf_counter() - began)


def measure(data: str | None, resolution: int, quick: bool) -> dict[str, float]:
    """All figures."""
    seconds = 1.0 if quick else 5.0
    with tempfile.TemporaryDirectory() as scratch:
        source = data or str(synthetic(Path(scratch, "images.zip"), 2_000 if quick else 10_000))
        cache = Path(scratch, "cache")
        began = time.perf_counter()
        count = len(load_images(source, resolution, 3, cache=cache))
        decoded = time.perf_counter()
        images = load_images(source, resolution, 3, cache=cache)
        opened = time.perf_counter()
        torch.set_num_threads(1)
        return {
            "cores": len(os.sched_getaffinity(0)),
            "images": count,
            "decoded_per_second": count / (decoded - began),
            "seconds_to_open": opened - decoded,
            "stream_per_second": stream_speed(images, seconds, mirror=False),
            "mirrored_per_second": stream_speed(images, seconds, mirror=True),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="source of real images, instead of synthetic ones")
    parser.add_argument("--resolution", type=int, default=SIZE)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    f = measure(options.data, options.resolution, options.quick)
    if options.json:
        print(json.dumps(f))
        return
    for name, value in (
        (f"decoded into the cache, {f['cores']:.0f} cores", f"{f['decoded_per_second']:,.0f} images/s"),
        (f"{f['images']:,.0f} images opened from the cache", f"{f['seconds_to_open']:.2f} s"),
        ("batches from the cache, 1 thread", f"{f['stream_per_second']:,.0f} images/s"),
        ("the same, mirrored", f"{f['mirrored_per_second']:,.0f} images/s"),
    ):
        print(f"{name:36} {value}")


if __name__ == "__main__":
    main()
