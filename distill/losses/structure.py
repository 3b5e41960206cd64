"""Structural similarity of images (Wang et al., IEEE Transactions on Image Processing 13, 2004)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from search_spaces import full_precision

WINDOW, SIGMA = 11, 1.5  # px, of the Gaussian that local statistics are weighted by
RANGE = 2.0  # of images in [-1, 1]
MEANS, SPREADS = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2  # C1 and C2: they keep the quotients finite


def ssim(one: Tensor, other: Tensor) -> Tensor:
    """Mean structural similarity of two batches of images (N, C, H, W) in [-1, 1]: a scalar, at most 1.

    Intensities are compared from 0 on: with those about 0, a negative image would look like its original.
    Windows stay inside the images; in images smaller than 11 px they are as large as fits. Float32.
    """
    with full_precision(one):
        x, y = one.float() + 1, other.float() + 1
        blur = _Blur(x)
        mean_x, mean_y = blur(x), blur(y)
        variance_x = blur(x.square()) - mean_x.square()
        variance_y = blur(y.square()) - mean_y.square()
        covariance = blur(x * y) - mean_x * mean_y
        similarity = (2 * mean_x * mean_y + MEANS) * (2 * covariance + SPREADS)
        size = (mean_x.square() + mean_y.square() + MEANS) * (variance_x + variance_y + SPREADS)
        return (similarity / size).mean()


def total_variation(images: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring pixels, beside and below each other, added; a scalar."""
    x = images.float()
    return (x[..., :, 1:] - x[..., :, :-1]).abs().mean() + (x[..., 1:, :] - x[..., :-1, :]).abs().mean()


class _Blur:
    """Gaussian means over windows of the images `like`, one axis after the other."""

    def __init__(self, like: Tensor) -> None:
        self.channels = like.shape[1]
        size = min(WINDOW, *like.shape[2:])
        place = torch.arange(size, device=like.device, dtype=torch.float32) - (size - 1) / 2
        weights = torch.softmax(-place.square() / (2 * SIGMA**2), dim=0)
        self.kernel = weights.expand(self.channels, 1, -1)

    def __call__(self, images: Tensor) -> Tensor:
        rows = F.conv2d(images, self.kernel[:, :, None, :], groups=self.channels)
        return F.conv2d(rows, self.kernel[:, :, :, None], groups=self.channels)
