"""nas-teacher train: train a teacher."""

from __future__ import annotations

import importlib
import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from distill.data import loading
from distill.data.reading import DECODING
from distill.evaluation.extractors import EXTRACTORS
from distill.teachers import load_teacher
from nas.cli import teacher
from search_spaces import FAMILIES, ArchitectureError, load_checkpoint
from tests.distill.data.pictures import pictures
from tests.nas.cli.teacher_command import TINY, done, log, run, weights

REFERENCE = Path(__file__).parents[2] / "data" / "reference"


def test_a_training_writes_a_teacher_with_discriminator_log_and_pictures(trained: Path) -> None:
    teacher = load_teacher(trained / "teacher.safetensors")
    assert teacher.discriminator is not None
    assert teacher.name == "teacher"
    assert teacher.metadata["data"] == "digits"
    fid = {"fid", "fid_samples", "fid_extractor", "fid_extractor_digest", "fid_seed"}
    noted = {"data_digest", "images"} | fid
    assert noted <= set(teacher.metadata)
    rows = log(str(trained / "teacher.training"))
    assert [int(row["images"]) for row in rows] == [112, 224, 320]
    best = min(rows, key=lambda row: float(row["fid"]))
    assert (teacher.metadata["fid"], teacher.metadata["images"]) == (best["fid"], best["images"])
    assert all(float(row["g_path"]) >= 0 and float(row["d_r1"]) >= 0 for row in rows)
    pictures = sorted(path.name for path in (trained / "teacher.training").glob("*.png"))
    assert pictures == [f"samples-{images:09d}.png" for images in (112, 224, 320)]


def test_a_trained_teacher_is_one_for_a_search(trained: Path) -> None:
    from nas.cli import search

    flags = f"--budget-macs 100k --data digits --dry-run --teacher {trained / 'teacher.safetensors'}"
    result = CliRunner().invoke(search.main, flags.split())
    assert result.exit_code == 0, result.output
    assert "no discriminator" not in result.output


def test_a_finished_training_is_not_done_again(trained: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.rglob("*") if path.is_file()}
    result = done(*TINY, "-o", trained / "teacher.safetensors")
    assert "trained for 320 images already: give a larger --images to continue" in result.stderr
    assert "resuming" not in result.stderr
    assert "of 320 images" in result.stdout
    assert {path: path.stat().st_mtime_ns for path in trained.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("output", "folder"),
    [
        ("faces.safetensors", "faces.training"),
        ("runs/faces-0.5.safetensors", "runs/faces-0.5.training"),
        ("faces-0.25.safetensors", "faces-0.25.training"),
    ],
)
def test_a_training_has_a_folder_of_its_own(output: str, folder: str) -> None:
    settings = json.loads(done(*TINY, "-o", output, "--dry-run", "--json").stdout)
    assert settings["folder"] == folder


def test_without_fid_the_last_generator_is_written() -> None:
    result = done(*TINY, "-o", "a.safetensors", "--fid-samples", 0, "--images", 128, "--augment", "none")
    assert result.stdout == "a.safetensors: trained on 128 images\n"
    metadata = load_checkpoint(Path("a.safetensors")).metadata
    assert (metadata["images"], "fid" in metadata) == ("128", False)


@pytest.mark.parametrize(
    "flags", ["--precision bf16 --micro-batch 8", "--checkpoint-activations --mirror --grey"]
)
def test_a_training_at_size_is_the_same_command(flags: str) -> None:
    result = done(*TINY, "-o", "a.safetensors", "--images", 64, *flags.split(), "--json")
    found = json.loads(result.stdout)
    assert (found["trained"], found["finished"], found["best"]["images"]) == (64, True, 64)
    assert all(tensor.isfinite().all() for tensor in weights("a.safetensors").values())


