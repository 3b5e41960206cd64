"""A user's own extractor: a TorchScript file, which brings its network and its weights.

The module takes uint8 `(N, 3, H, W)` or `(N, 1, H, W)`, 0…255, like torch-fidelity's extractors; it converts
to floats, normalises and resizes by itself. It returns features `(N, D)`, or these and class logits `(N, K)`.

torch reads these files without Python's pickle, but a TorchScript module is a program nevertheless, and torch
warns that loading one may run code: give only files that you trust.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from distill.errors import FidelityError
from distill.evaluation.extractors.network import Network
from distill.memory import is_out_of_memory

SUFFIXES = (".pt", ".pth", ".ts", ".jit", ".torchscript")
PROBED_SIZES = (64, 32, 28, 16, 128, 224, 256, 299, 512)  # px; a module that resizes takes the first
TAKES = "a TorchScript module that takes uint8 (N, 3, H, W) and returns features (N, D)"


class ScriptedFeatures(nn.Module):
    """The module, run as it is written: optimising it on its first calls would change their last bits."""

    def __init__(self, module: Callable[[Tensor], Tensor | tuple[Tensor, Tensor]], name: str) -> None:
        super().__init__()
        self.module = module
        self.name = name

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """`(N, C, H, W)`, uint8 ⇒ `(features,)` or `(features, logits)`.

        Raises:
            FidelityError: the module fails on such images.
        """
        try:
            with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]  # not in torch's types
                out = self.module(images)
        except (RuntimeError, torch.jit.Error) as error:
            if is_out_of_memory(error):
                raise
            reason = str(error).strip().splitlines()[-1]
            size = "×".join(map(str, images.shape[1:]))
            raise FidelityError(
                f"--extractor {self.name} fails on uint8 images of {size} ({reason}): give {TAKES}"
            ) from error
        return (out,) if isinstance(out, Tensor) else tuple(out)


def find_file(path: Path, chosen: Path | None) -> Path:
    """The TorchScript file `path`.

    Raises:
        FidelityError: there is none, or the user has `chosen` weights for it.
    """
    if chosen is not None:
        raise FidelityError(f"{path} brings its own weights: leave --extractor-weights {chosen} out")
    if not path.is_file():
        raise FidelityError(f"--extractor {path} is not a file: give {TAKES}")
    return path


def build(path: Path) -> Network:
    """Load `path` and try it on images of noise.

    Raises:
        FidelityError: it is no TorchScript file, or its module does not do what is asked of it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]  # torch has no types here
    except (RuntimeError, ValueError) as error:
        raise FidelityError(f"--extractor {path} is no TorchScript file: give {TAKES}") from error
    features = ScriptedFeatures(module.eval(), str(path))
    channels, outputs = _try(features)
    well_shaped = all(
        isinstance(x, Tensor) and x.ndim == 2 and len(x) == 2 and x.is_floating_point() for x in outputs
    )
    if not well_shaped or not 1 <= len(outputs) <= 2:
        made = ", ".join(f"{tuple(x.shape)} {x.dtype}" if isinstance(x, Tensor) else repr(x) for x in outputs)
        raise FidelityError(f"--extractor {path} makes {made} of 2 images: give {TAKES}")
    return Network(features, (channels,), has_logits=len(outputs) == 2)


@torch.no_grad()
def _try(module: ScriptedFeatures) -> tuple[int, tuple[Tensor, ...]]:
    """The channels of the first images that the module takes, and what it makes of two of them."""
    rng = torch.Generator().manual_seed(0)
    failures: list[FidelityError] = []
    for channels, side in itertools.product((3, 1), PROBED_SIZES):
        images = torch.randint(256, (2, channels, side, side), generator=rng, dtype=torch.uint8)
        try:
            return channels, module(images)
        except FidelityError as error:
            failures.append(error)
    raise failures[0]
