"""Which recipes teach students of which families, and that a stopped training resumes to the bit."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import product

import pytest
import torch
from torch import Tensor

from distill.adversarial import make_adversarial
from distill.data import ImageSet
from distill.errors import RecipeError
from distill.recipes import RECIPES, Ingredients, Recipe, get_recipe, make_recipe
from distill.schedules import Schedule
from distill.tasks import NoiseTask
from distill.teachers import TeacherCache, make_teacher_cache
from distill.training import Teaching, Trainer, TrainingConfig
from search_spaces import Discriminator, FixedSuggest, Generator, get_family, input_batches
from tests.search_spaces.teachers import FROM_NOISE, TEACHERS

WORKS = ""
NO_SIGN = "logits are below 0, which says nothing with a wasserstein loss"
TABLE = {  # works, or is refused because
    ("weight-decay", "stylegan2"): WORKS,
    ("weight-decay", "dcgan"): WORKS,
    ("weight-decay", "biggan"): WORKS,
    ("dgl-gan", "stylegan2"): WORKS,
    ("dgl-gan", "dcgan"): WORKS,
    ("dgl-gan", "biggan"): WORKS,
    ("dgl-gan-adaptive", "stylegan2"): WORKS,
    ("dgl-gan-adaptive", "dcgan"): NO_SIGN,
    ("dgl-gan-adaptive", "biggan"): WORKS,
    ("compressing-gans", "stylegan2"): WORKS,
    ("compressing-gans", "dcgan"): WORKS,
    ("compressing-gans", "biggan"): WORKS,
}
PAIRS = [pair for pair, reason in TABLE.items() if reason == WORKS]
JOINT = Schedule("constant", start=0.5)  # Compressing GANs with a discriminator; its default trains none
TAUGHT = [(name, family, get_recipe(name).default_schedule) for name, family in PAIRS]
TAUGHT += [(name, family, JOINT) for name, family in PAIRS if name == "compressing-gans"]

BATCH = 4
STEPS = 6  # of a whole training: path lengths are due in the first and the fifth


@dataclass(frozen=True)
class Networks:
    """A teacher of a family, and its images."""

    family: str
    generator: Generator
    discriminator: Discriminator
    cache: TeacherCache


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Networks]:
    made = {}
    for name in FROM_NOISE:
        architecture = TEACHERS[name]
        torch.manual_seed(0)
        family = get_family(name)
        discriminator = family.build_discriminator(family.default_discriminator(architecture))
        generator = family.build(architecture).eval()
        inputs = NoiseTask(images_for(generator), generator.input_specs).teacher_inputs(8, seed=0)
        cache = make_teacher_cache(generator, "0" * 16, inputs, tmp_path_factory.mktemp(name))
        made[name] = Networks(name, generator, discriminator, cache)
    return made


def images_for(generator: Generator) -> ImageSet:
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (24, *generator.image_shape), dtype=torch.uint8, generator=rng)
    classes = tuple(map(str, range(generator.classes)))
    labels = torch.arange(24) % generator.classes if classes else None
    return ImageSet("noise", images, "0" * 16, labels=labels, classes=classes)


def recipe_for(name: str, family: str, schedule: Schedule | None = None) -> Recipe:
    """The recipe as a search with that family makes it."""
    published = get_family(family).training
    adversarial = make_adversarial(published.adversarial, 0.3, published.discriminator_steps)
    ingredients = Ingredients(adversarial, path_weight=published.path_weight)
    return make_recipe(name, schedule or get_recipe(name).default_schedule, ingredients)


def trainer_of(recipe: Recipe, teacher: Networks) -> Trainer:
    family = get_family(teacher.family)
    published = family.training
    space = family.space(teacher.generator.architecture)
    choices = FixedSuggest({"budget_fraction": 1.0, **space.uniform()})
    torch.manual_seed(1)
    student = family.build(space.sample(choices, lambda a: 2 * space.macs(a) / space.macs(space.largest())))
    space.inherit(teacher.generator, student)
    config = TrainingConfig(
        STEPS * max(1, recipe.discriminator_steps(0.0)) * BATCH,
        BATCH,
        generator_lr=published.generator_lr,
        discriminator_lr=published.discriminator_lr,
        betas=published.betas,
        ema_half_life=8,
    )
    return Trainer(
        student,
        copy.deepcopy(teacher.discriminator),
        recipe,
        NoiseTask(images_for(student), student.input_specs),
        config,
        teachings=[
            Teaching(teacher.cache, copy.deepcopy(teacher.discriminator), copy.deepcopy(teacher.generator))
        ],
    )


def weights(network: torch.nn.Module | None) -> dict[str, Tensor]:
    assert network is not None
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def alike(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_every_recipe_is_tried_with_every_family() -> None:
    of_noise = [name for name, recipe in RECIPES.items() if "noise" in (recipe.tasks or ("noise",))]
    assert TABLE.keys() == set(product(of_noise, FROM_NOISE))


@pytest.mark.parametrize(("name", "family", "schedule"), TAUGHT, ids=str)
def test_a_student_is_taught_by_a_recipe_that_goes_with_its_family(
    name: str, family: str, schedule: Schedule, teachers: dict[str, Networks]
) -> None:
    trainer = trainer_of(recipe_for(name, family, schedule), teachers[family])
    before = weights(trainer.student)
    trainer.train(trainer.config.images)
    assert trainer.step == STEPS
    assert not alike(weights(trainer.student), before)
    assert all(abs(value) < float("inf") for value in trainer.losses.values())
    images = trainer.ema(*trainer.ema.example_inputs(3))
    assert images.shape == (3, *teachers[family].generator.image_shape)
    assert images.isfinite().all()


@pytest.mark.parametrize(("name", "family"), sorted(TABLE.keys() - set(PAIRS)))
def test_a_recipe_that_excludes_the_adversarial_loss_of_a_family_is_refused_with_the_reason(
    name: str, family: str
) -> None:
    with pytest.raises(RecipeError, match=TABLE[name, family]) as error:
        recipe_for(name, family)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "family", "schedule"), TAUGHT, ids=str)
def test_a_stopped_training_resumes_to_the_bit(
    name: str, family: str, schedule: Schedule, teachers: dict[str, Networks]
) -> None:
    recipe, teacher = recipe_for(name, family, schedule), teachers[family]
    whole, stopped, resumed = (trainer_of(recipe, teacher) for _ in range(3))
    whole.train(whole.config.images)
    stopped.train(2 * whole.config.images // STEPS)
    assert (stopped.step, stopped.kd_weight) == (2, schedule.start), "in stage I, where there are stages"
    assert ("path_length" in stopped.recipe_state) == (name.startswith("dgl-gan") and family == "stylegan2")
    resumed.load_state_dict(copy.deepcopy(stopped.state_dict()))
    torch.manual_seed(99)  # a later process: what penalties draw is not of torch's own randomness
    resumed.train(whole.config.images)
    for network in ("student", "ema", "discriminator"):
        assert alike(weights(getattr(resumed, network)), weights(getattr(whole, network))), network
    assert (resumed.step, resumed.kd_weight) == (STEPS, schedule(1.0))
    assert (resumed.losses, resumed.gap) == (whole.losses, whole.gap)


def test_a_frozen_discriminator_keeps_its_estimates_of_spectral_norms(teachers: dict[str, Networks]) -> None:
    trainer = trainer_of(recipe_for("dgl-gan", "biggan", Schedule("constant", start=0.1)), teachers["biggan"])
    frozen, own = weights(trainer.teaching.discriminator), weights(trainer.discriminator)
    trainer.train(trainer.config.images)
    for estimate in ("u0", "sv0"):
        names = [name for name in frozen if name.endswith(estimate)]
        assert names
        for name in names:
            assert torch.equal(weights(trainer.teaching.discriminator)[name], frozen[name])
            assert not torch.equal(weights(trainer.discriminator)[name], own[name])


@pytest.mark.parametrize("family", FROM_NOISE)
def test_a_discriminator_that_is_not_trained_is_left_alone_buffers_too(
    family: str, teachers: dict[str, Networks]
) -> None:
    recipe = recipe_for("compressing-gans", family, Schedule("constant", start=1.0))
    trainer = trainer_of(recipe, teachers[family])
    before = weights(trainer.discriminator)
    trainer.train(trainer.config.images)
    assert trainer.losses.keys() == {"g_distance"}
    assert alike(weights(trainer.discriminator), before)


@pytest.mark.parametrize(
    "family",
    [
        name
        for name in FROM_NOISE
        if type(get_family(name).build(TEACHERS[name])).calibrate is not Generator.calibrate
    ],
)
def test_averaged_weights_are_left_with_statistics_of_their_own(
    family: str, teachers: dict[str, Networks]
) -> None:
    trainer = trainer_of(recipe_for("weight-decay", family), teachers[family])
    trainer.train(trainer.config.images)
    calibrated = copy.deepcopy(trainer.ema)
    calibrated.calibrate(input_batches(calibrated.input_specs, 64, torch.Generator().manual_seed(99)))
    theirs, again = weights(trainer.student), weights(calibrated)
    measured = [
        name
        for name, _ in trainer.ema.named_buffers()
        if not torch.equal(weights(trainer.ema)[name], again[name])
    ]
    assert measured, "other latents, other statistics"
    for name in measured:
        own = weights(trainer.ema)[name]
        assert torch.allclose(own, again[name], rtol=0.3, atol=0.1), name
        assert not torch.equal(own, theirs[name]), name