def test_a_dry_run_shows_the_training_and_writes_nothing(tmp_path: Path) -> None:
    shown = done(*TINY, "-o", "a.safetensors", "--dry-run").stdout
    for part in ("MACs (fvcore, batch 1)", "digits, 1,797 images", "320 images", "R1 0.3", "a.training"):
        assert part in shown
    settings = json.loads(done(*TINY, "-o", "a.safetensors", "--dry-run", "--json").stdout)
    assert (settings["resolution"], settings["r1_gamma"], settings["batch_size"]) == (16, 0.3, 16)
    assert (settings["space"], settings["architecture"]["image_channels"]) == ("stylegan2", 1)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """A folder of 40 grey images."""
    return pictures(tmp_path / "faces", 40, 16)


def test_images_are_decoded_once_into_the_folder_of_the_training(
    faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = [*TINY, "--data", faces.name, "--resolution", 16, "--fid-samples", 0]
    bars: list[tuple[str, int, int]] = []
    monkeypatch.setattr(
        "nas.progress.progress_bars", lambda _: nullcontext(lambda *message: bars.append(message))
    )
    done(*short, "-o", "a.safetensors", "--images", 16)
    assert bars[-1] == (DECODING, 40, 40)
    assert len(list(Path("a.training/cache").iterdir())) == 1
    bars.clear()
    done(*short, "-o", "a.safetensors", "--images", 32)
    assert bars == []
    assert load_checkpoint(Path("a.safetensors")).metadata["data"] == str(faces.resolve())


def test_a_dry_run_looks_at_a_sample_and_keeps_nothing(faces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "SAMPLE", 35)
    before = set(Path().rglob("*"))
    shown = done(*TINY, "--data", faces.name, "--resolution", 16, "-o", "a.safetensors", "--dry-run").stdout
    assert "faces, 40 images" in shown
    assert set(Path().rglob("*")) == before
    line = "train --data torchvision:MNIST --resolution 16 -o a.safetensors --dry-run"
    monkeypatch.setenv("NAS_DATA", "nowhere")
    assert "a dry run downloads nothing" in run(*line.split()).stderr


def test_r1_is_as_heavy_as_the_resolution_asks_for() -> None:
    line = "train --data digits --resolution 64 --batch-size 32 -o a.safetensors --dry-run --json"
    assert json.loads(done(*line.split()).stdout)["r1_gamma"] == pytest.approx(0.0002 * 64**2 / 32)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ("--data faces", "--data faces: give the --resolution to train at, too, such as 256"),
        ("--data digits --resolution 100", "resolution 100: StyleGAN2 makes images of 16, 32,"),
        ("--data nowhere --resolution 16", "nowhere does not exist"),
        ("--data digits --images 5X", "unknown suffix 'X'"),
        ("--data digits --batch-size 16 --micro-batch 5", "--micro-batch 5 does not divide the batch of 16"),
        ("--data digits --channels-base 8", "channels base 8: no channel is left, give 16 or more"),
        ("--data digits --fid-samples 1", "--fid-samples 1: give at least 2"),
        ("--data digits --fid-samples many", "--fid-samples many: give a number such as 10k; 0 is none"),
        ("--data digits --lr nan", "nan is not a finite number"),
        ("--data digits --r1-gamma inf", "inf is not a finite number"),
        ("--data digits --path-weight nan", "nan is not a finite number"),
        ("--data digits --augment fixed --augment-p nan", "nan is not a finite number"),
        ("--data digits --augment often", "--augment often: give a value that is 'ada', 'fixed' or 'none'"),
        ("--data digits --lr 0", "--lr 0: give a number above 0"),
        ("--data digits --space magic", "--space magic: choose one of stylegan2, dcgan, biggan"),
        ("--data digits -o there.safetensors", "there.safetensors exists and its training does not"),
        ("--data digits -o a-file/a.safetensors", "can't be written"),
        ("--data digits -o a-file/a.safetensors --dry-run", "can't be written"),
        ("--data digits -o a.pt", "a.pt: checkpoints are written as safetensors: give a.safetensors"),
        (
            "--data digits -o a-0.5 --dry-run",
            "a-0.5: checkpoints are written as safetensors: give a-0.5.safetensors",
        ),
        ("--data digits --extractor magic", "no extractor 'magic': choose one of"),
        ("--data digits --extractor magic --dry-run", "no extractor 'magic': choose one of"),
        ("--data digits --extractor-weights no.pth", "no.pth is not a file"),
        ("--data digits --extractor-weights no.pth --dry-run", "no.pth is not a file"),
        ("--data digits --extractor cifar-resnet --dry-run", "has no weights of its own"),
        ("", "--data is missing: images: a folder, zip or idx file"),
    ],
)
def test_a_training_that_can_not_be_is_refused_in_one_line(flags: str, says: str) -> None:
    Path("there.safetensors").touch()
    Path("a-file").touch()
    result = run("train", "-o", "a.safetensors", *flags.split())
    assert result.exit_code == 2, (result.output, result.exception)
    assert says in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert not Path("a.training").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said() -> None:
    result = run(*TINY, "-o", "a.safetensors", "--device", "cuda")
    assert (result.exit_code, "--device cuda: PyTorch sees no GPU here" in result.stderr) == (2, True)


