"""Variance of the Laplacian: how sharp an image is, without any reference."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))


def variance_of_laplacian(images: Tensor) -> Tensor:
    """Sharpness of each image, in squared grey levels: blur lowers it, noise and artefacts raise it.

    The measure LAPV of Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy", with the
    kernel, the mirrored border and the grey levels that OpenCV's `Laplacian` uses; without their factor 1/6.

    Args:
        images: `(N, C, H, W)`, C 1 or 3, H and W at least 2, values 0…255, uint8 or float.

    Returns:
        `(N,)`, float64.
    """
    grey = images.double()
    if grey.shape[1] == 3:
        grey = (grey * grey.new_tensor(LUMA).view(3, 1, 1)).sum(dim=1, keepdim=True)
    kernel = grey.new_tensor(LAPLACIAN)[None, None]
    edges = F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="reflect"), kernel)
    return torch.var(edges, dim=(1, 2, 3), correction=0)
