"""What every recipe must do, and what weight decay does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from distill.errors import RecipeError
from distill.losses import (
    PerceptualDistance,
    discriminator_logistic,
    feature_l1,
    generator_logistic,
    path_length_weight,
    path_lengths,
    pixel_l1,
    r1_penalty,
)
from distill.recipes import (
    RECIPES,
    DiscriminatorStep,
    GeneratorStep,
    Recipe,
    StyleGAN2Training,
    Terms,
    WeightDecay,
    make_recipe,
)
from distill.schedules import Schedule
from distill.teacher import Teacher, load_teacher

SCHEDULE = Schedule("linear", start=2.0, end=0.0, begin=0.0, finish=0.5)
Step = Callable[..., GeneratorStep]


@pytest.fixture(params=sorted(RECIPES))
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return make_recipe(request.param, SCHEDULE)


@pytest.fixture
def teacher(teacher_file: Path) -> Teacher:
    return load_teacher(teacher_file)


@pytest.fixture
def step(teacher: Teacher) -> Step:
    """A generator step at a given weight of the teacher, with fresh images that want gradients."""
    torch.manual_seed(0)
    critic = teacher.discriminator
    assert critic is not None
    taught, fake = torch.randn(4, 1, 16, 16), torch.randn(4, 1, 16, 16)

    def make(kd_weight: float) -> GeneratorStep:
        images = fake.clone().requires_grad_(True)
        return GeneratorStep(images, critic(images), taught, critic, kd_weight)

    return make


def detached(terms: Terms) -> Terms:
    return {name: term.detach() for name, term in terms.items()}


def gradient(recipe: Recipe, step: GeneratorStep) -> Tensor:
    (result,) = torch.autograd.grad(sum(recipe.generator_terms(step).values()), step.fake)
    return result


def test_recipes_go_by_their_names() -> None:
    assert all(make_recipe(name, SCHEDULE).name == name for name in RECIPES)


def test_an_unknown_recipe_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(RecipeError, match=r"'osmosis' is unknown; choose one of .*weight-decay"):
        make_recipe("osmosis", SCHEDULE)


def test_the_weight_of_the_teacher_follows_the_schedule(recipe: Recipe) -> None:
    assert [recipe.kd_weight(progress, 1.0) for progress in (0.0, 0.25, 0.5, 1.0)] == [2.0, 1.0, 0.0, 0.0]


def test_terms_are_finite_scalars_with_gradients(recipe: Recipe, step: Step) -> None:
    for kd_weight in (0.0, 1.5):
        terms = recipe.generator_terms(step(kd_weight))
        assert terms
        assert all(term.ndim == 0 and term.isfinite() and term.requires_grad for term in terms.values())
        assert all(name.startswith("g_") for name in terms)


def test_without_weight_the_teacher_has_no_say_at_all(recipe: Recipe, step: Step) -> None:
    alone = replace(step(0.0), teacher_images=None, teacher_discriminator=None)
    assert recipe.generator_terms(step(0.0)).keys() == recipe.generator_terms(alone).keys()
    by_itself = gradient(recipe, alone)
    assert torch.equal(gradient(recipe, step(0.0)), by_itself)
    assert not torch.equal(gradient(recipe, step(1.0)), by_itself)


def test_a_recipe_works_without_a_teacher_and_without_its_discriminator(recipe: Recipe, step: Step) -> None:
    for absent in ({"teacher_images": None}, {"teacher_discriminator": None}):
        assert gradient(recipe, replace(step(1.0), **absent)).isfinite().all()


def test_the_teachers_terms_grow_with_its_weight(recipe: Recipe, step: Step) -> None:
    one, three, adversarial = (detached(recipe.generator_terms(step(weight))) for weight in (1.0, 3.0, 0.0))
    assert set(one) > set(adversarial)
    for name in set(one) - set(adversarial):
        assert float(three[name]) == pytest.approx(3 * float(one[name]), rel=1e-5)
    for name in adversarial:
        assert torch.equal(three[name], adversarial[name])


def test_the_teacher_receives_no_gradients(recipe: Recipe, step: Step) -> None:
    here = step(1.0)
    sum(recipe.generator_terms(here).values()).backward()
    assert here.teacher_images is not None
    assert here.teacher_images.grad is None
    assert here.teacher_discriminator is not None
    assert all(p.grad is None for p in here.teacher_discriminator.parameters())
    assert here.fake.grad is not None
    assert here.fake.grad.any()


def test_the_discriminator_learns_from_images_alone(recipe: Recipe, teacher: Teacher) -> None:
    critic = teacher.discriminator
    assert critic is not None
    critic.requires_grad_(True)
    real, fake = torch.randn(4, 1, 16, 16), torch.randn(4, 1, 16, 16)
    for step in (0, 1, 16):
        terms = recipe.discriminator_terms(DiscriminatorStep(critic, real, fake, step))
        assert all(term.ndim == 0 and term.isfinite() for term in terms.values())
        assert all(name.startswith("d_") for name in terms)
        critic.zero_grad()
        sum(terms.values()).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in critic.parameters())
    assert not real.requires_grad
    assert not fake.requires_grad


def test_weight_decay_is_the_adversarial_loss_plus_weighted_similarity(step: Step) -> None:
    here = step(1.5)
    terms = detached(WeightDecay(pixel=2.0, feature=0.5).generator_terms(here))
    critic, taught = here.teacher_discriminator, here.teacher_images
    assert critic is not None
    assert taught is not None
    assert terms.keys() == {"g_adversarial", "g_pixel", "g_feature"}
    assert torch.equal(terms["g_adversarial"], generator_logistic(here.logits))
    assert float(terms["g_pixel"]) == pytest.approx(1.5 * 2.0 * float(pixel_l1(here.fake, taught).detach()))
    similarity = feature_l1(critic.features(here.fake), critic.features(taught))
    assert float(terms["g_feature"]) == pytest.approx(1.5 * 0.5 * float(similarity.detach()))


def test_weight_decay_skips_features_where_there_are_none_or_they_do_not_count(step: Step) -> None:
    blind = replace(step(1.0), teacher_discriminator=None)
    assert WeightDecay().generator_terms(blind).keys() == {"g_adversarial", "g_pixel"}
    assert WeightDecay(feature=0.0).generator_terms(step(1.0)).keys() == {"g_adversarial", "g_pixel"}


def test_weight_decay_regularises_every_sixteenth_step_and_makes_up_for_the_rest(teacher: Teacher) -> None:
    critic = teacher.discriminator
    assert critic is not None
    real, fake = torch.randn(4, 1, 16, 16), torch.randn(4, 1, 16, 16)
    recipe = WeightDecay(r1_gamma=0.3)
    regularised = []
    for i in range(40):
        terms = detached(recipe.discriminator_terms(DiscriminatorStep(critic, real, fake, i)))
        expected = discriminator_logistic(critic(real), critic(fake))
        assert float(terms["d_adversarial"]) == pytest.approx(float(expected.detach()), rel=1e-5)
        if "d_r1" in terms:
            regularised.append(i)
            images = real.clone().requires_grad_(True)
            assert float(terms["d_r1"]) == pytest.approx(
                0.15 * 16 * float(r1_penalty(images, critic(images)).detach())
            )
    assert regularised == [0, 16, 32]


# StyleGAN2's own training


def drawn(step: GeneratorStep) -> tuple[GeneratorStep, list[int]]:
    """`step` with a linear generator `image = 3·w` to draw from, and a note of what was drawn."""
    asked: list[int] = []

    def draw(count: int) -> tuple[Tensor, Tensor]:
        asked.append(count)
        styles = torch.randn(count, 256).requires_grad_(True)
        return 3 * styles.reshape(count, 1, 16, 16), styles

    return replace(step, draw=draw, memory={}), asked


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
    recipe, here = StyleGAN2Training(), step(0.0)
    for i in range(6):
        at, asked = drawn(replace(here, step=i))
        terms = recipe.generator_terms(at)
        assert ("g_path" in terms) == (i % 4 == 0) == bool(asked)
        assert asked in ([], [2])
    assert StyleGAN2Training(path_weight=0.0).generator_terms(here).keys() == {"g_adversarial"}


def test_path_lengths_are_pulled_to_their_own_mean(step: Step) -> None:
    recipe = StyleGAN2Training(path_memory=0.5)
    at, _ = drawn(step(0.0))
    terms = [detached(recipe.generator_terms(at))["g_path"] for _ in range(40)]
    assert float(at.memory["path_length"]) == pytest.approx(3.0, rel=0.1)
    assert float(terms[-1]) < float(terms[0]) / 20


def test_path_lengths_need_a_generator_with_styles(step: Step) -> None:
    with pytest.raises(RecipeError, match="needs a generator with styles"):
        StyleGAN2Training().generator_terms(step(0.0))


def test_without_a_teacher_its_weight_is_nothing() -> None:
    assert {StyleGAN2Training().kd_weight(progress, 1.0) for progress in (0.0, 0.5, 1.0)} == {0.0}


def test_the_discriminator_of_stylegan2_is_that_of_weight_decay(teacher: Teacher) -> None:
    critic = teacher.discriminator
    assert critic is not None
    for i in (0, 1):
        step = DiscriminatorStep(critic, torch.randn(4, 1, 16, 16), torch.randn(4, 1, 16, 16), i)
        mine = detached(StyleGAN2Training(r1_gamma=0.3).discriminator_terms(step))
        theirs = detached(WeightDecay(r1_gamma=0.3).discriminator_terms(step))
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_recipes_tell_what_the_discriminator_thinks_of_real_images(recipe: Recipe, teacher: Teacher) -> None:
    critic, noted = teacher.discriminator, list[Tensor]()
    assert critic is not None
    real = torch.randn(4, 1, 16, 16)
    for i in (0, 1):
        recipe.discriminator_terms(DiscriminatorStep(critic, real, real.flip(-1), i, observe=noted.append))
    assert all(torch.allclose(logits, critic(real).detach(), atol=1e-5) for logits in noted)
    assert len(noted) == 2
    assert not any(logits.requires_grad for logits in noted)


# A perceptual distance of the user's


class Distance(torch.nn.Module):
    """Mean difference of RGB images, but blind to their sign."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (x.abs() - y.abs()).abs().mean(dim=(1, 2, 3))


