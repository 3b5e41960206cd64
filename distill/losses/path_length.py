"""How evenly a generator's images follow its styles (Karras et al. 2020, section 3.2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def path_lengths(images: Tensor, styles: Tensor) -> Tensor:
    """`‖Jᵀ y‖` of every sample, (N,): J is the Jacobian of an image by its style, y white noise (equation 4).

    `images` (N, C, H, W) must be a function of `styles` (N, D). The noise has variance 1 / (H·W), so that
    lengths don't grow with the resolution.
    """
    height, width = images.shape[2:]
    noise = torch.randn_like(images) / math.sqrt(height * width)
    (gradient,) = torch.autograd.grad((images * noise).sum(), styles, create_graph=True)
    return gradient.float().square().sum(dim=1).sqrt()


def path_length_weight(weight: float, resolution: int) -> float:
    """What to multiply `(‖Jᵀ y‖ - a)²` with at `resolution`, for noise as in `path_lengths`.

    At `weight` 2 it is the paper's γ = ln 2 / (r² (ln r - ln 2)), without the r² that is in the noise: one
    over the number of synthesis layers, of which there are two for each doubling from 4 pixels on.
    """
    return weight / (2 * math.log2(resolution) - 2)
