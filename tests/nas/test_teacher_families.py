"""nas-teacher train with families other than the usual one: their sizes, their games, their classes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from search_spaces import FAMILIES, load_checkpoint
from tests.distill.data.pictures import pictures
from tests.nas.teacher_command import done, run

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


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_teacher_of_any_family_is_trained_and_gone_on_with(family: str) -> None:
    done(*asked(family))
    result = done(*asked(family), "--images", 160)
    assert "going on after 80 images" in result.stderr
    loaded = load_checkpoint(Path("teacher.safetensors"))
    assert loaded.family == family
    assert loaded.discriminator is not None
    assert len(list(Path("teacher.training").glob("samples-*.png"))) >= 3


@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize(
    "flag", ["--channels-base 64", "--channels-max 8", "--latent-dim 8", "--mapping-layers 2", "--width 3"]
)
def test_a_size_that_a_family_has_not_is_refused(family: str, flag: str) -> None:
    name, value = flag.split()
    known = name[2:].replace("-", "_") in FAMILIES[family].sized_by
    result = run(*asked(family, name, value, "--dry-run"))
    if known:
        assert result.exit_code == 0, result.output
    else:
        assert result.exit_code == 2
        assert f"{flag}: --space {family} has no such size: give --" in result.stderr


def test_what_is_published_is_the_default() -> None:
    games = {family: done(*asked(family, "--dry-run")).stdout for family in FAMILIES}
    for family, words in {
        "stylegan2": ("lr 0.002", "logistic loss", "R1 ", "path lengths 2", "augmentation adaptive"),
        "biggan": ("lr 0.0001 and 0.0004", "hinge loss", "2 critic steps", "augmentation adaptive"),
        "dcgan": ("lr 0.0002", "wasserstein loss", "5 critic steps", "augmentation none"),
    }.items():
        for word in words:
            assert word in games[family], family
    assert "path lengths" not in games["dcgan"] + games["biggan"]


@pytest.mark.parametrize(
    ("family", "flags", "says"),
    [
        ("dcgan", "--augment ada", "--augment ada: it follows the critic's decisions"),
        ("dcgan", "--width 0", "0 is not in the range x>=1"),
        ("dcgan", "--width 1.5", "'1.5' is not a valid integer"),
        ("dcgan", "--path-weight 2", "--path-weight 2"),
        ("biggan", "--path-weight 2", "--path-weight 2"),
        ("dcgan", "--r1-gamma 1", "--r1-gamma 1"),
        ("biggan", "--resolution 64 --width 3", "attention can't divide its 6 channels at 64 px by 8"),
        ("biggan", "--resolution 16", "resolution 16: BigGAN makes images of 32, 64, 128, 256 px"),
    ],
)
def test_what_does_not_make_sense_is_refused_in_one_line(family: str, flags: str, says: str) -> None:
    result = run(*asked(family, *flags.split(), "--dry-run"))
    assert result.exit_code == 2, (result.output, result.exception)
    assert says in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_a_conditional_teacher_has_the_classes_of_its_images() -> None:
    asked = ["train", "--space", "biggan", "--resolution", 32, "--grey", "-o", "t.safetensors", "--dry-run"]
    settings = json.loads(done(*asked, "--data", "digits", "--json").stdout)
    assert settings["architecture"]["classes"] == 10
    result = run(*asked, "--data", pictures(Path("unlabelled"), 40, size=32))
    assert result.exit_code == 2
    assert "0 classes: BigGAN is class-conditional, give images with labels" in result.stderr
