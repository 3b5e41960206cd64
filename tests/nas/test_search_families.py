"""nas-search with teachers of every family: what it takes, what it says, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nas.cli.search import main
from search_spaces import Architecture, Checkpoint, get_family, save_checkpoint
from tests.distill.data.pictures import pictures
from tests.scripted import means_extractor
from tests.search_spaces.teachers import FROM_NOISE, TEACHERS


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def dry(family: str, data: str, *flags: str, architecture: Architecture | None = None) -> Result:
    """A dry run with a teacher of random weights, which has no discriminator."""
    generator = get_family(family).build(architecture or TEACHERS[family])
    save_checkpoint(Checkpoint(family, generator, None, {"name": family}), Path("teacher.safetensors"))
    line = [
        "--teacher",
        "teacher.safetensors",
        "--data",
        data,
        "--budget-params",
        "1M",
        "--extractor",
        means_extractor(Path("means.pt")),
    ]
    return CliRunner().invoke(main, [*line, *flags, "--dry-run"])


def labelled(side: int, classes: int) -> str:
    for number in range(classes):
        pictures(Path(f"of{classes}", f"class{number}"), 128, size=side)
    return f"of{classes}"


def side_and_classes(family: str) -> tuple[int, int]:
    generator = get_family(family).build(TEACHERS[family])
    return generator.image_shape[1], generator.classes


@pytest.mark.parametrize("family", FROM_NOISE)
def test_a_dry_run_shows_students_of_the_teachers_family(family: str) -> None:
    side, classes = side_and_classes(family)
    result = dry(family, labelled(side, classes or 1), "--space", family, "--resolution", str(side))
    assert result.exit_code == 0, result.output
    assert f"Teacher: {family} ({family})" in result.stdout
    assert "smallest" in result.stdout


@pytest.mark.parametrize("family", FROM_NOISE)
def test_a_family_whose_students_can_not_share_weights_says_so_at_once(family: str) -> None:
    side, classes = side_and_classes(family)
    result = dry(family, labelled(side, classes or 1), "--share-weights", "--sampler", "random")
    if family == "stylegan2":
        assert result.exit_code == 0, result.output
    else:
        assert result.exit_code == 2
        assert "can't share weights" in result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("family", FROM_NOISE)
def test_ways_to_need_less_memory_are_refused_where_they_change_the_training(family: str) -> None:
    generator = get_family(family).build(TEACHERS[family])
    side, classes = side_and_classes(family)
    for flags, possible in (
        ("--batch-size 16 --micro-batch 8", not generator.uses_batch_statistics),
        ("--batch-size 16 --micro-batch 16", True),
        ("--checkpoint-activations", bool(generator.stages())),
    ):
        result = dry(family, labelled(side, classes or 1), *flags.split())
        assert result.exit_code == (0 if possible else 2), result.output
        if not possible:
            (message,) = result.stderr.splitlines()
            assert "leave it out; for less memory give a smaller --batch-size" in message


def test_a_missing_discriminator_is_reported_where_students_have_one() -> None:
    side, _ = side_and_classes("dcgan")
    message = "no discriminator: students train their own"
    for weight, expected in (("0.5", True), ("1", False)):
        result = dry("dcgan", labelled(side, 1), "--recipe", "compressing-gans", "--kd-weight-start", weight)
        assert (result.exit_code, message in result.stdout) == (0, expected)


def test_images_without_the_teachers_classes_are_refused() -> None:
    side, classes = side_and_classes("biggan")
    result = dry("biggan", str(pictures(Path("plain"), 64, size=side)))
    assert (result.exit_code, f"no labels and the teacher has {classes} classes" in result.stderr) == (
        2,
        True,
    )
    result = dry("biggan", labelled(side, classes + 1))
    assert result.exit_code == 2
    assert (
        f"has {classes + 1} classes and the teacher {classes}: give images of {classes} classes"
        in result.stderr
    )


def test_a_recipe_that_needs_a_discriminator_says_how_to_join_two_files() -> None:
    side, classes = side_and_classes("biggan")
    result = dry("biggan", labelled(side, classes), "--recipe", "dgl-gan")
    assert result.exit_code == 2
    assert "nas-teacher import --discriminator joins two files" in result.stderr


def test_grey_images_for_a_teacher_of_colours_are_converted_and_that_is_said() -> None:
    side, _ = side_and_classes("dcgan")
    dcgan = get_family("dcgan")
    colours = dcgan.teacher(dcgan.options(width=2), side, 3, 0)
    for data, said in (("digits", "RGB made of grey"), (labelled(side, 1), "RGB")):
        result = dry("dcgan", data, "--recipe", "compressing-gans", architecture=colours)
        assert result.exit_code == 0, result.output
        assert f"({side} px, {said})" in result.stdout
