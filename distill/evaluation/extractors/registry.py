"""Extractors by name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import torch

from distill.errors import FidelityError
from distill.evaluation.extractors.network import Extractor, ExtractorEntry, Maker
from distill.evaluation.extractors.torchscript import SUFFIXES, scripted
from search_spaces import file_digest, os_reason

EXTRACTORS: dict[str, ExtractorEntry] = {
    "cifar-resnet": ExtractorEntry("cifar_resnet", "given"),
    "clip": ExtractorEntry("clip", "downloaded"),
    "digits": ExtractorEntry("digits", "packaged"),
    "dinov2": ExtractorEntry("dinov2", "downloaded"),
    "inception": ExtractorEntry("inception", "downloaded"),
}

# raised by files whose values are not the extractor's weights
_MISFITS = (RuntimeError, TypeError, KeyError, ValueError, AttributeError, IndexError)


def check_extractor(name: str, weights: Path | None = None) -> None:
    """Check an extractor and its file before images are decoded; loads a given file, downloads nothing.

    Args:
        name: one of `EXTRACTORS`, or a path.
        weights: the file to load instead of the default one.

    Raises:
        FidelityError: there is no such extractor, or its weights are missing or belong to another network.
    """
    _check(name, weights)
    entry = EXTRACTORS.get(name)
    if entry is None or entry.weights == "given" or weights is not None:
        load_extractor(name, weights)


def load_extractor(name: str, weights: Path | None = None, device: torch.device | str = "cpu") -> Extractor:
    """The extractor called `name`, or the TorchScript file of that path, on `device`.

    Args:
        name: one of `EXTRACTORS`, or a path.
        weights: the file to load instead of the default one.
        device: where it runs.

    Raises:
        FidelityError: there is no such extractor, or its weights are missing, damaged or of another network.
    """
    _check(name, weights)
    maker = _maker(name)
    path = maker.find_weights(weights)
    try:
        network = maker.build(path)
    except _MISFITS as error:
        raise FidelityError(
            f"{path} does not hold the weights of {name}: give the right file by --extractor-weights"
        ) from error
    return Extractor(name, network, file_digest(path)[:16], torch.device(device))


def _check(name: str, weights: Path | None) -> None:
    if name not in EXTRACTORS and Path(name).suffix not in SUFFIXES:
        names = ", ".join(sorted(EXTRACTORS))
        raise FidelityError(
            f"there is no extractor {name!r}: choose one of {names}, or a TorchScript .pt file"
        )
    if weights is None:
        return
    if not weights.is_file():
        raise FidelityError(f"{weights} is not a file: give the extractor's weights by --extractor-weights")
    try:
        with weights.open("rb"):
            pass
    except OSError as error:
        raise FidelityError(
            f"{weights} can't be read ({os_reason(error)}): give another file by --extractor-weights"
        ) from error


def _maker(name: str) -> Maker:
    entry = EXTRACTORS.get(name)
    if entry is None:
        return scripted(Path(name))
    module = import_module(f"distill.evaluation.extractors.{entry.module}")
    return Maker(module.find_weights, module.build)
