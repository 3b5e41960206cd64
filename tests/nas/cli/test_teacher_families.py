"""nas-teacher train of every family: sizes, adversarial losses, classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from distill.training import Trainer
from search_spaces import FAMILIES, load_checkpoint
from tests.distill.data.pictures import pictures
from tests.nas.cli.teacher_command import done, run
from tests.search_spaces.teachers import FROM_NOISE

SIZED = ("channels_base", "channels_max", "latent_dim", "mapping_layers", "width")
SIZES = {
    "biggan": "--resolution 32 --width 1",
    "dcgan": "--width 2",
    "stylegan2": "--channels-base 128 --channels-max 8 --latent-dim 8 --mapping-layers 2",
}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def asked(family: str, *more: str) -> list[str]:
    line = f"train --space {family} --data digits {SIZES[family]} --batch-size 8 --images 80 --snapshot 40"
    return [*line.split(), "--fid-samples", "20", "-o", "teacher.safetensors", *more]


@pytest.mark.parametrize("family", FROM_NOISE)
def test_a_teacher_of_any_family_is_trained_and_gone_on_with(family: str) -> None:
    done(*asked(family))
    result = done(*asked(family), "--images", 160)
    assert "resuming after 80 images" in result.stderr
    loaded = load_checkpoint(Path("teacher.safetensors"))
    assert loaded.family == family
    assert loaded.discriminator is not None
    assert len(list(Path("teacher.training").glob("samples-*.png"))) >= 3


@pytest.mark.parametrize("family", FROM_NOISE)
@pytest.mark.parametrize(
    "flag", ["--channels-base 64", "--channels-max 8", "--latent-dim 8", "--mapping-layers 2", "--width 3"]
)
def test_a_size_that_a_family_has_not_is_refused(family: str, flag: str) -> None:
    name, value = flag.split()
    known = name[2:].replace("-", "_") in set(FAMILIES[family].options.model_fields)
    result = run(*asked(family, name, value, "--dry-run"))
    if known:
        assert result.exit_code == 0, result.output
    else:
        assert result.exit_code == 2
        assert f"{flag}: --space {family} has no such size: give --" in result.stderr


def test_what_is_published_is_the_default() -> None:
    printed = {family: done(*asked(family, "--dry-run")).stdout for family in FROM_NOISE}
    for family, words in {
        "stylegan2": ("lr 0.002", "logistic loss", "R1 ", "path lengths 2", "augmentation adaptive"),
        "biggan": ("lr 0.0001 and 0.0004", "hinge loss", "2 discriminator steps", "augmentation adaptive"),
        "dcgan": ("lr 0.0002", "wasserstein loss", "5 discriminator steps", "augmentation none"),
    }.items():
        for word in words:
            assert word in printed[family], family
    assert "path lengths" not in printed["dcgan"] + printed["biggan"]


@pytest.mark.parametrize(
    ("family", "flags", "says"),
    [
        ("dcgan", "--augment ada", "--augment ada: it follows the discriminator's decisions"),
        ("dcgan", "--width 0", "--width 0: give a number of at least 1"),
        ("dcgan", "--width 1.5", "--width 1.5: give a whole number"),
        ("dcgan", "--width 99999999999", "this machine has"),
        ("biggan", "--width 99999999999", "give less by --width"),
        ("stylegan2", "--channels-base 99999999999 --channels-max 99999999999", "GB to train"),
        ("dcgan", "--path-weight 2", "--path-weight 2"),
        ("biggan", "--path-weight 2", "--path-weight 2"),
        ("dcgan", "--r1-gamma 1", "--r1-gamma 1"),
        ("biggan", "--resolution 64 --width 3", "attention can't divide its 6 channels at 64 px by 8"),
        ("biggan", "--micro-batch 4", "--micro-batch 4: an image of this generator depends on the others"),
        (
            "biggan",
            "--checkpoint-activations",
            "--checkpoint-activations: recomputation would save",
        ),
        (
            "dcgan",
            "--checkpoint-activations",
            "--checkpoint-activations: recomputation would save",
        ),
        ("biggan", "--resolution 16", "resolution 16: BigGAN makes images of 32, 64, 128, 256 px"),
    ],
)
def test_what_does_not_make_sense_is_refused_in_one_line(family: str, flags: str, says: str) -> None:
    result = run(*asked(family, *flags.split(), "--dry-run"))
    assert result.exit_code == 2, (result.output, result.exception)
    assert says in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_a_batch_that_memory_has_no_room_for_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] can't allocate memory: 6 TB")

    monkeypatch.setattr(Trainer, "train", fail)
    result = run(*asked("dcgan", "--batch-size", "32", "--micro-batch", "16"))
    assert result.exit_code == 1
    says = "memory ran out: a smaller --batch-size or --micro-batch needs less"
    assert result.stderr.splitlines()[-1].endswith(says)


@pytest.mark.parametrize(
    ("family", "flags"),
    [
        ("biggan", "--micro-batch 8"),  # the whole batch
        ("dcgan", "--micro-batch 4"),  # of teachers without normalisation
        ("stylegan2", "--micro-batch 4 --checkpoint-activations"),
    ],
)
def test_memory_is_saved_where_that_changes_nothing(family: str, flags: str) -> None:
    done(*asked(family, *flags.split(), "--dry-run"))


def settings(family: str, *flags: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done(*asked(family, *flags, "--dry-run", "--json")).stdout)
    return found


@pytest.mark.parametrize("family", FROM_NOISE)
def test_settings_tell_the_sizes_that_a_family_has_and_no_others(family: str) -> None:
    assert settings(family).keys() & set(SIZED) == set(FAMILIES[family].options.model_fields)


def test_a_rate_for_both_networks_is_shown_only_where_it_was_set() -> None:
    names = ("lr", "generator_lr", "discriminator_lr")
    published, given = settings("biggan"), settings("biggan", "--lr", "0.0001")
    assert [published[name] for name in names] == [None, 1e-4, 4e-4]
    assert [given[name] for name in names] == [1e-4, 1e-4, 1e-4]


def test_resuming_with_other_rates_or_sizes_is_refused_by_what_differs_and_nothing_else() -> None:
    done(*asked("biggan"))
    for change, says in (
        ("--lr 0.0001", "--lr 0.0001 and 0.0004, not 0.0001"),
        ("--width 2", "--width 1, not 2"),
    ):
        result = run(*asked("biggan"), *change.split())
        assert result.exit_code == 2
        assert f"is of a training with {says}: give" in result.stderr


def test_a_training_that_noted_more_settings_resumes() -> None:
    done(*asked("biggan"))
    path = Path("teacher.training/state.pt")
    state = torch.load(path, weights_only=True)
    state["settings"] |= {"--lr": "0.0001", "--latent-dim": "512", "--mapping-layers": "8"}
    torch.save(state, path)
    assert "resuming after 80 images" in done(*asked("biggan"), "--images", 160).stderr


def test_grey_images_that_are_made_rgb_are_said_to_be() -> None:
    asked = ["train", "--space", "dcgan", "--resolution", 32, "-o", "t.safetensors", "--dry-run"]
    colours, grey = pictures(Path("colours"), 40, size=32), pictures(Path("grey"), 40, size=32)
    for file in grey.iterdir():
        Image.open(file).convert("L").save(file)
    for data, flags, said in (
        (grey, (), "(32 px, RGB made of grey)"),
        (grey, ("--grey",), "(32 px, grey)"),
        (colours, (), "(32 px, RGB)"),
    ):
        assert f"40 images {said}\n" in done(*asked, "--data", data, *flags).stdout


def test_a_conditional_teacher_has_the_classes_of_its_images() -> None:
    asked = ["train", "--space", "biggan", "--resolution", 32, "--grey", "-o", "t.safetensors", "--dry-run"]
    settings = json.loads(done(*asked, "--data", "digits", "--json").stdout)
    assert settings["architecture"]["classes"] == 10
    result = run(*asked, "--data", pictures(Path("unlabelled"), 40, size=32))
    assert result.exit_code == 2
    assert "0 classes: BigGAN is class-conditional, give images with labels" in result.stderr


def test_a_family_with_classes_says_why_images_have_none() -> None:
    for name in ("cat", "dog"):
        pictures(Path("images") / name, 20, 32)
    pictures(Path("images"), 1, 32)
    result = run(*asked("biggan", "--data", "images", "--fid-samples", "0", "--dry-run"))
    assert result.exit_code == 2
    assert "images has no labels (1 of 41 images are in no folder of a class, the first" in result.stderr
    assert "give images with labels" in result.stderr
