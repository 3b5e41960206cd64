"""What candidates share: one identity for a study, one start for every student."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from distill.adversarial import Hinge, Logistic, Relativistic
from distill.data import loading
from distill.errors import RecipeError, TeacherCacheError
from distill.recipes import CompressingGans, WeightDecay
from distill.schedules import Ramp
from distill.teachers.cache import SPARE
from nas.config import SearchConfig
from nas.errors import ConfigError
from nas.workbench import Workbench
from search_spaces import Checkpoint, PublishedTraining, get_family, load_checkpoint, save_checkpoint
from tests.nas.workbench.settings import taught_by
from tests.search_spaces.test_families import TEACHERS

MakeBench = Callable[..., Workbench]


def test_a_study_belongs_to_its_teacher_its_data_and_its_conditions(make_bench: MakeBench) -> None:
    bench = make_bench()
    assert bench.identity["space"] == "stylegan2"
    assert bench.identity["teacher"] == bench.teacher.digest
    assert bench.identity["data"] == bench.task.digest
    assert make_bench(trials=99).identity == bench.identity
    assert make_bench(seed=1).identity != bench.identity


def test_data_come_in_the_teachers_size_and_colours(warm_bench: Workbench) -> None:
    assert warm_bench.teacher.generator.image_shape == (1, 16, 16)
    assert warm_bench.task.images.images.shape == (1797, 1, 16, 16)


def test_the_teacher_cache_is_made_once(make_bench: MakeBench) -> None:
    bench = make_bench(teacher_cache_size=20)
    del bench.__dict__["teacher_cache"]
    assert len(bench.teacher_cache) == 20
    made = {path: path.stat().st_mtime_ns for path in (bench.config.cache / "teacher").rglob("*")}
    del bench.__dict__["teacher_cache"]
    _ = bench.teacher_cache
    assert {path: path.stat().st_mtime_ns for path in (bench.config.cache / "teacher").rglob("*")} == made


def test_the_room_for_a_teacher_cache_is_that_of_images_and_inputs(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(teacher_cache_size=100_000)
    images = 100_000 * math.prod(bench.teacher.generator.image_shape)
    disk = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk._replace(free=images + SPARE))
    with pytest.raises(TeacherCacheError, match=r"cache of 100,000 images takes .* GB and its disk"):
        bench.check_teacher_cache()


def test_every_student_of_an_architecture_starts_alike(make_bench: MakeBench) -> None:
    bench = make_bench()
    architecture = bench.space.smallest()
    one = bench.student(architecture).state_dict()
    torch.rand(7)
    two = bench.student(architecture).state_dict()
    other = make_bench(seed=1, inherit=False).student(architecture).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_a_seed_of_its_own_gives_a_run_other_images_and_the_same_seed_the_same(
    make_bench: MakeBench,
) -> None:
    bench = make_bench(warm_discriminator=False)
    architecture = bench.space.smallest()

    def trained(seed: int | None) -> dict[str, torch.Tensor]:
        trainer = bench.trainer(bench.student(architecture, seed), seed)
        trainer.train(32)
        return trainer.student.state_dict() | {
            f"d.{name}": value for name, value in trainer.discriminator.state_dict().items()
        }

    def equal(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
        return all(torch.equal(one[name], two[name]) for name in one)

    assert equal(trained(5), trained(5))
    assert not equal(trained(5), trained(6))
    assert equal(trained(None), trained(bench.config.seed))


def test_a_student_of_the_teachers_shape_starts_as_the_teacher_and_not_without_inheritance(
    make_bench: MakeBench,
) -> None:
    bench = make_bench()
    inputs = bench.teacher.generator.example_inputs(4)
    wanted = bench.teacher.generator(*inputs, noise="none")
    inherited = bench.student(bench.space.largest()).eval()
    fresh = make_bench(inherit=False, seed=1).student(bench.space.largest()).eval()
    assert torch.allclose(inherited(*inputs, noise="none"), wanted, atol=1e-5)
    assert not torch.allclose(fresh(*inputs, noise="none"), wanted, atol=1e-2)


def test_the_discriminator_starts_from_the_teachers_unless_it_is_to_be_fresh(make_bench: MakeBench) -> None:
    bench = make_bench()
    assert bench.teacher.discriminator is not None
    teachers = bench.teacher.discriminator.state_dict()

    def trained(bench: Workbench) -> dict[str, torch.Tensor]:
        trainer = bench.trainer(bench.student(bench.space.smallest()))
        trainer.train(32)
        return trainer.discriminator.state_dict()

    trainer = bench.trainer(bench.student(bench.space.smallest()))
    assert all(torch.equal(v, teachers[k]) for k, v in trainer.discriminator.state_dict().items())
    trained(bench)
    assert all(torch.equal(v, teachers[k]) for k, v in bench.teacher.discriminator.state_dict().items())
    fresh = make_bench(warm_discriminator=False)
    started = fresh.trainer(fresh.student(fresh.space.smallest())).discriminator.state_dict()
    assert started.keys() == teachers.keys()
    assert not all(torch.equal(v, teachers[k]) for k, v in started.items())


def test_a_teacher_without_discriminator_gets_a_fresh_one(tmp_path: Path, teacher_file: Path) -> None:
    loaded = load_checkpoint(teacher_file)
    save_checkpoint(Checkpoint("stylegan2", loaded.generator, None, {}), tmp_path / "alone.safetensors")
    config = SearchConfig.of(
        budget_macs=100_000, teacher=tmp_path / "alone.safetensors", data="digits", teacher_cache_size=32,
        batch_size=8, rungs=(16,), study="s", workdir=tmp_path,
    )  # fmt: skip
    bench = Workbench(config)
    assert bench.teacher.name == "alone"
    trainer = bench.trainer(bench.student(bench.space.smallest()))
    trainer.train(16)
    assert all(torch.isfinite(p).all() for p in trainer.ema.parameters())


def test_how_a_student_is_run_comes_from_the_settings(make_bench: MakeBench) -> None:
    plain = make_bench()
    assert plain.device == "cpu"
    config = plain.trainer(plain.student(plain.space.smallest())).config
    assert (config.precision, config.channels_last, config.compile, config.micro_batch) == (
        "fp32",
        False,
        False,
        0,
    )
    bench = make_bench(precision="bf16", micro_batch=8, checkpoint_activations=True)
    trainer = bench.trainer(bench.student(bench.space.smallest()))
    config = trainer.config
    assert (config.precision, config.micro_batch, config.checkpoint_activations) == ("bf16", 8, True)
    trainer.train(32)
    assert all(torch.isfinite(p).all() for p in trainer.ema.parameters())


@pytest.fixture
def perceptual_file(tmp_path: Path) -> Path:
    """A TorchScript file with the mean squared difference of images."""
    path = tmp_path / "distance.pt"
    example = (torch.ones(2, 3, 8, 8),) * 2
    torch.jit.trace(lambda x, y: (x - y).square().mean((1, 2, 3)), example).save(str(path))
    return path


def test_a_perceptual_distance_is_taught_and_belongs_to_the_study(
    tmp_path: Path, teacher_file: Path, perceptual_file: Path
) -> None:
    settings = {"budget_macs": 100_000, "teacher": teacher_file, "data": "digits", "teacher_cache_size": 32}
    settings |= {"batch_size": 8, "rungs": (16,), "study": "s", "workdir": tmp_path}
    plain, taught = (
        Workbench(SearchConfig.of(**settings, perceptual=file)) for file in ("", str(perceptual_file))
    )
    assert plain.identity["perceptual"] == "none"
    assert taught.identity["perceptual"] == taught.distance.digest if taught.distance else False
    trainer = taught.trainer(taught.student(taught.space.smallest()))
    trainer.train(8)
    assert trainer.losses["g_perceptual"] > 0
    with pytest.raises(RecipeError, match=r"--perceptual .*nowhere.pt is not a file"):
        Workbench(SearchConfig.of(**settings, perceptual=str(tmp_path / "nowhere.pt")))


def test_without_a_network_to_compare_in_a_warm_discriminator_trains_from_the_start(
    tmp_path: Path, teacher_file: Path, perceptual_file: Path
) -> None:
    settings = {"budget_macs": 100_000, "teacher": teacher_file, "data": "photos", "study": "s"}
    late, at_once = WeightDecay.default_ramp, WeightDecay.default_ramp_at_once
    for given, expected in (
        ({}, at_once),
        ({"perceptual": str(perceptual_file)}, late),
        ({"warm_discriminator": False}, late),  # a cold one pulls at weights that are warm
        ({"adversarial_start": 0.5, "adversarial_full": 0.5}, Ramp(0.5, 0.5, at_once.weight)),
        ({"adversarial_weight": 0.7}, Ramp(0.0, 0.0, 0.7)),
    ):
        config = Workbench(SearchConfig.of(**settings, **given, workdir=tmp_path)).config
        assert config.ramp == expected
        assert config.adversarial_weight == expected.weight


def test_compressing_gans_uses_the_familys_adversarial_loss_with_the_weight_of_r1_that_was_asked_for(
    warm_bench: Workbench,
) -> None:
    asked = taught_by("compressing-gans") | {"r1_gamma": 0.7, "kd_weight_start": 0.5}
    bench = Workbench(warm_bench.config.model_copy(update=asked))
    assert isinstance(bench.recipe, CompressingGans)
    assert bench.recipe.adversarial == Logistic(r1_gamma=0.7)
    trainer = bench.trainer(bench.student(bench.space.smallest()))
    trainer.train(8)
    assert {"d_adversarial", "d_r1", "g_adversarial", "g_distance"} == trainer.losses.keys()


def test_images_are_decoded_once_for_all_studies(
    make_bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "faces").mkdir()
    for i in range(40):
        Image.new("L", (16, 16), i).save(tmp_path / "faces" / f"{i}.png")

    def bench(dry_run: bool = False, **changes: str) -> Workbench:
        asked = make_bench(data=str(tmp_path / "faces"), **changes)
        return Workbench(asked.config, teacher=asked.teacher, dry_run=dry_run)

    looked_at = bench(dry_run=True)
    assert len(looked_at.task.images) == 40
    assert not looked_at.config.workdir.exists()
    first = bench(study="first").task
    assert len(list((looked_at.config.workdir / "cache").iterdir())) == 1
    monkeypatch.setattr(loading, "decode_all", lambda *_: pytest.fail("decoded again"))
    again = bench(study="second")
    assert again.task.digest == first.digest == again.identity["data"]


def test_a_dry_run_does_not_take_a_sample_of_the_images_for_other_images(
    make_bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "faces").mkdir()
    for i in range(40):
        Image.new("L", (16, 16), i).save(tmp_path / "faces" / f"{i}.png")
    searched = make_bench(data=str(tmp_path / "faces"))
    monkeypatch.setattr(loading, "SAMPLE", 35)
    rehearsed = Workbench(searched.config, teacher=searched.teacher, dry_run=True)
    assert len(rehearsed.task.images) == 35
    assert searched.identity.items() - rehearsed.identity.items() == {("data", searched.task.digest)}
    assert rehearsed.identity.items() < searched.identity.items()


def test_an_adversarial_loss_is_the_familys_or_the_one_asked_for_with_its_default_steps(
    warm_bench: Workbench, tmp_path: Path
) -> None:
    def loss(**asked: object) -> object:
        return Workbench(warm_bench.config.model_copy(update=asked)).ingredients().adversarial

    generator = get_family("dcgan").build(TEACHERS["dcgan"])
    save_checkpoint(Checkpoint("dcgan", generator, None, {"name": "dc"}), tmp_path / "dc.safetensors")
    dcgan = {"teacher": tmp_path / "dc.safetensors"}
    assert loss() == Logistic(r1_gamma=0.3)
    assert loss(adversarial="hinge") == Hinge(discriminator_steps=1)
    assert loss(adversarial="relativistic", r1_gamma=2.0) == Relativistic(r1_gamma=2.0)
    assert loss(**dcgan).discriminator_steps == loss(adversarial="wasserstein").discriminator_steps == 5
    assert loss(**dcgan, adversarial="relativistic") == Relativistic(r1_gamma=0.3, discriminator_steps=1)
    with pytest.raises(RecipeError, match="--adversarial nash: choose one of logistic, hinge"):
        loss(adversarial="nash")
    with pytest.raises(ConfigError, match="--r1-gamma 1: the hinge loss has no R1: leave it out"):
        loss(adversarial="hinge", r1_gamma=1.0)


def test_a_training_is_taught_by_the_terms_and_the_loss_that_were_asked_for(warm_bench: Workbench) -> None:
    asked = {"adversarial": "relativistic", "similarity": "wavelet=1"}
    bench = Workbench(warm_bench.config.model_copy(update=asked))
    trainer = bench.trainer(bench.student(bench.space.smallest()))
    trainer.train(8)
    assert trainer.losses.keys() == {"d_adversarial", "d_r1", "d_r2", "g_adversarial", "g_wavelet"}


def test_students_keep_the_channels_of_the_importance_that_was_asked_for(make_bench: MakeBench) -> None:
    bench, other = make_bench(), make_bench(importance="magnitude")
    architecture = bench.space.smallest()
    one, two = (each.student(architecture).state_dict() for each in (bench, other))
    assert not all(torch.equal(one[name], two[name]) for name in one)


def test_trainings_run_as_the_family_was_published(make_bench: MakeBench) -> None:
    bench = make_bench()
    published = PublishedTraining(generator_lr=1e-4, discriminator_lr=4e-4, betas=(0.5, 0.9))
    family = replace(bench.teacher.family, training=published)
    bench.teacher = replace(bench.teacher, family=family)
    config = bench.trainer(bench.student(bench.space.smallest())).config
    assert (config.generator_lr, config.discriminator_lr, config.betas) == (1e-4, 4e-4, (0.5, 0.9))
