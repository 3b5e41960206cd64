"""Adversarial losses in float32; `real` and `fake` are logits (N,). The critic's are means over the batch."""

import torch
import torch.nn.functional as F
from torch import Tensor


def generator_logistic(fake: Tensor) -> Tensor:
    """Non-saturating logistic loss of the generator (Goodfellow et al. 2014, section 3), (N,)."""
    return F.softplus(-fake.float())


def generator_critic(fake: Tensor) -> Tensor:
    """The generator's loss where the critic has a hinge or estimates a Wasserstein distance, (N,)."""
    return -fake.float()


def discriminator_logistic(real: Tensor, fake: Tensor) -> Tensor:
    """Logistic loss of the discriminator."""
    return F.softplus(fake.float()).mean() + F.softplus(-real.float()).mean()


def discriminator_hinge(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss of the discriminator (Lim and Ye 2017, as in BigGAN)."""
    return F.relu(1 - real.float()).mean() + F.relu(1 + fake.float()).mean()


def discriminator_wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    """What a Wasserstein critic minimises (Arjovsky et al. 2017, equation 2)."""
    return fake.float().mean() - real.float().mean()


def r1_penalty(images: Tensor, logits: Tensor) -> Tensor:
    """Mean squared norm of the discriminator's gradient at real images (Mescheder et al. 2018, R1).

    `images` (N, C, H, W) must require gradients, and `logits` must have been computed from it.
    """
    return _gradient(images, logits).square().sum(dim=(1, 2, 3)).mean()


def gradient_penalty(images: Tensor, logits: Tensor) -> Tensor:
    """Mean of `(‖∇D(x)‖ - 1)²` at `images` (Gulrajani et al. 2017, equation 3); arguments as for R1."""
    norms: Tensor = torch.linalg.vector_norm(_gradient(images, logits), dim=(1, 2, 3))
    return (norms - 1).square().mean()


def _gradient(images: Tensor, logits: Tensor) -> Tensor:
    """The gradient of every image's logit by it, itself to be differentiated."""
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.float()
