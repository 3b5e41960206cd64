"""Adversarial losses in float32. `real` and `fake` are logits (N,), or maps of them (N, 1, H', W').

A discriminator's losses are means over images and positions; a generator's are in the shape of the logits.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def generator_logistic(fake: Tensor) -> Tensor:
    """Non-saturating logistic loss of the generator (Goodfellow et al. 2014, section 3)."""
    return F.softplus(-fake.float())


def generator_linear(fake: Tensor) -> Tensor:
    """The generator's loss for a hinge (Lim and Ye 2017) or Wasserstein critic (Arjovsky et al. 2017)."""
    return -fake.float()


def generator_least_squares(fake: Tensor) -> Tensor:
    """The generator's least squares towards 1 (Mao et al. 2017, equation 9, without its ½)."""
    return (fake.float() - 1).square()


def generator_relativistic(fake: Tensor, real: Tensor) -> Tensor:
    """The generator's relativistic pairing loss (Jolicoeur-Martineau 2019, as in R3GAN)."""
    return F.softplus(real.float() - fake.float())


def discriminator_least_squares(real: Tensor, fake: Tensor) -> Tensor:
    """Least squares towards 1 for real and 0 for generated images (Mao et al. 2017, equation 9)."""
    return ((real.float() - 1).square().mean() + fake.float().square().mean()) / 2


def discriminator_logistic(real: Tensor, fake: Tensor) -> Tensor:
    """Logistic loss of the discriminator."""
    return F.softplus(fake.float()).mean() + F.softplus(-real.float()).mean()


def discriminator_relativistic(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's relativistic pairing loss: every real image against one generated image."""
    return F.softplus(fake.float() - real.float()).mean()


def discriminator_hinge(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss of the discriminator (Lim and Ye 2017, as in BigGAN)."""
    return F.relu(1 - real.float()).mean() + F.relu(1 + fake.float()).mean()


def discriminator_wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    """What a Wasserstein critic minimises (Arjovsky et al. 2017, equation 2)."""
    return fake.float().mean() - real.float().mean()


def r1_penalty(images: Tensor, logits: Tensor) -> Tensor:
    """Mean squared norm of the discriminator's gradient at images (Mescheder et al. 2018).

    At real images it is R1, at generated ones R2.

    `images` (N, C, H, W) must require gradients, and `logits` must have been computed from it.
    """
    return _gradient(images, logits).square().sum(dim=(1, 2, 3)).mean()


def gradient_penalty(images: Tensor, logits: Tensor) -> Tensor:
    """Mean of `(‖∇D(x)‖ - 1)²` at `images` (Gulrajani et al. 2017, equation 3); arguments as for R1."""
    norms: Tensor = torch.linalg.vector_norm(_gradient(images, logits), dim=(1, 2, 3))
    return (norms - 1).square().mean()


def _gradient(images: Tensor, logits: Tensor) -> Tensor:
    """The gradient of every image's mean logit by it, itself to be differentiated."""
    total = logits.flatten(1).mean(dim=1).sum() if logits.ndim > 1 else logits.sum()
    (gradient,) = torch.autograd.grad(total, images, create_graph=True)
    return gradient.float()
