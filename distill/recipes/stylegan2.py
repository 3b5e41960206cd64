"""StyleGAN2's own training (Karras et al., arXiv 1912.04958): adversarial, without a teacher."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from distill.errors import RecipeError
from distill.losses import generator_logistic, path_length_weight, path_lengths
from distill.recipes.base import DiscriminatorStep, GeneratorStep, Terms
from distill.recipes.logistic import logistic_terms
from search_spaces.precision import full_precision

MEAN_LENGTH = "path_length"  # in a recipe's memory


@dataclass(frozen=True)
class StyleGAN2Training:
    """`L_G = softplus(-D(G(z))) + γ_pl·(‖Jᵀ y‖ - a)²`, with `a` the exponential mean of the lengths.

    The second term is lazy: every `path_every` steps, that many times as heavy, on half as many images.
    """

    r1_gamma: float = 10.0
    r1_every: int = 16  # steps
    path_weight: float = 2.0  # 0 leaves path lengths alone
    path_every: int = 4  # steps
    path_memory: float = 0.99  # of the mean length, per regularisation

    name = "stylegan2"

    def kd_weight(self, progress: float, gap: float) -> float:
        return 0.0

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        return logistic_terms(step, self.r1_gamma, self.r1_every)

    def generator_terms(self, step: GeneratorStep) -> Terms:
        terms = {"g_adversarial": generator_logistic(step.logits)}
        if self.path_weight and step.step % self.path_every == 0:
            terms["g_path"] = self._path_term(step)
        return terms

    def _path_term(self, step: GeneratorStep) -> Tensor:
        if step.draw is None:
            raise RecipeError("path-length regularisation needs a generator with styles: use path_weight 0")
        with full_precision(step.fake):
            images, styles = step.draw(max(1, len(step.fake) // 2))
            lengths = path_lengths(images, styles)
        mean = step.memory.get(MEAN_LENGTH, torch.zeros_like(lengths[0]))
        mean = mean.lerp(lengths.detach().mean(), 1 - self.path_memory)
        step.memory[MEAN_LENGTH] = mean
        weight = path_length_weight(self.path_weight, images.shape[-1]) * self.path_every
        return (lengths - mean).square().mean() * weight
