"""Adversarial losses, as means over the batch; `real` and `fake` are logits (N,). Computed in float32."""

import torch
import torch.nn.functional as F
from torch import Tensor


def generator_logistic(fake: Tensor) -> Tensor:
    """Non-saturating logistic loss of the generator (Goodfellow et al. 2014, section 3)."""
    return F.softplus(-fake.float()).mean()


def discriminator_logistic(real: Tensor, fake: Tensor) -> Tensor:
    """Logistic loss of the discriminator."""
    return F.softplus(fake.float()).mean() + F.softplus(-real.float()).mean()


def r1_penalty(images: Tensor, logits: Tensor) -> Tensor:
    """Mean squared norm of the discriminator's gradient at real images (Mescheder et al. 2018, R1).

    `images` (N, C, H, W) must require gradients, and `logits` must have been computed from it.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.float().square().sum(dim=(1, 2, 3)).mean()
