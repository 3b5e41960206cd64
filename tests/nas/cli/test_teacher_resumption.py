"""nas-teacher train: stop and resume, and refuse what is another training."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from distill.digits.classifier import WEIGHTS
from nas.checkpoints import evaluate
from nas.errors import ConfigError
from search_spaces import file_digest, load_checkpoint
from tests.nas.cli.teacher_command import TINY, done, equal, log, run, weights

LONG = [*TINY, "--images", 1600, "--augment", "fixed"]


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one longer training that nobody stopped."""
    folder = tmp_path_factory.mktemp("straight")
    done(*LONG, "-o", folder / "straight.safetensors")
    return folder


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
