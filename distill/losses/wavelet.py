"""Similarity of the details of images, in wavelet bands (Zhang et al., arXiv 2203.06321)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LEVELS = 3  # halvings of the image, as far as it has pixels for them


def haar(images: Tensor) -> tuple[Tensor, Tensor]:
    """One level of the orthonormal Haar transform of images (N, C, H, W) with even H and W.

    Returns the low band (N, C, H/2, W/2) and the three high ones (N, 3, C, H/2, W/2): differences along the
    width, along the height, and along both.
    """
    left, right = images[..., 0::2], images[..., 1::2]
    sums, differences = left + right, left - right
    low = (sums[..., 0::2, :] + sums[..., 1::2, :]) / 2
    high = (
        (differences[..., 0::2, :] + differences[..., 1::2, :]) / 2,
        (sums[..., 0::2, :] - sums[..., 1::2, :]) / 2,
        (differences[..., 0::2, :] - differences[..., 1::2, :]) / 2,
    )
    return low, torch.stack(high, dim=1)


def wavelet_l1(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean absolute difference of the high bands of images (N, C, H, W) in [-1, 1], in the mean over levels.

    The low band of one level is what the next one takes apart; the last one is not compared, so a constant
    shift of colour or brightness has no distance. An odd side repeats its last pixel. Computed in float32.
    """
    rest, distances = student.float() - teacher.float(), list[Tensor]()  # the transform is linear
    while len(distances) < LEVELS and max(rest.shape[2:]) > 1:
        rest, high = haar(_even(rest))
        distances.append(high.abs().mean())
    return torch.stack(distances).mean() if distances else rest.sum() * 0


def _even(images: Tensor) -> Tensor:
    height, width = images.shape[2:]
    if height % 2 == width % 2 == 0:
        return images
    return F.pad(images, (0, width % 2, 0, height % 2), mode="replicate")
