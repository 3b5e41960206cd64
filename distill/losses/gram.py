"""Style of images: Gram matrices of feature maps (Gatys et al., arXiv 1508.06576; CRD, arXiv 2212.11091)."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from search_spaces import full_precision


def gram(features: Tensor) -> Tensor:
    """Feature maps (N, C, H, W) ─► products of channels, in the mean over C·H·W, (N, C, C); float32."""
    with full_precision(features):
        flat = features.float().flatten(2)
        return flat @ flat.transpose(1, 2) / flat[0].numel()


def gram_l1(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of Gram matrices of feature maps (N, C, H, W), summed over maps; a scalar."""
    differences = [F.l1_loss(gram(s), gram(t)) for s, t in zip(student, teacher, strict=True)]
    return sum(differences[1:], start=differences[0])
