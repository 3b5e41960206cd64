"""Extractors by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import torch

from distill.digits import WEIGHTS
from distill.errors import FidelityError, MissingPackageError, MissingWeightsError
from distill.evaluation.extractors import torchscript
from distill.evaluation.extractors.network import Domain, Extractor, ExtractorEntry, Network
from distill.evaluation.extractors.sources import (
    Downloaded,
    Given,
    Installed,
    Packaged,
    WeightsUnavailableError,
)
from distill.evaluation.extractors.weights import WEIGHTS_VARIABLE
from distill.imagenet import VARIANTS
from search_spaces import file_digest, os_reason

INCEPTION_URL = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth"
)
CLIP_SHA256 = "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"
CLIP_URL = f"https://openaipublic.azureedge.net/clip/models/{CLIP_SHA256}/ViT-B-32.pt"
DINOV2_URL = "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14/dinov2_vitl14_pretrain.pth"  # FD-DINOv2's

HANDWRITTEN_DIGITS = Domain("grey handwritten digits", colours=False)
SMALL_PHOTOGRAPHS = Domain("photographs of 32 px", side=32)
PHOTOGRAPHS = Domain("photographs")
USERS_OWN = Domain("images that its author trained it on")

EXTRACTORS: dict[str, ExtractorEntry] = {
    "cifar-resnet": ExtractorEntry(
        "cifar_resnet", Given("a CIFAR-10 ResNet such as resnet20.th"), SMALL_PHOTOGRAPHS, 64
    ),
    "clip": ExtractorEntry("clip", Downloaded(CLIP_URL, CLIP_SHA256), PHOTOGRAPHS, 512),
    "digits": ExtractorEntry("digits", Packaged(WEIGHTS), HANDWRITTEN_DIGITS, 64),
    "dinov2": ExtractorEntry("dinov2", Downloaded(DINOV2_URL), PHOTOGRAPHS, 1024),
    **{
        name: ExtractorEntry("imagenet", Installed(name), PHOTOGRAPHS, 1280, {"variant": name})
        for name in VARIANTS
    },
    "inception": ExtractorEntry(
        "inception", Downloaded(INCEPTION_URL, "6726825d"), PHOTOGRAPHS, 2048, variable=WEIGHTS_VARIABLE
    ),
}

OFFLINE = "imagenet-lite0"
"""The extractor for photographs whose weights need no download; a perceptual term has `imagenet-lite1`."""

# raised by files whose values are not the extractor's weights
_MISFITS = (RuntimeError, TypeError, KeyError, ValueError, AttributeError, IndexError)
_Found = TypeVar("_Found")


def check_extractor(name: str, weights: Path | None = None, *, download: bool = False) -> None:
    """Check an extractor and its file before images are decoded; a file that is given is loaded.

    Args:
        name: one of `EXTRACTORS`, or a path.
        weights: the file to load instead of the default one.
        download: fetch weights that are not on this machine; else check that their address answers.

    Raises:
        FidelityError: there is no such extractor, or its weights are missing or belong to another network.
        MissingPackageError: the package that brings its weights is not installed.
    """
    _check_name(name)
    entry = EXTRACTORS.get(name)
    if entry is None or _given(entry, weights) is not None:
        load_extractor(name, weights)
    else:
        _had(name, entry.source.find if download else entry.source.check)


def load_extractor(name: str, weights: Path | None = None, device: torch.device | str = "cpu") -> Extractor:
    """The extractor called `name`, or the TorchScript file of that path, on `device`.

    Args:
        name: one of `EXTRACTORS`, or a path.
        weights: the file to load instead of the default one.
        device: where it runs.

    Raises:
        FidelityError: there is no such extractor, or its weights are missing, damaged or of another network.
        MissingPackageError: the package that brings its weights is not installed.
    """
    _check_name(name)
    path, build = _file(name, weights), _builder(name)
    try:
        network = build(path)
    except _MISFITS as error:
        raise FidelityError(
            f"{path} does not hold the weights of {name}: give the right file by --extractor-weights"
        ) from error
    return Extractor(name, network, file_digest(path)[:16], torch.device(device))


def domain_of(name: str) -> Domain:
    """The images that the extractor `name`, or the file of that path, is for."""
    return EXTRACTORS[name].domain if name in EXTRACTORS else USERS_OWN


def extractor_file(name: str, weights: Path | None = None) -> Path | None:
    """The file with the weights of an extractor; None where it is not on this machine yet.

    Raises:
        FidelityError: there is no such extractor, or the file that is given can't be used.
    """
    _check_name(name)
    entry = EXTRACTORS.get(name)
    if entry is not None and _given(entry, weights) is None and not entry.source.is_at_hand():
        return None
    return _file(name, weights)


def given_weights(name: str, weights: Path | None = None) -> Path | None:
    """The file that the user gives for an extractor, by argument or by environment variable.

    Raises:
        FidelityError: it is not there or can't be read.
    """
    entry = EXTRACTORS.get(name)
    return None if entry is None else _given(entry, weights)


def _check_name(name: str) -> None:
    if name not in EXTRACTORS and Path(name).suffix not in torchscript.SUFFIXES:
        names = ", ".join(sorted(EXTRACTORS))
        raise FidelityError(
            f"there is no extractor {name!r}: choose one of {names}, or a TorchScript .pt file"
        )


def _file(name: str, weights: Path | None) -> Path:
    entry = EXTRACTORS.get(name)
    if entry is None:
        return torchscript.find_file(Path(name), weights)
    return _given(entry, weights) or _had(name, entry.source.find)


def _given(entry: ExtractorEntry, weights: Path | None) -> Path | None:
    """The file of the user's choice, by argument or by environment variable.

    Raises:
        FidelityError: it is not there or can't be read.
    """
    variable = entry.variable
    if weights is None and variable and os.environ.get(variable):
        fix = f"set {variable} to the extractor's weights, or unset it"
        return _readable(Path(os.environ[variable]).expanduser(), f"{variable}=", fix)
    if weights is None:
        return None
    return _readable(weights, "", "give the extractor's weights by --extractor-weights")


def _readable(file: Path, by: str, fix: str) -> Path:
    if not file.is_file():
        raise FidelityError(f"{by}{file} is not a file: {fix}")
    try:
        with file.open("rb"):
            return file
    except OSError as error:
        raise FidelityError(f"{by}{file} can't be read ({os_reason(error)}): {fix}") from error


def _had(name: str, get: Callable[[], _Found]) -> _Found:
    """What `get` returns; where there are no weights, an error lists the ways to get them."""
    try:
        return get()
    except WeightsUnavailableError as error:
        variable = EXTRACTORS[name].variable
        flags = f"--extractor-weights or {variable}" if variable else "--extractor-weights"
        fix = f"give {error.wanted} by {flags}, {ways_out(name)}"
        raise MissingWeightsError(f"{name} {error}", fix) from error


def ways_out(name: str) -> str:
    """What to take instead of the extractor `name`: what works on this machine, and how to get one more."""
    kinds: dict[str, list[str]] = {}
    for other, entry in EXTRACTORS.items():
        if other != name and entry.source.is_at_hand():
            kinds.setdefault(entry.domain.words, []).append(other)
    found = "; ".join(f"{', '.join(names)} for {words}" for words, names in kinds.items())
    try:
        EXTRACTORS[OFFLINE].source.check()
    except MissingPackageError as error:
        found += f"; {error}"
    return f"or take an --extractor that needs no download ({found}), or a TorchScript file"


def _builder(name: str) -> Callable[[Path], Network]:
    entry = EXTRACTORS.get(name)
    if entry is None:
        return torchscript.build
    module = import_module(f"distill.evaluation.extractors.{entry.module}")
    return partial(module.build, **entry.options)
