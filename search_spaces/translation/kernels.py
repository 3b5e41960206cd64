"""Weights of separable kernels, from those of dense ones."""

from __future__ import annotations

import torch
from torch import Tensor

RIDGE = 1e-2  # of a regression, in units of the mean square of its inputs


def rank_one(weight: Tensor) -> tuple[Tensor, Tensor]:
    """For every group the spatial kernel and the channel weights whose product is nearest to `weight`.

    Args:
        weight: (G, C, k, k); a group is a channel that a depthwise kernel of its own filters.

    Returns:
        The dominant spatial kernels (G, 1, k, k), of norm 1, and the weights of channels (G, C).
    """
    side = weight.shape[-1]
    left, values, right = torch.linalg.svd(weight.flatten(2), full_matrices=False)
    return right[:, :1].unflatten(2, (side, side)), left[:, :, 0] * values[:, :1]


def regressed(inputs: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
    """The pointwise convolution that makes `outputs` of `inputs` with the least squared error.

    Args:
        inputs: (N, I, H, W).
        outputs: (N, O, H, W).

    Returns:
        Its weight (O, I, 1, 1) and bias (O,).
    """
    x, y = (maps.transpose(0, 1).flatten(1) for maps in (inputs, outputs))  # (I, samples), (O, samples)
    x_mean, y_mean = x.mean(dim=1, keepdim=True), y.mean(dim=1, keepdim=True)
    x, y = (x - x_mean).double(), (y - y_mean).double()
    gram = x @ x.T
    gram += (RIDGE * gram.diagonal().mean() + 1e-12) * torch.eye(len(gram), device=gram.device)
    weight = torch.linalg.solve(gram, x @ y.T).T.to(inputs.dtype)
    return weight[:, :, None, None], (y_mean - weight @ x_mean)[:, 0]