def test_a_training_that_diverges_fails_with_what_may_help() -> None:
    result = run(*TINY, "-o", "a.safetensors", "--lr", 1e30)
    assert result.exit_code == 1
    assert "a lower --lr, a higher --r1-gamma or --precision fp32 may help" in result.stderr


# Help


@pytest.mark.parametrize("command", [["nas.cli.teacher", "train"], ["nas.cli.evaluate"], ["nas.cli.search"]])
def test_help_names_every_kind_of_images(command: list[str]) -> None:
    module, *arguments = command
    program = importlib.import_module(module).main
    shown = CliRunner().invoke(program, [*arguments, "--help"]).stdout
    for kind in ("folder", "zip", "idx file", "torchvision:", "digits"):
        assert kind in " ".join(shown.split())


def test_help_names_the_resolutions_that_every_family_has() -> None:
    shown = " ".join(done("train", "--help").stdout.split()).replace("- ", "-")  # lines break behind hyphens
    powers = [1 << i for i in range(3, 12)]
    known = {"stylegan2": powers[1:-1], "biggan": powers[2:6], "dcgan": [16, 28, 32, 64, 128]}
    known |= {"resnet-translator": powers[2:6], "unet-translator": powers[2:6]}
    known["stargan"] = [32, 48, 64, 96, 128, 192, 256]
    assert known.keys() == FAMILIES.keys()
    for name, sides in known.items():
        assert f"{name} {', '.join(map(str, sides))}" in shown
        for side in {28, 100, *powers}:
            with nullcontext() if side in sides else pytest.raises(ArchitectureError, match=r"^resolution"):
                FAMILIES[name].teacher(FAMILIES[name].options(), side, 3, 1)


def test_help_names_every_extractor() -> None:
    shown = done("train", "--help").stdout
    assert [name for name in EXTRACTORS if name not in shown] == []


def test_the_command_alone_says_what_it_can_do() -> None:
    assert run().exit_code == 0
    for line in ((), ("--help",), ("train", "--help"), ("info", "-h"), ("import", "-h")):
        shown: Any = done(*line).stdout
        assert "Examples:" in shown
        assert max(map(len, shown.splitlines())) <= 120


def test_images_in_whole_steps_are_explained_when_a_training_ends() -> None:
    wanted: Any = SimpleNamespace(request=SimpleNamespace(images=1_000))
    outcome: Any = SimpleNamespace(images=1_120)
    assert teacher._whole(wanted, outcome) == " (1,000 were asked for: whole steps)"
    outcome.images = 1_000
    assert teacher._whole(wanted, outcome) == ""
