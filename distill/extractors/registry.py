"""Extractors by name."""

from __future__ import annotations

from pathlib import Path

import torch

from distill.errors import FidelityError
from distill.extractors.cifar_resnet import CIFAR_RESNET
from distill.extractors.clip import CLIP
from distill.extractors.digits import DIGITS
from distill.extractors.dinov2 import DINOV2
from distill.extractors.inception import INCEPTION
from distill.extractors.network import Extractor, ExtractorEntry
from distill.extractors.torchscript import SUFFIXES, scripted
from search_spaces import file_digest

EXTRACTORS: dict[str, ExtractorEntry] = {
    "cifar-resnet": CIFAR_RESNET,
    "clip": CLIP,
    "digits": DIGITS,
    "dinov2": DINOV2,
    "inception": INCEPTION,
}

# what comes of values of other types, under other names, or of other shapes than an extractor's weights
_MISFITS = (RuntimeError, TypeError, KeyError, ValueError, AttributeError, IndexError)


def load_extractor(name: str, weights: Path | None = None, device: torch.device | str = "cpu") -> Extractor:
    """The extractor called `name`, or the TorchScript file of that path, on `device`.

    Args:
        name: one of `EXTRACTORS`, or a path.
        weights: the file to load instead of the usual one.
        device: where it runs.

    Raises:
        FidelityError: no such extractor, or its weights are missing, unreadable or of another network.
    """
    if name not in EXTRACTORS and Path(name).suffix not in SUFFIXES:
        names = ", ".join(sorted(EXTRACTORS))
        raise FidelityError(
            f"there is no extractor {name!r}: choose one of {names}, or a TorchScript .pt file"
        )
    if weights is not None and not weights.is_file():
        raise FidelityError(f"{weights} is not a file: give the extractor's weights by --extractor-weights")
    entry = EXTRACTORS.get(name) or scripted(Path(name))
    path = entry.find_weights(weights)
    try:
        network = entry.build(path)
    except _MISFITS as error:
        raise FidelityError(
            f"{path} does not hold the weights of {name}: give the right file by --extractor-weights"
        ) from error
    return Extractor(name, network, file_digest(path)[:16], torch.device(device))
