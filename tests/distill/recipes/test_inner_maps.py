"""GAN Compression's distillation and OMGD: what is compared, with which weights, through which modules."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distill.adversarial import LeastSquares
from distill.data import ImageSet
from distill.errors import RecipeError
from distill.losses import feature_l1, generator_least_squares, gram_l1, pixel_l1, ssim, total_variation
from distill.recipes import GanCompression, Ingredients, Omgd, make_recipe
from distill.schedules import Schedule
from distill.tasks import Batch, UnpairedTask
from distill.training import Teaching, Trainer, TrainingConfig
from search_spaces import RandomSuggest, get_family, recorded
from tests.distill.recipes.steps import Step, detached
from tests.distill.recipes.test_crd import Halves
from tests.search_spaces.teachers import TEACHERS

SIDE, BATCH = 16, 4
FAMILIES = ("resnet-translator", "unet-translator", "stargan")


def noise(seed: int, count: int = BATCH) -> Tensor:
    return torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)) * 2 - 1


class Fixed:
    """A teacher's images for fixed inputs, as a cache gives them."""

    def __init__(self, generator: nn.Module) -> None:
        self.inputs = noise(1, 8)
        with torch.no_grad():
            self.images = generator(self.inputs)

    def draw(self, count: int, rng: torch.Generator) -> Batch:
        rows = torch.randint(len(self.inputs), (count,), generator=rng)
        return Batch((self.inputs[rows],), teacher=self.images[rows])


def training(recipe: GanCompression, images: int = 40 * BATCH, *, micro_batch: int = 0) -> Trainer:
    family, architecture = get_family("resnet-translator"), TEACHERS["resnet-translator"]
    torch.manual_seed(0)
    teacher, judge = family.build(architecture).eval(), family.default_discriminator(architecture)
    student = family.build(family.space(architecture).smallest())
    names = tuple(f"train/{i}.png" for i in range(16))
    pixels = [(noise(seed, 16) * 127 + 128).to(torch.uint8) for seed in range(2)]
    sets = [ImageSet(name, each, name * 16, names=names) for name, each in zip("ab", pixels, strict=True)]
    return Trainer(
        student,
        family.build_discriminator(judge),
        recipe,
        UnpairedTask(*sets),
        TrainingConfig(images, BATCH, 2e-3, 2e-3, micro_batch=micro_batch),
        teachings=[Teaching(Fixed(teacher), None, teacher)],
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_maps_of_all_generators_of_a_family_go_together(name: str) -> None:
    family = get_family(name)
    space = family.space(TEACHERS[name])
    teacher = family.build(TEACHERS[name]).eval()
    students = [space.smallest(), *(space.sample(RandomSuggest(seed), lambda _: 0.5) for seed in range(3))]
    for architecture in students:
        student = family.build(architecture).train()
        before = {key: value.clone() for key, value in student.state_dict().items()}
        modules = GanCompression().modules(student, teacher)
        assert modules
        assert student.training, "as it was"
        assert all(torch.equal(before[key], value) for key, value in student.state_dict().items())
        student.eval()
        inputs = student.example_inputs(2)
        with torch.no_grad(), recorded(student.compared_layers()) as own:
            student(*inputs)
        with torch.no_grad(), recorded(teacher.compared_layers()) as known:
            teacher(*inputs)
        for module, x, y in zip(modules.values(), own, known, strict=True):
            assert module(x).shape == y.shape


def test_looking_at_the_shapes_of_maps_leaves_batch_statistics_as_they_are() -> None:
    family, architecture = get_family("unet-translator"), TEACHERS["unet-translator"]
    architecture = replace(architecture, norm="batch")
    student, teacher = family.build(architecture).train(), family.build(architecture).eval()
    before = {name: value.clone() for name, value in student.state_dict().items()}
    assert any("running_mean" in name for name in before)
    assert GanCompression().modules(student, teacher)
    assert student.training
    assert all(torch.equal(value, before[name]) for name, value in student.state_dict().items())


def test_terms_are_those_of_the_paper(step: Step) -> None:
    here = step(0.5)
    assert here.batch.teacher is not None
    own, known = ([torch.randn(2, width, 4, 4) for width in widths] for widths in ((3, 5), (4, 6)))
    modules = nn.ModuleDict({"map_0": nn.Conv2d(3, 4, 1), "map_1": nn.Conv2d(5, 6, 1)})
    here = replace(here, maps=(own, known), modules=modules)
    terms = detached(GanCompression().generator_terms(here))
    squares = [F.mse_loss(m(x), y) for m, x, y in zip(modules.values(), own, known, strict=True)]
    expected = {
        "g_adversarial": generator_least_squares(here.logits).mean(),
        "g_reconstruction": 0.5 * 10 * pixel_l1(here.fake, here.batch.teacher),
        "g_maps": 0.5 * 0.01 * torch.stack(squares).sum(),
    }
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        assert float(terms[name]) == pytest.approx(float(value.detach()), rel=1e-5)
    truth = torch.zeros_like(here.fake)
    paired = replace(here, batch=replace(here.batch, target=truth))
    off = float(here.fake.detach().abs().mean())
    reconstruction = float(detached(GanCompression().generator_terms(paired))["g_reconstruction"])
    assert reconstruction == pytest.approx(0.5 * 10 * off, rel=1e-5)


def test_without_weight_nothing_is_asked_of_the_teacher(step: Step) -> None:
    assert detached(GanCompression().generator_terms(step(0.0))).keys() == {"g_adversarial"}


def test_inner_maps_are_learned_with_the_modules_that_compare_them() -> None:
    trainer = training(GanCompression(maps=10.0, reconstruction=0.0))
    before = {name: p.clone() for name, p in trainer.recipe_modules.named_parameters()}
    trainer.train(BATCH)
    first = trainer.losses["g_maps"]
    trainer.train(trainer.config.images)
    assert trainer.losses["g_maps"] < 0.85 * first
    after = dict(trainer.recipe_modules.named_parameters())
    assert any(not torch.equal(after[name], value) for name, value in before.items())
    teacher = trainer.teaching.generator
    assert teacher is not None
    assert all(p.grad is None for p in teacher.parameters())
    assert not any(module._forward_hooks for module in [*trainer.student.modules(), *teacher.modules()])


def test_micro_batches_compare_the_same_maps() -> None:
    whole, parts = (training(GanCompression(maps=10.0), micro_batch=size) for size in (0, 2))
    for trainer in (whole, parts):
        trainer.train(BATCH)
    assert parts.losses["g_maps"] == pytest.approx(whole.losses["g_maps"], rel=1e-4)


def test_omgd_compares_structure_style_and_features(step: Step) -> None:
    here = step(0.5)
    fake, teacher = here.fake.detach(), here.batch.teacher
    assert teacher is not None
    terms = detached(Omgd(maps=Halves()).generator_terms(here))
    expected = {
        "g_structure": 10 * (1 - ssim(fake, teacher)),
        "g_variation": 2 * total_variation(fake),
        "g_style": 3 * gram_l1(Halves()(fake), Halves()(teacher)),
        "g_features": 4 * feature_l1(Halves()(fake)[1:], Halves()(teacher)[1:]),
    }
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        assert float(terms[name]) == pytest.approx(0.5 * float(value), rel=1e-5)
    assert Omgd().discriminator_steps(0.5) == 0


def test_omgd_without_weight_is_refused() -> None:
    with pytest.raises(RecipeError, match="at 0 nothing would train a student of --recipe omgd"):
        make_recipe("omgd", Schedule("linear", start=1.0, end=0.0), Ingredients(LeastSquares()))
