"""Feature spaces in which FID is measured, by name."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import socket
import threading
import urllib.request
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from distill._torch_fidelity import (
    URL_INCEPTION_V3,
    FeatureExtractorBase,
    create_feature_extractor,
    register_feature_extractor,
)
from distill.data import to_float
from distill.digits.classifier import WEIGHTS as DIGIT_WEIGHTS
from distill.digits.classifier import load_classifier
from distill.errors import FidelityError

WEIGHTS_VARIABLE = "NAS_EXTRACTOR_WEIGHTS"
"""Environment variable with the path of the Inception weights, for machines that are set up once."""

CONNECT_SECONDS = 10.0  # how long an unreachable download may hold up a search
STALL_SECONDS = 30.0  # without a byte, once it has begun

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExtractorEntry:
    """How to build an extractor that torch-fidelity knows, and which of its layers FID uses."""

    registered_name: str  # in torch-fidelity's registry
    layer: str
    channels: tuple[int, ...]  # of the images it takes; grey ones are repeated to RGB where it takes no 1
    find_weights: Callable[[Path | None], Path]  # the user's choice ⇒ the file to load


class Extractor:
    """A feature extractor that is loaded and warm."""

    def __init__(
        self, name: str, entry: ExtractorEntry, module: Any, digest: str, device: torch.device
    ) -> None:
        self.name = name
        self.digest = digest  # 16 hex digits of the SHA-256 of the weights file
        self._channels = entry.channels
        self._module = module
        self._device = device

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Images `(N, C, H, W)`, uint8, C 1 or 3 ⇒ `(N, D)`, float64 on the CPU."""
        images = images.to(self._device)
        if images.shape[1] == 1 and 1 not in self._channels:
            images = images.repeat(1, 3, 1, 1)
        (features,) = self._module(images)
        return features.cpu().double()  # type: ignore[no-any-return]


class DigitFeatures(FeatureExtractorBase):  # type: ignore[misc]
    """The digit classifier's features in torch-fidelity's terms."""

    LAYER = "64"

    def __init__(
        self,
        name: str,
        features_list: list[str],
        feature_extractor_weights_path: str | None = None,
        **_: object,
    ) -> None:
        super().__init__(name, features_list)
        path = feature_extractor_weights_path
        self.classifier = load_classifier(None if path is None else Path(path))

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return (DigitFeatures.LAYER,)

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return DigitFeatures.LAYER

    @staticmethod
    def can_be_compiled() -> bool:
        return False

    @staticmethod
    def get_dummy_input_for_compile() -> Tensor:
        return torch.zeros(1, 1, 16, 16, dtype=torch.uint8)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """`(N, 1 or 3, H, W)`, uint8; colours are averaged to grey."""
        return (self.classifier.features(to_float(images).mean(dim=1, keepdim=True)),)


def _digit_weights(chosen: Path | None) -> Path:
    return chosen or DIGIT_WEIGHTS


def _inception_weights(chosen: Path | None) -> Path:
    """The file chosen by argument, else by environment variable, else the one torch-fidelity downloads."""
    if chosen is None and os.environ.get(WEIGHTS_VARIABLE):
        chosen = Path(os.environ[WEIGHTS_VARIABLE])
    if chosen is None:
        folder = Path(torch.hub.get_dir(), "checkpoints")
        chosen = folder / URL_INCEPTION_V3.rpartition("/")[2]  # where torch.hub keeps it
        if not chosen.is_file():
            _download(URL_INCEPTION_V3, chosen)
    _refuse_code(chosen)
    return chosen


def _download(url: str, target: Path) -> None:
    log.info("downloading %s to %s", url, target)
    failure = _unreachable(url)
    stall = socket.getdefaulttimeout()
    if failure is None:
        try:
            socket.setdefaulttimeout(STALL_SECONDS)  # torch.hub sets none of its own
            target.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(target), progress=False)
        except OSError as error:
            failure = str(error)
        finally:
            socket.setdefaulttimeout(stall)
    if failure is not None:
        raise FidelityError(
            f"the Inception weights can't be downloaded from {url} ({failure}): fetch {target.name} elsewhere"
            f" and give its path by --extractor-weights or {WEIGHTS_VARIABLE}"
        )


def _unreachable(url: str) -> str | None:
    """Why `url` does not answer within `CONNECT_SECONDS`, or None if it does."""
    answer: list[str | None] = [f"no answer within {CONNECT_SECONDS:g} s"]

    def ask() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=CONNECT_SECONDS):
                answer[0] = None
        except OSError as error:
            answer[0] = str(error)

    # a thread, because looking up a host name knows no timeout
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(CONNECT_SECONDS)
    return answer[0]


def _refuse_code(path: Path) -> None:
    """torch-fidelity unpickles its weights without restrictions: refuse a file that is more than tensors."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd pickles, meant for torch's developers
            torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a file that is something else makes the reader raise
        raise FidelityError(
            f"{path} holds no readable extractor weights: give {URL_INCEPTION_V3.rpartition('/')[2]}"
            " by --extractor-weights"
        ) from error


register_feature_extractor("handwritten-digits", DigitFeatures)

EXTRACTORS: dict[str, ExtractorEntry] = {
    "digits": ExtractorEntry("handwritten-digits", DigitFeatures.LAYER, (1, 3), _digit_weights),
    "inception": ExtractorEntry("inception-v3-compat", "2048", (3,), _inception_weights),
}


def load_extractor(name: str, weights: Path | None = None, device: torch.device | str = "cpu") -> Extractor:
    """The extractor called `name`, on `device`; `weights` is the file to load instead of the usual one.

    Raises:
        FidelityError: no such extractor, or its weights are missing, unreadable or of another network.
    """
    if name not in EXTRACTORS:
        raise FidelityError(f"there is no extractor {name!r}: choose one of {', '.join(sorted(EXTRACTORS))}")
    if weights is not None and not weights.is_file():
        raise FidelityError(f"{weights} is not a file: give the extractor's weights by --extractor-weights")
    entry = EXTRACTORS[name]
    path = entry.find_weights(weights)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            module = create_feature_extractor(
                entry.registered_name,
                [entry.layer],
                cuda=False,
                verbose=False,
                feature_extractor_weights_path=str(path),
            )
    except (RuntimeError, TypeError) as error:
        raise FidelityError(
            f"{path} does not hold the weights of {name}: give the right file by --extractor-weights"
        ) from error
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return Extractor(name, entry, module.to(device), digest, torch.device(device))
