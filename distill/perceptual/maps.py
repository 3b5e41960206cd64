"""Feature maps of whole images under a frozen network, for style and content."""

from __future__ import annotations

from torch import Tensor

from distill.imagenet import EfficientNetLite, find_weights
from search_spaces import file_digest, full_precision

STAGES = 4  # resolutions: a half, a quarter, … of the image


class ImagenetMaps:
    """Maps at the ends of the first resolutions of `variant`, one of `distill.imagenet.VARIANTS`.

    Raises:
        MissingPackageError: the packages of `variant` are not installed.
    """

    def __init__(self, variant: str, device: str = "cpu") -> None:
        self.name, self.digest = variant, file_digest(find_weights(variant))[:16]
        self._network = EfficientNetLite(variant).to(device)

    def __call__(self, images: Tensor) -> list[Tensor]:
        with full_precision(images):
            return self._network.stages(images.float().expand(-1, 3, -1, -1), STAGES)
