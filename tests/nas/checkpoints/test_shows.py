"""Truncations in rows, walks, mixed styles, a student beside its teacher."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import av
import pytest
import torch
from PIL import Image

from nas.checkpoints import Show, show
from nas.checkpoints.shows import beside, mixed, save_animation, truncated, walk
from nas.errors import ConfigError
from search_spaces import Checkpoint, Generator, get_family, load_checkpoint, save_checkpoint
from tests.nas.cli.command_line import run
from tests.search_spaces.networks import lived_in
from tests.search_spaces.teachers import TEACHERS

TILE = 68  # px of an image and its margin in a grid
TITLE = 30  # px of a line above a grid


@pytest.fixture
def generator(teacher_file: Path) -> Generator:
    return load_checkpoint(teacher_file).generator


def file_of(name: str, folder: Path) -> Path:
    network = lived_in(get_family(name).build(TEACHERS[name]))
    assert isinstance(network, Generator)
    save_checkpoint(Checkpoint(name, network), folder / f"{name}.safetensors")
    return folder / f"{name}.safetensors"


@torch.no_grad()
def test_rows_have_the_same_latents_at_each_truncation(generator: Generator) -> None:
    inputs = generator.example_inputs(3, 1)
    rows = truncated(generator, inputs, (0.0, 1.0), seed=0, noise="const")
    assert list(rows) == [0.0, 1.0]
    torch.testing.assert_close(rows[0.0][0], rows[0.0][2])  # the mean style
    torch.testing.assert_close(rows[1.0], generator(*inputs, noise="const").clamp(-1, 1))


@torch.no_grad()
def test_a_walk_goes_through_every_image_and_back_to_the_first(generator: Generator) -> None:
    inputs = generator.example_inputs(3, 1)
    images = walk(generator, inputs, frames=4, psi=1.0)
    assert len(images) == 12
    torch.testing.assert_close(images[::4], generator.deterministic(*inputs).clamp(-1, 1))
    steps = (images - images.roll(-1, 0)).abs().amax(dim=(1, 2, 3))
    jumps = (images[::4] - images[::4].roll(-1, 0)).abs().amax(dim=(1, 2, 3))
    assert steps.max() < jumps.max()


@pytest.mark.parametrize("name", ["dcgan", "biggan"])
@torch.no_grad()
def test_other_families_walk_between_latents(name: str, tmp_path: Path) -> None:
    network = load_checkpoint(file_of(name, tmp_path)).generator
    inputs = network.example_inputs(2, 1)
    images = walk(network, inputs, frames=3)
    torch.testing.assert_close(images[::3], network.deterministic(*inputs), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_mix_has_its_sources_in_the_first_row_and_column_and_on_the_diagonal(generator: Generator) -> None:
    inputs = generator.example_inputs(2, 1)
    images = mixed(generator, inputs, psi=1.0).unflatten(0, (3, 3))
    sources = generator.deterministic(*inputs).clamp(-1, 1)
    assert (images[0, 0] == 1).all()
    for i in range(2):
        for place in (images[0, i + 1], images[i + 1, 0], images[i + 1, i + 1]):
            torch.testing.assert_close(place, sources[i], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(images[1, 2], images[2, 1], atol=1e-3)


@torch.no_grad()
def test_the_difference_of_a_network_and_itself_is_black(generator: Generator) -> None:
    inputs = generator.example_inputs(2, 1)
    picture = beside([("one", generator), ("two", generator)], inputs, 2, 0, noise="const")
    below = picture.crop((4, picture.height - 66, 60, picture.height - 8)).convert("L")
    assert below.getextrema() == (0, 0)


def test_the_command_writes_pictures_and_animations(teacher_file: Path, tmp_path: Path) -> None:
    done = run("nas-sample", teacher_file, "-o", tmp_path / "a.png", "--count", 3, "--psi", "0.5,1")
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith("3 images of 16×16 px in rows, psi 0.5, 1\n")
    assert Image.open(tmp_path / "a.png").size == (3 * TILE + 4, 2 * (TILE + TITLE + 4))
    for suffix in (".gif", ".webp"):
        walked = tmp_path / f"a{suffix}"
        done = run("nas-sample", teacher_file, "-o", walked, "--count", 2, "--interpolate", 3)
        assert done.stdout.endswith("a walk through 2 images, 6 frames of 16×16 px\n"), done.output
        with Image.open(walked) as picture:
            assert getattr(picture, "n_frames", 1) == 6
    done = run("nas-sample", teacher_file, "-o", tmp_path / "b.png", "--count", 2, "--mix")
    assert Image.open(tmp_path / "b.png").size == (3 * TILE + 4, 3 * TILE + 4)
    done = run("nas-sample", teacher_file, "-o", tmp_path / "c.png", "--teacher", teacher_file)
    assert "by teacher and 1 student, and their differences" in done.stdout


def test_a_walk_is_a_video_that_players_can_play(teacher_file: Path, tmp_path: Path) -> None:
    done = run("nas-sample", teacher_file, "-o", tmp_path / "w.mp4", "--count", 3, "--interpolate", 4)
    assert done.exit_code == 0, done.output
    with av.open(str(tmp_path / "w.mp4")) as video:
        (stream,) = video.streams.video
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        frames = [frame.to_ndarray(format="gray") for frame in video.decode(stream)]
    assert len(frames) == 12
    assert all(side % 2 == 0 for side in frames[0].shape)
    assert frames[0].std() > 10
    assert abs(frames[0].astype(int) - frames[4]).max() > 50, "another image"


def test_a_video_of_odd_sides_is_made_even(tmp_path: Path) -> None:
    save_animation(torch.rand(2, 3, 15, 15), tmp_path / "odd.mp4")
    with av.open(str(tmp_path / "odd.mp4")) as video:
        assert next(video.decode(video=0)).width % 2 == 0


def test_without_its_package_a_video_is_refused_before_images_are_made(
    teacher_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    done = run("nas-sample", teacher_file, "-o", tmp_path / "w.mp4", "--interpolate", 4)
    assert done.exit_code == 2
    assert "pip install '.[video]'" in done.stderr
    assert not (tmp_path / "w.mp4").exists()


def test_several_students_stand_beside_the_teacher(teacher_file: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    for path in (one, two):
        shutil.copy(teacher_file, path)
    done = run(
        "nas-sample", one, "--teacher", teacher_file, "--beside", two, "-o", tmp_path / "a.png", "--count", 2
    )
    assert done.exit_code == 0, done.output
    assert "2 images of 16×16 px by teacher and 2 students, and their differences" in done.stdout
    assert Image.open(tmp_path / "a.png").height == 5 * (TILE + TITLE + 4), "three networks, two differences"
    done = run("nas-sample", one, "--beside", two, "-o", tmp_path / "b.png", "--count", 2)
    assert "by 2 students, and their differences" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--mix", "--psi", "0.5,1"], "--psi with several values and --mix exclude each other"),
        (["--psi", "a"], "--psi a: give a number"),
        (["--psi", "0.5,11"], "--psi 11: give 0 to 10"),
        (["--interpolate", "4"], "give a file that ends in .gif or .webp or .mp4"),
        (["--interpolate", "0"], "--interpolate 0"),
        (["--mix", "--count", "1"], "--count 1: --mix mixes at least 2 images: give more"),
    ],
)
def test_what_does_not_go_is_refused(
    arguments: list[str], says: str, teacher_file: Path, tmp_path: Path
) -> None:
    done = run("nas-sample", teacher_file, "-o", tmp_path / "a.png", *arguments)
    assert done.exit_code == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "a.png").exists()


def test_networks_that_can_not_are_named(teacher_file: Path, tmp_path: Path) -> None:
    dcgan, output = file_of("dcgan", tmp_path), tmp_path / "a.png"
    asked = Show(mix=True)
    with pytest.raises(ConfigError, match=r"--psi of several values: .* has no styles to truncate"):
        show(dcgan, output, Show((1.0, 1.0)), count=2, columns=2)
    with pytest.raises(ConfigError, match="--noise none: noise of a walk or a mix is constant"):
        show(teacher_file, output, asked, count=2, columns=2, noise="none")
    with pytest.raises(ConfigError, match="--count 200: that is 40,401 images, and at most 10,000 are made"):
        show(teacher_file, output, asked, count=200, columns=2)
    with pytest.raises(ConfigError, match="--mix: this network has no styles by layer"):
        show(dcgan, output, asked, count=2, columns=2)
    with pytest.raises(ConfigError, match=r"--teacher .* takes other inputs or makes other images"):
        show(teacher_file, output, Show(teacher=dcgan), count=2, columns=2)
    with pytest.raises(ConfigError, match="a walk goes through at least 2 images"):
        show(dcgan, output.with_suffix(".gif"), replace(asked, mix=False, frames=3), count=1, columns=2)
    assert not output.exists()
