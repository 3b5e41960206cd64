"""Requests whose parts exclude each other are refused with what to give instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from distill.errors import DataError, RecipeError, TeacherError
from distill.recipes import RECIPES
from nas.config import SearchConfig
from nas.errors import ConfigError
from nas.workbench import Workbench, check_rungs
from search_spaces import Checkpoint, get_family, save_checkpoint
from tests.nas.workbench.settings import taught_by
from tests.search_spaces.test_families import TEACHERS

MakeBench = Callable[..., Workbench]


USELESS = [name for name, recipe in RECIPES.items() if not (recipe.uses_distance or recipe.uses_maps)]
USELESS = [name for name in USELESS if "noise" in (RECIPES[name].tasks or ("noise",))]


@pytest.mark.parametrize("name", USELESS)
def test_a_perceptual_distance_is_refused_with_recipes_that_have_no_use_for_one(
    name: str, warm_bench: Workbench, tmp_path: Path
) -> None:
    path = tmp_path / "distance.pt"
    example = (torch.ones(2, 3, 8, 8),) * 2
    torch.jit.trace(lambda x, y: (x - y).square().mean((1, 2, 3)), example).save(str(path))
    asked = taught_by(name)
    assert Workbench(warm_bench.config.model_copy(update=asked)).recipe.name == name
    says = rf"--perceptual .*: --recipe {name} compares in no such network: leave it out, or give --recipe w"
    with pytest.raises(ConfigError, match=says):
        Workbench(warm_bench.config.model_copy(update=asked | {"perceptual": str(path)}))


def test_a_teacher_or_recipe_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.safetensors").write_text("not a checkpoint")
    with pytest.raises(TeacherError, match=r"photo\.safetensors"):
        Workbench(SearchConfig.of(budget_macs=1, data="digits", teacher=tmp_path / "photo.safetensors"))
    with pytest.raises(TeacherError, match=r"nowhere\.safetensors is not a file"):
        Workbench(SearchConfig.of(budget_macs=1, data="digits", teacher=tmp_path / "nowhere.safetensors"))
    with pytest.raises(RecipeError, match="--recipe magic: choose one of weight-decay"):
        Workbench(SearchConfig.of(budget_macs=1, recipe="magic"))
    with pytest.raises(RecipeError, match="--kd-schedule slide: choose one of constant"):
        Workbench(SearchConfig.of(budget_macs=1, kd_schedule="slide"))


def test_rungs_that_are_the_same_in_whole_steps_are_refused(warm_bench: Workbench) -> None:
    def check(*rungs: int) -> None:
        config = warm_bench.config.model_copy(update={"rungs": rungs, "batch_size": 64})
        check_rungs(config, warm_bench.recipe)

    check(10, 70, 200)
    with pytest.raises(ConfigError, match="--rungs 10,20: rung 20 ends after 64 images"):
        check(10, 20)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"direction": "B2A"}, "--direction B2A: the generator takes noise"),
        ({"attributes": ("Young",)}, "--attributes Young: the generator takes no attributes"),
    ],
)
def test_options_of_translation_are_refused_for_samples_of_a_noise_teacher(
    warm_bench: Workbench, wrong: dict[str, object], says: str
) -> None:
    asked = {"data": "teacher", "teacher_samples": 400, "held_out": 0.0, **wrong}
    with pytest.raises(DataError, match=says):
        Workbench(warm_bench.config.model_copy(update=asked))


def test_a_teacher_that_is_not_as_asked_for_is_refused_with_what_it_is(warm_bench: Workbench) -> None:
    for asked, says in (
        ({"space": "biggan"}, "--space biggan: students are like their teacher, and tiny has stylegan2"),
        ({"resolution": 32}, "--resolution 32: students are like their teacher, and tiny has 16"),
    ):
        with pytest.raises(ConfigError, match=f"{says}: leave it out, or give another --teacher"):
            Workbench(warm_bench.config.model_copy(update=asked))
    assert Workbench(warm_bench.config.model_copy(update={"space": "stylegan2", "resolution": 16}))


def test_a_weight_of_r1_is_refused_where_there_is_no_r1(warm_bench: Workbench, tmp_path: Path) -> None:
    generator = get_family("dcgan").build(TEACHERS["dcgan"])
    save_checkpoint(Checkpoint("dcgan", generator, None, {"name": "dc"}), tmp_path / "dc.safetensors")
    asked = {"teacher": tmp_path / "dc.safetensors", "r1_gamma": 1.0}
    with pytest.raises(ConfigError, match="--r1-gamma 1: the wasserstein loss has no R1: leave"):
        Workbench(warm_bench.config.model_copy(update=asked))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"similarity": "wavelet=1", "recipe": "dgl-gan"}, "--recipe dgl-gan has terms of its own: leave"),
        (
            {"similarity": "pixel=1", "perceptual": "x.pt"},
            "--perceptual x.pt: .* no weight: add perceptual=1",
        ),
        ({"similarity": "pixel=1,mmd=1", "micro_batch": 8}, "--micro-batch 8: the term mmd .* whole batches"),
        ({"similarity": "perceptual=1"}, "--similarity perceptual=1: there is no perceptual distance, so"),
        ({"adversarial": "relativistic", "kd_schedule": "adaptive"}, "adaptive: .* with a relativistic loss"),
    ],
)
def test_terms_and_losses_that_exclude_something_are_refused(
    asked: dict[str, object], says: str, warm_bench: Workbench
) -> None:
    with pytest.raises((ConfigError, RecipeError), match=says):
        Workbench(warm_bench.config.model_copy(update=asked))


def test_the_term_mmd_teaches_where_it_has_a_weight(warm_bench: Workbench) -> None:
    pytest.importorskip("efficientnet_lite_pytorch", reason="needs the imagenet extra")
    asked = {"similarity": "pixel=1,mmd=1"}
    bench = Workbench(warm_bench.config.model_copy(update=asked))
    trainer = bench.trainer(bench.student(bench.space.smallest()))
    trainer.train(8)
    assert "g_mmd" in trainer.losses


def test_a_recipe_that_needs_a_discriminator_is_refused_to_a_teacher_without_one(
    warm_bench: Workbench, tmp_path: Path
) -> None:
    teacher = tmp_path / "alone.safetensors"
    save_checkpoint(Checkpoint("stylegan2", warm_bench.teacher.generator, None, {"name": "alone"}), teacher)
    asked = {"teacher": teacher, "recipe": "dgl-gan"}
    with pytest.raises(
        ConfigError,
        match="--recipe dgl-gan needs the teacher's discriminator, alone comes without one: give one",
    ) as error:
        Workbench(warm_bench.config.model_copy(update=asked))
    _, _, instead = str(error.value).rpartition(", or --recipe ")
    assert Workbench(warm_bench.config.model_copy(update={"teacher": teacher, "recipe": instead}))
    assert Workbench(warm_bench.config.model_copy(update=taught_by("dgl-gan"))).recipe.name == "dgl-gan"


def test_a_teacher_that_lacks_a_discriminator_is_not_sent_to_another_recipe_that_needs_one(
    warm_bench: Workbench, tmp_path: Path
) -> None:
    teacher = tmp_path / "alone.safetensors"
    save_checkpoint(Checkpoint("dcgan", get_family("dcgan").build(TEACHERS["dcgan"]), None, {}), teacher)
    asked = {"teacher": teacher, "recipe": "dgl-gan-adaptive"}
    with pytest.raises(ConfigError, match=r"needs the teacher's discriminator.*, or --recipe weight-decay$"):
        Workbench(warm_bench.config.model_copy(update=asked))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"kd_schedule": "adaptive"}, "--kd-schedule adaptive"),
        ({"recipe": "dgl-gan-adaptive"}, "--recipe dgl-gan-adaptive"),
    ],
)
def test_what_follows_the_teachers_discriminator_is_refused_without_one_and_where_it_is_a_critic(
    asked: dict[str, object], says: str, warm_bench: Workbench, tmp_path: Path
) -> None:
    alone = tmp_path / "alone.safetensors"
    save_checkpoint(Checkpoint("stylegan2", warm_bench.teacher.generator, None, {"name": "alone"}), alone)
    with pytest.raises(ConfigError, match=f"{says}.* teacher's .*discriminator, .*alone comes without one"):
        Workbench(warm_bench.config.model_copy(update=asked | {"teacher": alone}))
    family = get_family("dcgan")
    generator = family.build(TEACHERS["dcgan"])
    judge = family.build_discriminator(family.default_discriminator(generator.architecture))
    wasserstein = tmp_path / "dc.safetensors"
    save_checkpoint(Checkpoint("dcgan", generator, judge, {"name": "dc"}), wasserstein)
    for adversarial in ("", "logistic"):
        changed = asked | {"teacher": wasserstein, "adversarial": adversarial}
        with pytest.raises(ConfigError, match=f"{says}: .* nothing with a wasserstein loss, as dcgan teach"):
            Workbench(warm_bench.config.model_copy(update=changed))
