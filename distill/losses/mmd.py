"""Distance of a student's distribution of images to its teacher's, in features (DiME, arXiv 2405.11614)."""

from __future__ import annotations

import torch
from torch import Tensor

from search_spaces import full_precision

BANDWIDTHS = (0.25, 1.0, 4.0)  # of the kernels, in units of the teacher's mean squared distance


def squared_mmd(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared maximum mean discrepancy of features (N, D) of both for the same inputs; a scalar, float32.

    The unbiased estimate for matched samples (Gretton et al. 2012, lemma 6): 0 for equal features, and 0 in
    the mean for equal distributions, so it may be negative. It compares no student's image with its own
    teacher image. The kernel is a mean of Gaussians whose bandwidths follow the teacher's features (ours).
    Fewer than two images are no distribution: 0.
    """
    with full_precision(student):
        student, teacher = student.float(), teacher.detach().float()
        if len(student) < 2:
            return student.sum() * 0
        others = ~torch.eye(len(student), dtype=torch.bool, device=student.device)
        within = _squared_distances(teacher, teacher)
        unit = within[others].mean().clamp_min(1e-12)
        same = _kernel(_squared_distances(student, student) / unit) + _kernel(within / unit)
        between = _kernel(_squared_distances(student, teacher) / unit)
        return (same - between - between.T)[others].mean()


def _kernel(squared: Tensor) -> Tensor:
    return torch.stack([torch.exp(-squared / width) for width in BANDWIDTHS]).mean(dim=0)


def _squared_distances(one: Tensor, other: Tensor) -> Tensor:
    """Between all rows of (N, D) and of (M, D), (N, M)."""
    sizes = one.square().sum(dim=1)[:, None] + other.square().sum(dim=1)
    return (sizes - 2 * one @ other.T).clamp_min(0)
