"""Small things that tests of recipes share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from distill.adversarial import Terms
from distill.recipes import GeneratorStep, Recipe

Step = Callable[..., GeneratorStep]


def detached(terms: Terms) -> Terms:
    return {name: term.detach() for name, term in terms.items()}


def gradient(recipe: Recipe, step: GeneratorStep) -> Tensor:
    (result,) = torch.autograd.grad(sum(recipe.generator_terms(step).values()), step.fake)
    return result
