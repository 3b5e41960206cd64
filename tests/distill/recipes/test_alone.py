"""Training without a teacher: the adversarial loss, and path lengths for generators with styles."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from distill.adversarial import DiscriminatorStep, Logistic
from distill.errors import RecipeError
from distill.losses import path_length_weight, path_lengths
from distill.recipes import AdversarialTraining, GeneratorStep, PathLengths, WeightDecay
from distill.tasks import Batch
from search_spaces import Discriminator, Generator
from tests.distill.recipes.steps import Step, detached


class Linear(Generator):
    """`image = 3·w`, with `w = z`."""

    def with_styles(self, z: Tensor) -> tuple[Tensor, Tensor]:
        styles = z.requires_grad_(True)
        return 3 * styles.reshape(len(z), 1, 16, 16), styles


def drawn(step: GeneratorStep) -> tuple[GeneratorStep, list[int]]:
    """`step` of a linear generator, and a note of how many inputs were drawn."""
    asked: list[int] = []

    def draw(count: int) -> tuple[Tensor]:
        asked.append(count)
        return (torch.randn(count, 256),)

    return replace(step, student=Linear(), draw=draw, state={}), asked


def test_path_lengths_of_a_linear_generator_are_its_gain() -> None:
    """For `image = a·w` the Jacobian is `a·1`, so `‖Jᵀ y‖ = a·‖y‖`, and `y` has norm one in the mean."""
    torch.manual_seed(0)
    styles = torch.randn(200, 256).requires_grad_(True)
    lengths = path_lengths(3 * styles.reshape(200, 1, 16, 16), styles)
    assert lengths.shape == (200,)
    assert float(lengths.mean().detach()) == pytest.approx(3.0, rel=0.02)


@pytest.mark.parametrize("resolution", [16, 256, 1024])
def test_the_weight_of_path_lengths_is_the_papers(resolution: int) -> None:
    """Karras et al. 2020, appendix B: ln 2 / (r² (ln r - ln 2)), for noise that is r times as large."""
    paper = math.log(2) / (resolution**2 * (math.log(resolution) - math.log(2)))
    assert path_length_weight(2.0, resolution) == pytest.approx(paper * resolution**2)


def test_path_lengths_are_regularised_every_fourth_step_on_half_as_many_images(step: Step) -> None:
    recipe, here = AdversarialTraining(), step(0.0)
    for i in range(6):
        at, asked = drawn(replace(here, step=i))
        terms = recipe.generator_terms(at)
        assert ("g_path" in terms) == (i % 4 == 0) == bool(asked)
        assert asked in ([], [2])
    assert AdversarialTraining(paths=PathLengths(0.0)).generator_terms(here).keys() == {"g_adversarial"}


def test_path_lengths_are_pulled_to_their_own_mean(step: Step) -> None:
    recipe = AdversarialTraining(paths=PathLengths(decay=0.5))
    at, _ = drawn(step(0.0))
    terms = [detached(recipe.generator_terms(at))["g_path"] for _ in range(40)]
    assert float(at.state["path_length"]) == pytest.approx(3.0, rel=0.1)
    assert float(terms[-1]) < float(terms[0]) / 20


def test_path_lengths_need_a_generator_with_styles(step: Step) -> None:
    with pytest.raises(RecipeError, match="needs a generator with styles"):
        AdversarialTraining().generator_terms(step(0.0))


def test_without_a_teacher_its_weight_is_nothing() -> None:
    assert {AdversarialTraining().kd_weight(progress, 1.0) for progress in (0.0, 0.5, 1.0)} == {0.0}


def test_the_discriminator_of_stylegan2_is_that_of_weight_decay(discriminator: Discriminator) -> None:
    for i in (0, 1):
        step = DiscriminatorStep(
            discriminator, Batch((), torch.randn(4, 1, 16, 16)), torch.randn(4, 1, 16, 16), i
        )
        mine = detached(AdversarialTraining(Logistic(r1_gamma=0.3)).discriminator_terms(step))
        theirs = detached(WeightDecay(adversarial=Logistic(r1_gamma=0.3)).discriminator_terms(step))
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)
