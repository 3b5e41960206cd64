"""Features in which distributions of images are compared."""

from __future__ import annotations

from torch import Tensor

from distill.imagenet import EfficientNetLite, find_weights
from search_spaces import file_digest, full_precision


class PooledFeatures:
    """The features before the last layer of `variant`, one of `distill.imagenet.VARIANTS`, pooled.

    Raises:
        MissingPackageError: the packages of `variant` are not installed.
    """

    def __init__(self, variant: str, device: str = "cpu") -> None:
        self.name, self.digest = variant, file_digest(find_weights(variant))[:16]
        self._network = EfficientNetLite(variant).to(device)

    def __call__(self, images: Tensor) -> Tensor:
        with full_precision(images):
            features, _ = self._network(images.float().expand(-1, 3, -1, -1))
            pooled: Tensor = features
            return pooled
