"""nas-teacher train: train a teacher, stop and resume."""

from __future__ import annotations

import csv
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from filelock import FileLock

from distill.data import loading
from distill.data.reading import DECODING
from distill.digits.classifier import WEIGHTS
from distill.evaluation.extractors import EXTRACTORS
from distill.teachers import load_teacher
from nas.checkpoints import evaluate
from nas.errors import ConfigError
from search_spaces import FAMILIES, ArchitectureError, file_digest, load_checkpoint
from tests.distill.data.pictures import pictures
from tests.nas.cli.teacher_command import done, equal, run, weights

TINY: list[object] = [
    *("train", "--data", "digits", "--batch-size", 16, "--images", 320, "--snapshot", 112, "--seed", 3),
    *("--channels-base", 128, "--channels-max", 8, "--latent-dim", 8, "--mapping-layers", 2),
    *("--fid-samples", 50, "--r1-gamma", 0.3),
]
LONG = [*TINY, "--images", 1600, "--augment", "fixed"]
REFERENCE = Path(__file__).parents[2] / "data" / "reference"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def log(folder: str) -> list[dict[str, str]]:
    """Of a training, without the time it took."""
    with Path(folder, "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one short training, `teacher.safetensors` in it. Don't write to it."""
    folder = tmp_path_factory.mktemp("trained")
    done(*TINY, "-o", folder / "teacher.safetensors")
    return folder


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one longer training that nobody stopped."""
    folder = tmp_path_factory.mktemp("straight")
    done(*LONG, "-o", folder / "straight.safetensors")
    return folder


# Training


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


def test_a_longer_training_resumes_where_a_shorter_one_ended() -> None:
    done(*TINY, "-o", "a.safetensors")
    done(*TINY, "-o", "a.safetensors", "--images", 336)
    assert [row["images"] for row in log("a.training")] == ["112", "224", "320", "336"]


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "nas.cli.teacher", *map(str, arguments)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(1_200):
        if condition():
            return
        time.sleep(0.05)
    raise TimeoutError


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_training_that_was_stopped_resumes_and_ends_as_if_it_had_not_been(
    straight: Path, number: signal.Signals
) -> None:
    victim = start(*LONG, "-o", "stopped.safetensors")
    try:
        wait_for(lambda: Path("stopped.training/state.pt").exists() or victim.poll() is not None)
        victim.send_signal(number)
        _, message = victim.communicate(timeout=60)
    finally:
        victim.kill()
    if number == signal.SIGKILL:
        assert victim.returncode == -number
    else:
        assert victim.returncode == 130
        assert "run the same command again to resume" in message
        assert "Traceback" not in message
    result = done(*LONG, "-o", "stopped.safetensors")
    assert "resuming after" in result.stderr
    assert log("stopped.training") == log(str(straight / "straight.training"))
    assert log("stopped.training")[-1]["images"] == "1600"
    assert equal(weights("stopped.safetensors"), weights(str(straight / "straight.safetensors")))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ("--seed 4", "--seed 3, not 4"),
        ("--batch-size 32", "--batch-size 16, not 32"),
        ("--channels-max 4", "--channels-max 8, not 4"),
        ("--augment none", "--augment ada, not none"),
        ("--augment fixed", "--augment ada, not fixed"),
        ("--r1-gamma 1", "--r1-gamma 0.3, not 1.0"),
        ("--fid-samples 60", "--fid-samples 50, not 60"),
        ("--lr 0.01", "--lr 0.002, not 0.01"),
        ("--mirror", "--mirror off, not on"),
        ("--lr 0.01 --seed 4 --mirror", "--mirror off, not on; --lr 0.002, not 0.01; --seed 3, not 4"),
    ],
)
@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["", "dry"])
def test_another_training_is_not_mixed_into_one(
    trained: Path, changes: str, says: str, dry: list[str]
) -> None:
    result = run(*TINY, *changes.split(), "-o", trained / "teacher.safetensors", *dry)
    assert result.exit_code == 2
    (message,) = result.stderr.splitlines()
    assert message.endswith(f"is of a training with {says}: give the same settings, or another -o")


@pytest.fixture
def other_weights(tmp_path: Path) -> Path:
    """Of the digits' extractor, with one bit changed."""
    content = bytearray(WEIGHTS.read_bytes())
    content[-4] ^= 1
    (tmp_path / "other.safetensors").write_bytes(content)
    return tmp_path / "other.safetensors"


def test_a_training_does_not_resume_with_another_metric(trained: Path, other_weights: Path) -> None:
    result = run(*TINY, "--extractor-weights", other_weights, "-o", trained / "teacher.safetensors")
    assert result.exit_code == 2
    digests = [file_digest(path)[:16] for path in (WEIGHTS, other_weights)]
    assert "extractor weights of digest {}, not {}".format(*digests) in result.stderr


def test_a_teacher_is_measured_as_in_its_training_or_not_at_all(trained: Path, other_weights: Path) -> None:
    teacher = trained / "teacher.safetensors"
    noted = load_checkpoint(teacher).metadata["fid"]
    assert evaluate(teacher, device="cpu")["fid"] == pytest.approx(float(noted), abs=1e-4)
    with pytest.raises(ConfigError, match="was measured with digits weights"):
        evaluate(teacher, device="cpu", extractor_weights=other_weights)


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
    for part in ("MACs (fvcore, batch 1)", "digits, 1797 images", "320 images", "R1 0.3", "a.training"):
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
        ("", "--data is missing: Images: a folder, zip or idx file"),
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


def test_a_damaged_state_is_said(trained: Path) -> None:
    done(*TINY, "-o", "a.safetensors", "--images", 16)
    Path("a.training/state.pt").write_bytes(b"no state")
    result = run(*TINY, "-o", "a.safetensors")
    assert result.exit_code == 2
    assert "state.pt can't be read: remove a.training to start anew" in result.stderr


def test_two_trainings_do_not_write_into_one_folder() -> None:
    Path("a.training").mkdir()
    with FileLock("a.training/lock"):
        result = run(*TINY, "-o", "a.safetensors")
    assert result.exit_code == 2
    assert "a.training: another process trains there: wait for it, or choose another -o" in result.stderr
    assert done(*TINY, "--images", 16, "-o", "a.safetensors").stdout.startswith("a.safetensors: FD (digits)")


# Help


@pytest.mark.parametrize("command", [["nas.cli.teacher", "train"], ["nas.cli.evaluate"], ["nas.cli.search"]])
def test_help_names_every_kind_of_images(command: list[str]) -> None:
    module, *arguments = command
    program = importlib.import_module(module).main
    shown = CliRunner().invoke(program, [*arguments, "--help"]).stdout
    for kind in ("folder", "zip", "idx file", "torchvision:", "digits"):
        assert kind in " ".join(shown.split())


def test_help_names_the_resolutions_that_every_family_has() -> None:
    shown = " ".join(done("train", "--help").stdout.split())
    powers = [1 << i for i in range(3, 12)]
    known = {"stylegan2": powers[1:-1], "biggan": powers[2:6], "dcgan": [16, 28, 32, 64, 128]}
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
