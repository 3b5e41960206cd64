"""Style of images: Gram matrices of feature maps (Gatys et al., arXiv 1508.06576; CRD, arXiv 2212.11091)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from distill.losses.similarity import feature_l1
from search_spaces import full_precision


def gram(features: Tensor) -> Tensor:
    """Feature maps (N, C, H, W) ─► products of channels, in the mean over C·H·W, (N, C, C); float32."""
    with full_precision(features):
        flat = features.float().flatten(2)
        return flat @ flat.transpose(1, 2) / flat[0].numel()


def gram_l1(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of Gram matrices of feature maps (N, C, H, W), a mean over maps; a scalar.

    Each map's is in units of the teacher's mean magnitude there (ours), so that weights mean the same for
    every network; CRD's `1e4` goes with VGG16 and its sum over maps.
    """
    return feature_l1([gram(s) for s in student], [gram(t) for t in teacher])
