"""Seconds and memory of importing a 1024 px StyleGAN2 (config-f) from a file in NVIDIA's layout.

    python -m benchmarks.checkpoints
    python -m benchmarks.checkpoints --quick      # 64 px: shows that it runs
    python -m benchmarks.checkpoints --json

The file is made here, with random weights: G, D and G_ema, as a training snapshot holds them.
"""

from __future__ import annotations

import argparse
import json
import pickle
import re
import subprocess
import sys
import tempfile
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

IMPORT = """
import sys, time
from pathlib import Path
from search_spaces import load_checkpoint, save_checkpoint
began = time.perf_counter()
checkpoint = load_checkpoint(Path(sys.argv[1]))
read = time.perf_counter()
save_checkpoint(checkpoint, Path(sys.argv[2]))
print(read - began, time.perf_counter() - read)
print(open("/proc/self/status").read())
"""


class _Persistent:
    """Pickles like a module of NVIDIA's: by the name of a function that this program needs not have."""

    def __init__(self, class_name: str, state: dict[str, Any]) -> None:
        self._meta = {
            "type": "class",
            "version": 6,
            "module_src": "#",
            "class_name": class_name,
            "state": state,
        }

    def __reduce__(self) -> Any:
        return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (self._meta,)


def _pretend() -> None:
    """Give pickle the name that it writes into the file."""
    package, module = types.ModuleType("torch_utils"), types.ModuleType("torch_utils.persistence")

    def _reconstruct_persistent_obj(meta: Any) -> Any:
        raise NotImplementedError

    _reconstruct_persistent_obj.__module__ = "torch_utils.persistence"
    _reconstruct_persistent_obj.__qualname__ = "_reconstruct_persistent_obj"
    module._reconstruct_persistent_obj = _reconstruct_persistent_obj  # type: ignore[attr-defined]  # a made-up module
    sys.modules |= {"torch_utils": package, "torch_utils.persistence": module}


def _module(class_name: str, tensors: dict[str, Tensor]) -> _Persistent:
    """Dotted names ─► nested modules."""
    own = {name: tensor for name, tensor in tensors.items() if "." not in name}
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if "." in name:
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = tensor
    children = OrderedDict((name, _module("Layer", inside)) for name, inside in parts.items())
    state = {"_parameters": OrderedDict(own), "_buffers": OrderedDict(), "_modules": children}
    return _Persistent(class_name, state)


def _layer(name: str, weight: tuple[int, ...], *, bias: int = 0) -> dict[str, Tensor]:
    found = {f"{name}.weight": torch.randn(weight)}
    return found | ({f"{name}.bias": torch.zeros(bias)} if bias else {})


def generator(resolution: int, channel_base: int = 32768, width: int = 512) -> dict[str, Tensor]:
    """Tensors of a generator under NVIDIA's names."""
    tensors: dict[str, Tensor] = {
        "mapping.w_avg": torch.zeros(width),
        "synthesis.b4.const": torch.randn(width, 4, 4),
    }
    for i in range(8):
        tensors |= _layer(f"mapping.fc{i}", (width, width), bias=width)
    side, incoming = 4, width
    while side <= resolution:
        channels = min(channel_base // side, width)
        for conv in ("conv1",) if side == 4 else ("conv0", "conv1"):
            name = f"synthesis.b{side}.{conv}"
            tensors |= _layer(name, (channels, incoming, 3, 3), bias=channels)
            tensors |= _layer(f"{name}.affine", (incoming, width), bias=incoming)
            tensors |= {
                f"{name}.noise_strength": torch.zeros(()),
                f"{name}.noise_const": torch.randn(side, side),
            }
            incoming = channels
        tensors |= _layer(f"synthesis.b{side}.torgb", (3, channels, 1, 1), bias=3)
        tensors |= _layer(f"synthesis.b{side}.torgb.affine", (channels, width), bias=channels)
        side *= 2
    return tensors


def discriminator(resolution: int, channel_base: int = 32768, width: int = 512) -> dict[str, Tensor]:
    """Tensors of a discriminator under NVIDIA's names."""
    side, channels = resolution, min(channel_base // resolution, width)
    tensors = _layer(f"b{side}.fromrgb", (channels, 3, 1, 1), bias=channels)
    while side > 4:
        after = min(2 * channel_base // side, width)
        tensors |= _layer(f"b{side}.conv0", (channels, channels, 3, 3), bias=channels)
        tensors |= _layer(f"b{side}.conv1", (after, channels, 3, 3), bias=after)
        tensors |= _layer(f"b{side}.skip", (after, channels, 1, 1))
        side, channels = side // 2, after
    tensors |= _layer("b4.conv", (width, width + 1, 3, 3), bias=width)
    return tensors | _layer("b4.fc", (width, 16 * width), bias=width) | _layer("b4.out", (1, width), bias=1)


def write(path: Path, resolution: int) -> None:
    """A snapshot as NVIDIA's training loop writes it."""
    _pretend()
    parts = {
        "G": _module("Generator", generator(resolution)),
        "D": _module("Discriminator", discriminator(resolution)),
        "G_ema": _module("Generator", generator(resolution)),
    }
    with path.open("wb") as file:
        pickle.dump(parts | {"training_set_kwargs": {}, "augment_pipe": None}, file)


def measure(resolution: int) -> dict[str, float]:
    """Seconds to read and to write, megabytes of the file and of the process at its highest."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "snapshot.pkl")
        write(path, resolution)
        command = [sys.executable, "-c", IMPORT, str(path), str(Path(scratch, "teacher.safetensors"))]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds = [float(word) for word in out.splitlines()[0].split()]
        peak = re.search(r"VmHWM:\s+(\d+) kB", out)
        return {
            "resolution": resolution,
            "file_mb": path.stat().st_size / 1e6,
            "read_s": seconds[0],
            "write_s": seconds[1],
            "memory_mb": int(peak[1]) / 1000 if peak else float("nan"),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    f = measure(64 if options.quick else 1024)
    if options.json:
        print(json.dumps(f))
        return
    print(f"{f['resolution']:.0f} px config-f, a file of {f['file_mb']:.0f} MB")
    print(f"{'read':20} {f['read_s']:.1f} s")
    print(f"{'write as ours':20} {f['write_s']:.1f} s")
    print(f"{'highest memory':20} {f['memory_mb']:.0f} MB")


if __name__ == "__main__":
    main()
