"""How well a discriminator's logits name the attributes of images (StarGAN, arXiv 1711.09020)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def attribute_loss(logits: Tensor, wanted: Tensor, *, exclusive: bool) -> Tensor:
    """The cross-entropy of logits (N, K) and attributes (N, K) of 0 or 1; a scalar.

    Exclusive attributes, of which an image has exactly one, compete in a softmax. Others are K decisions,
    whose binary cross-entropies are summed over attributes; both are means over images.
    """
    if exclusive:
        return F.cross_entropy(logits.float(), wanted.float())
    return F.binary_cross_entropy_with_logits(logits.float(), wanted.float(), reduction="sum") / len(logits)
