"""StyleGAN2's regulariser of the generator (Karras et al., arXiv 1912.04958, section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from distill.adversarial import Terms
from distill.errors import RecipeError
from distill.losses import path_length_weight, path_lengths
from distill.recipes.base import GeneratorStep
from search_spaces import StyleBased, full_precision

MEAN_LENGTH = "path_length"  # in a recipe's state


@dataclass(frozen=True)
class PathLengths:
    """`γ_pl·(‖Jᵀ y‖ - a)²`, with `a` the exponential mean of the lengths.

    Lazy regularisation: every `every` steps, with `every` times the weight, on half a batch.
    """

    weight: float = 2.0  # 0 disables it
    every: int = 4  # steps
    decay: float = 0.99  # of the mean length, per regularisation

    def terms(self, step: GeneratorStep) -> Terms:
        """The term, in steps that are due; else no term.

        Raises:
            RecipeError: the generator has no styles.
        """
        if not self.weight or step.step % self.every:
            return {}
        if step.draw is None or not isinstance(step.student, StyleBased):
            raise RecipeError(
                "path-length regularisation needs a generator with styles: give another --recipe, or "
                "--path-weight 0 to nas-teacher train"
            )
        with full_precision(step.fake):
            images, styles = step.student.with_styles(*step.draw(max(1, len(step.fake) // 2)))
            lengths = path_lengths(images, styles)
        mean = step.state.get(MEAN_LENGTH, torch.zeros_like(lengths[0]))
        mean = mean.lerp(lengths.detach().mean(), 1 - self.decay)
        step.state[MEAN_LENGTH] = mean
        weight = path_length_weight(self.weight, images.shape[-1]) * self.every
        return {"g_path": (lengths - mean).square().mean() * weight}
