"""Feature extractors: a network that takes uint8 images, how to build it, and one that is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from distill.evaluation.extractors.sources import Source


@dataclass(frozen=True)
class Network:
    """A module that maps `(N, C, H, W)`, uint8, to `(features,)` or `(features, logits)`, 2-d floats."""

    module: nn.Module
    channels: tuple[int, ...] = (3,)  # of images it takes; grey ones become RGB where it takes no 1
    has_logits: bool = False  # of classes: what the inception score needs


@dataclass(frozen=True)
class Domain:
    """The images that an extractor is for: its features say little about others."""

    words: str  # in the plural
    colours: bool = True  # False: its features ignore colours
    side: int | None = None  # px; larger images are shrunk to it, and lose their details


@dataclass(frozen=True)
class ExtractorEntry:
    """The module of one extractor, the source of its weights unless the user gives a file, and its images."""

    module: str  # of this package, with `build`, from the file to a network on the CPU; imported on use
    source: Source
    domain: Domain
    size: int  # features of an image, with the default weights
    options: Mapping[str, Any] = field(default_factory=dict)  # of `build`
    variable: str = ""  # environment variable that names a file of weights, for a whole machine


class Extractor:
    """A loaded feature extractor."""

    def __init__(self, name: str, network: Network, digest: str, device: torch.device) -> None:
        self.name = name
        self.digest = digest  # 16 hex digits of the SHA-256 of the weights file
        self.has_logits = network.has_logits
        self._channels = network.channels
        self._module = network.module.to(device)
        self.device = device

    def features(self, images: Tensor) -> Tensor:
        """Images `(N, C, H, W)`, uint8, C 1 or 3 ⇒ `(N, D)`, float64 on the CPU."""
        return self.outputs(images)[0]

    @torch.no_grad()
    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """The `features`, and class logits `(N, K)`, float32 on the CPU, where the network has them.

        Raises:
            FidelityError: the user's network does not accept such images.
        """
        images = images.to(self.device, copy=True)  # the user's module may write to it
        if images.shape[1] == 1 and 1 not in self._channels:
            images = images.repeat(1, 3, 1, 1)
        if images.shape[1] == 3 and 3 not in self._channels:
            images = images.float().mean(dim=1, keepdim=True).round().to(torch.uint8)
        features, *logits = self._module(images)
        return features.cpu().double(), logits[0].cpu().float() if logits else None