@pytest.fixture
def distance(tmp_path: Path) -> PerceptualDistance:
    path = tmp_path / "distance.pt"
    torch.jit.script(Distance()).save(str(path))
    return PerceptualDistance(path)


def test_a_distance_from_a_file_is_one_more_term(step: Step, distance: PerceptualDistance) -> None:
    here = step(1.5)
    plain = detached(make_recipe("weight-decay", SCHEDULE).generator_terms(here))
    terms = detached(make_recipe("weight-decay", SCHEDULE, distance).generator_terms(here))
    assert terms.keys() - plain.keys() == {"g_perceptual"}
    assert here.teacher_images is not None
    expected = 1.5 * (here.fake.abs() - here.teacher_images.abs()).abs().mean()  # grey, shown as RGB
    assert float(terms["g_perceptual"]) == pytest.approx(float(expected.detach()), rel=1e-5)
    assert "g_perceptual" not in WeightDecay(distance=distance).generator_terms(step(0.0))
    assert "g_perceptual" not in WeightDecay(distance=distance, perceptual=0.0).generator_terms(here)


def test_a_distance_gives_gradients_to_the_student_only(step: Step, distance: PerceptualDistance) -> None:
    here = step(1.0)
    distance(here.fake, torch.zeros_like(here.fake)).backward()
    assert here.fake.grad is not None
    assert here.fake.grad.any()
    assert len(distance.digest) == 16


def test_a_file_that_is_no_distance_is_refused_with_what_to_give(tmp_path: Path) -> None:
    fix = r"give a TorchScript module f\(x, y\) -> \(N,\)"
    text, weights, wrong, one = (tmp_path / name for name in ("a.txt", "w.pt", "x.pt", "1.pt"))
    text.write_text("no module")
    torch.save({"weight": torch.ones(3)}, weights)
    torch.jit.script(torch.nn.Identity()).save(str(wrong))
    torch.jit.trace(lambda x, y: (x - y).abs().mean(), (torch.ones(2, 3, 8, 8),) * 2).save(str(one))
    for path, says in (
        (tmp_path / "nowhere", "nowhere is not a file"),
        (text, "a.txt is not a TorchScript module"),
        (weights, "w.pt is not a TorchScript module"),
        (wrong, "x.pt does not take two batches"),
        (one, "1.pt answers two pairs of images with"),
    ):
        with pytest.raises(RecipeError, match=f"{says}.*{fix}") as error:
            PerceptualDistance(path)
        assert "\n" not in str(error.value)
