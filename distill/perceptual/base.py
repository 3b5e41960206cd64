"""The contract of a perceptual distance: what a similarity term compares images with."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class PerceptualDistance(Protocol):
    """A distance between a student's and its teacher's images, in the features of a frozen network."""

    @property
    def name(self) -> str:
        """The name or path that `--perceptual` gave."""

    @property
    def digest(self) -> str:
        """16 hex digits of the SHA-256 of the network's weights: part of a study's identity."""

    def __call__(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Mean distance of images (N, 1 or 3, H, W) in [-1, 1]: a scalar, computed in float32."""


class ImageFeatures(Protocol):
    """Features of images under a frozen network."""

    @property
    def name(self) -> str:
        """The name of the network."""

    @property
    def digest(self) -> str:
        """16 hex digits of the SHA-256 of the network's weights."""

    def __call__(self, images: Tensor) -> Tensor:
        """Features (N, D) of images (N, 1 or 3, H, W) in [-1, 1], float32."""


class FeatureMaps(Protocol):
    """Maps of images under a frozen network."""

    @property
    def name(self) -> str:
        """The name of the network."""

    @property
    def digest(self) -> str:
        """16 hex digits of the SHA-256 of the network's weights."""

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Maps (N, C, H', W') of images (N, 1 or 3, H, W) in [-1, 1], finest first, float32."""
