"""Nearest neighbours in a feature space: generated images beside the real ones that they may be copies of."""

from __future__ import annotations

import torch
from torch import Tensor

AT_A_TIME = 10_000  # rows of `among` whose distances are in memory


def nearest(features: Tensor, among: Tensor, count: int) -> Tensor:
    """Indices (N, count) of the rows of `among` that are nearest by Euclidean distance, the nearest first.

    Args:
        features: (N, D).
        among: (M, D), M at least `count`; may be mapped from disk.
        count: neighbours of each.
    """
    distances = torch.empty(len(features), 0)
    indices = torch.empty(len(features), 0, dtype=torch.long)
    for start in range(0, len(among), AT_A_TIME):
        block = among[start : start + AT_A_TIME]
        numbers = torch.arange(start, start + len(block)).expand(len(features), -1)
        exact = torch.cdist(features, block, compute_mode="donot_use_mm_for_euclid_dist")
        distances = torch.cat([distances, exact], dim=1)
        indices = torch.cat([indices, numbers], dim=1)
        kept = distances.argsort(dim=1, stable=True)[:, :count]
        distances, indices = distances.gather(1, kept), indices.gather(1, kept)
    return indices
