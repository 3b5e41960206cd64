"""Weight decay is adversarial training plus fading similarity."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from distill.adversarial import DiscriminatorStep, Logistic
from distill.errors import RecipeError
from distill.losses import (
    discriminator_logistic,
    feature_l1,
    generator_logistic,
    pixel_l1,
    r1_penalty,
    squared_mmd,
    wavelet_l1,
)
from distill.perceptual import PerceptualDistance
from distill.recipes import Ingredients, WeightDecay, make_recipe
from distill.schedules import Ramp, Schedule
from distill.tasks import Batch
from search_spaces import Discriminator
from tests.distill.recipes.steps import Step, detached


def test_weight_decay_is_the_adversarial_loss_plus_weighted_similarity(step: Step) -> None:
    here = step(1.5)
    terms = detached(WeightDecay(pixel=2.0, feature=0.5).generator_terms(here))
    discriminator, taught = here.teacher_discriminator, here.batch.teacher
    assert discriminator is not None
    assert taught is not None
    assert terms.keys() == {"g_adversarial", "g_pixel", "g_feature"}
    assert torch.equal(terms["g_adversarial"], generator_logistic(here.logits).mean())
    assert float(terms["g_pixel"]) == pytest.approx(1.5 * 2.0 * float(pixel_l1(here.fake, taught).detach()))
    similarity = feature_l1(discriminator.features(here.fake), discriminator.features(taught))
    assert float(terms["g_feature"]) == pytest.approx(1.5 * 0.5 * float(similarity.detach()))


def test_weight_decay_skips_features_where_there_are_none_or_they_do_not_count(step: Step) -> None:
    blind = replace(step(1.0), teacher_discriminator=None)
    assert WeightDecay().generator_terms(blind).keys() == {"g_adversarial", "g_pixel"}
    assert WeightDecay(feature=0.0).generator_terms(step(1.0)).keys() == {"g_adversarial", "g_pixel"}


def test_weight_decay_regularises_every_sixteenth_step_and_makes_up_for_the_rest(
    discriminator: Discriminator,
) -> None:
    real, fake = torch.randn(4, 1, 16, 16), torch.randn(4, 1, 16, 16)
    recipe = WeightDecay(adversarial=Logistic(r1_gamma=0.3))
    regularised = []
    for i in range(40):
        terms = detached(
            recipe.discriminator_terms(DiscriminatorStep(discriminator, Batch((), real), fake, i))
        )
        expected = discriminator_logistic(discriminator(real), discriminator(fake))
        assert float(terms["d_adversarial"]) == pytest.approx(float(expected.detach()), rel=1e-5)
        if "d_r1" in terms:
            regularised.append(i)
            images = real.clone().requires_grad_(True)
            assert float(terms["d_r1"]) == pytest.approx(
                0.15 * 16 * float(r1_penalty(images, discriminator(images)).detach())
            )
    assert regularised == [0, 16, 32]


def test_a_distance_from_a_file_is_one_more_term(step: Step, distance: PerceptualDistance) -> None:
    here = step(1.5)
    plain = detached(make_recipe("weight-decay", Schedule()).generator_terms(here))
    terms = detached(
        make_recipe("weight-decay", Schedule(), Ingredients(Logistic(), distance=distance)).generator_terms(
            here
        )
    )
    assert terms.keys() - plain.keys() == {"g_perceptual"}
    assert here.batch.teacher is not None
    expected = 1.5 * (here.fake.abs() - here.batch.teacher.abs()).abs().mean()  # grey, shown as RGB
    assert float(terms["g_perceptual"]) == pytest.approx(float(expected.detach()), rel=1e-5)
    assert "g_perceptual" not in WeightDecay(distance=distance).generator_terms(step(0.0))
    assert "g_perceptual" not in WeightDecay(distance=distance, perceptual=0.0).generator_terms(here)


class Means:
    """The mean of every channel and row."""

    name = "means"

    def __call__(self, images: Tensor) -> Tensor:
        return images.mean(dim=3).flatten(1)


def test_further_terms_of_similarity_have_weights_of_their_own(step: Step) -> None:
    here, taught = step(1.5), step(1.5).batch.teacher
    assert taught is not None
    weights = {"pixel": 0.0, "feature": 0.0, "perceptual": 0.0, "wavelet": 2.0, "mmd": 3.0}
    ingredients = Ingredients(Logistic(), features=Means(), similarity=weights)
    recipe = make_recipe("weight-decay", Schedule(), ingredients)
    terms = detached(recipe.generator_terms(here))
    assert terms.keys() == {"g_adversarial", "g_wavelet", "g_mmd"}
    details = float(wavelet_l1(here.fake, taught).detach())
    assert float(terms["g_wavelet"]) == pytest.approx(1.5 * 2 * details)
    apart = float(squared_mmd(Means()(here.fake), Means()(taught)).detach())
    assert float(terms["g_mmd"]) == pytest.approx(1.5 * 3 * apart)
    without = replace(recipe, features=None)  # type: ignore[type-var]  # a dataclass
    assert "g_mmd" not in without.generator_terms(here)


@pytest.mark.parametrize(
    ("schedule", "ramp", "when"),
    [
        (Schedule(start=0.0, end=1.0), Ramp(begin=0.5, full=1.0), "0%"),
        (Schedule(start=0.0, end=1.0), Ramp(begin=0.0, full=1.0), "0%"),
        (Schedule("constant", start=0.0), Ramp(weight=0.0), "0%"),
        (Schedule(begin=0.0, finish=0.5), Ramp(begin=0.75, full=1.0), "50%"),
        (Schedule(begin=0.0, finish=0.5), Ramp(begin=0.5, full=1.0), "50%"),
        (Schedule("step", finish=0.8), Ramp(weight=0.0), "80%"),
    ],
)
def test_a_time_at_which_nothing_trains_the_student_is_refused(
    schedule: Schedule, ramp: Ramp, when: str
) -> None:
    with pytest.raises(RecipeError, match=f"at {when} of the training both are 0"):
        WeightDecay(schedule, ramp=ramp)


@pytest.mark.parametrize(
    ("schedule", "ramp"),
    [
        (Schedule(finish=1.0), Ramp(weight=0.0)),
        (Schedule("constant", begin=0.0, finish=0.5), Ramp(weight=0.0)),
        (Schedule(begin=0.0, finish=0.5), Ramp(begin=0.25, full=1.0)),
        (Schedule(begin=0.0, finish=0.5), Ramp(begin=0.5, full=0.5)),
        (Schedule(start=0.0, end=1.0), Ramp()),
    ],
)
def test_every_step_has_a_term_where_weights_take_turns(step: Step, schedule: Schedule, ramp: Ramp) -> None:
    recipe = WeightDecay(schedule, ramp=ramp)
    for progress in (i / 100 for i in range(100)):
        weights = recipe.kd_weight(progress, 1.0), recipe.adversarial_weight(progress)
        here = replace(step(weights[0]), adversarial_weight=weights[1])
        assert recipe.generator_terms(here), progress
