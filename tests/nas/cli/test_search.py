"""nas-search: requests that can't be met get exit 2 and one line that says the fix."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from distill.data import loading
from nas.budget import parse_quantity
from nas.study import StudyStore
from tests.nas.cli.command_line import refused, run, tiny, written


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ("", "give --budget-macs, --budget-params or --budget-latency"),
        ("--budget-latency 30", "'30' has no unit: use us, ms or s, such as 30ms"),
        ("--budget-latency 0ms", "'0ms' must be a time above zero, such as 30ms"),
        (
            "--budget-latency 1us",
            "--budget-latency 1us is below the smallest student … 1 thread): give at least",
        ),
        (
            "--budget-latency 30ms --latency-on phone",
            "--latency-on phone: give a value that is 'cpu', 'cuda' or",
        ),
        ("--budget-macs 1M --latency-on cuda", "--latency-on cuda: give --budget-latency, too"),
        ("--budget-macs 5X", "'5X' … unknown suffix 'X' … 5G"),
        ("--budget-macs many", "'many' is not a quantity … 5G"),
        ("--budget-macs 0", "'0' must be a number of at least 1"),
        ("--budget-macs -5G", "'-5G' must be a number of at least 1"),
        ("--budget-params nan", "'nan' is not a quantity"),
        ("--budget-macs 1k", "--budget-macs 1k is below the smallest student, … MACs: give at least"),
        ("--budget-macs 1G --budget-params 10", "--budget-params 10 is below the smallest student"),
        ("--budget-macs 1M --sampler grid", "--sampler grid: choose one of gp, tpe, nsga2, random"),
        ("--budget-macs 1M --space vgg", "--space vgg: choose one of stylegan2, dcgan, biggan"),
        ("--budget-macs 1M --recipe magic", "--recipe magic: choose one of weight-decay"),
        ("--budget-macs 1M --kd-schedule slide", "--kd-schedule slide: choose one of constant"),
        ("--budget-macs 1M --kd-decay-end 0.4", "KD schedule from 0.6 to 0.4"),
        ("--budget-macs 1M --kd-weight-start -1", "KD weights -1 to 0.3"),
        (
            "--budget-macs 1M --precision fp8",
            "--precision fp8: choose one of auto, fp32, bf16, fp16",
        ),
        (
            "--budget-macs 1M --teacher-cache-size 1e15",
            "cache of 1,000,000,000,000,000 images takes … --teacher-cache-size",
        ),
        ("--budget-macs 1M --micro-batch 7", "--micro-batch 7 does not divide the batch of 64"),
        (
            "--budget-macs 1M --perceptual no.pt",
            "--perceptual no.pt is not a file: give a TorchScript module",
        ),
        ("--budget-macs 1M --rungs 20k,10k", "--rungs 20000,10000 must increase"),
        ("--budget-macs 1M --rungs 5k,", "'' is not a quantity"),
        ("--budget-macs 1M --trials 0", "--trials 0"),
        ("--budget-macs 1M --trials x", "--trials x: give a whole number"),
        ("--budget-macs 1M --reduction-factor 1", "--reduction-factor 1: give a number of at least 2"),
        ("--budget-macs 1M --fid-samples 1", "--fid-samples 1: give at least 2"),
        ("--budget-macs 1e30", "--budget-macs 1e+30: give a number of at most 1e+03T"),
        ("--budget-macs 1M --rungs 0", "--rungs … '0' must be a number of at least 1, such as 4k"),
        ("--budget-macs 1M --teacher .", "teacher . is a folder: give a checkpoint"),
        ("--budget-macs 1M --study a/b", "--study 'a/b' has '/'"),
        ("--budget-macs 1M --study odd_näme_[b]", "--study 'odd_näme_[b]' has '['"),
        (f"--budget-macs 1M --study {'x' * 300}", "300 bytes … give at most 200"),
        (
            "--budget-macs 1M --teacher nowhere.pt --data digits",
            "nowhere.pt is not a file: give a checkpoint",
        ),
        (
            "--budget-macs 1M --teacher nowhere.pt",
            "nowhere.pt is not a file: give a checkpoint",
        ),
        ("--budget-macs 1M --data faces", "--data faces: give the generator to compress by --teacher"),
        ("--config nowhere.toml", "nowhere.toml can't be read"),
        ("--budget-macs 1M --extractor magic", "no extractor 'magic': choose one of cifar-resnet, clip"),
        ("--budget-macs 1M --extractor-weights no.pth", "no.pth is not a file … --extractor-weights"),
        ("--budget-macs 1M --extractor cifar-resnet", "cifar-resnet has no weights … --extractor-weights"),
    ],
)
@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["", "dry"])
def test_a_wrong_setting_is_refused(flags: str, says: str, dry: list[str]) -> None:
    refused(says, "nas-search", *flags.split(), *dry)


def test_a_budget_below_the_smallest_student_names_one_that_is_enough() -> None:
    result = run("nas-search", "--budget-macs", "1k")
    enough = result.stderr.split()[-1]
    assert parse_quantity(enough) > 1000
    assert run("nas-search", "--budget-macs", enough, "--dry-run").exit_code == 0


def images(folder: Path, count: int) -> None:
    folder.mkdir()
    for i in range(count):
        pixels = np.random.default_rng(i).integers(0, 255, (16, 16), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("nowhere", "nowhere does not exist: give a folder or a .zip"),
        ("empty", "empty holds no images"),
        ("texts", "texts holds no images"),
        ("two", "two holds 2 images that can be used: give at least 32"),
        ("broken", "broken: 40 of 40 images can't be used"),
        ("a.zip", "a.zip"),
    ],
)
def test_data_that_are_no_images_or_too_few_are_refused(
    data: str, says: str, teacher_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "one.txt").write_text("no image")
    images(tmp_path / "two", 2)
    (tmp_path / "broken").mkdir()
    for i in range(40):
        (tmp_path / "broken" / f"{i}.png").write_text("no image either")
    (tmp_path / "a.zip").write_text("no archive")
    refused(says, "nas-search", "--budget-macs", "100k", "--teacher", teacher_file, "--data", data)


def test_a_dry_run_looks_at_images_and_writes_nothing(teacher_file: Path, tmp_path: Path) -> None:
    images(tmp_path / "faces", 128)
    before = written(tmp_path)
    result = run("nas-search", *tiny(teacher_file, "--data", "faces", "--dry-run"))
    assert result.exit_code == 0
    assert "Data: faces, 64 images (16 px, grey); 64 more are held out" in result.stdout, (
        "they were in colour"
    )
    assert written(tmp_path) == before


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x80\x02}q\x00."])
def test_a_teacher_file_that_is_none_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "teacher.pkl").write_bytes(content)
    refused(
        "teacher.pkl", "nas-search", "--budget-macs", "1M", "--teacher", "teacher.pkl", "--data", "digits"
    )


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nas.db", "'nas.db' is not a URL … sqlite:///"),
        ("nosuch://host/db", "no driver for 'nosuch'"),
        ("postgresql://user:secret@127.0.0.1:9/db", "127.0.0.1:9/db does not answer"),
        ("sqlite:////proc/nowhere/study.db", "/proc/nowhere/study.db … can be written"),
    ],
)
@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["", "dry"])
def test_a_storage_that_does_not_answer_is_refused(
    url: str, says: str, dry: list[str], teacher_file: Path
) -> None:
    refused(says, "nas-search", *tiny(teacher_file, "--storage", url, *dry))


@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["", "dry"])
@pytest.mark.parametrize("workdir", ["a-file", "a-file/below", "/proc/nas-runs", "n" * 300])
def test_a_work_folder_that_can_not_be_written_is_refused(
    workdir: str, dry: list[str], teacher_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "a-file").touch()
    refused(
        f"{workdir}/tiny-100kmacs can't be written … choose another --workdir",
        "nas-search", *tiny(teacher_file, "--workdir", workdir, *dry),
    )  # fmt: skip


def test_a_work_folder_that_does_not_fit_into_a_url_is_refused(teacher_file: Path) -> None:
    refused("--workdir what?: give one without", "nas-search", *tiny(teacher_file, "--workdir", "what?"))
    refused("give one without", "nas-search", *tiny(teacher_file, "--workdir", "what?", "--dry-run"))


@pytest.fixture
def begun(teacher_file: Path, make_bench: Callable[..., Any]) -> StudyStore:
    """The database of a study that the default settings of `tiny` don't belong to."""
    identity = make_bench().identity
    with StudyStore.open("sqlite:///nas-runs/mine/study.db", "mine", identity=identity) as store:
        store.study.tell(store.study.ask(), [1.0, 1.0])
    return store


@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["", "dry"])
def test_a_study_of_another_teacher_is_refused(begun: StudyStore, dry: list[str]) -> None:
    refused(
        "study 'mine' belongs to --teacher … use --study NAME for a new one",
        "nas-search", "--budget-macs", "1M", "--study", "mine", *dry,
    )  # fmt: skip


@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["", "dry"])
def test_a_study_of_other_settings_is_refused(begun: StudyStore, teacher_file: Path, dry: list[str]) -> None:
    refused(
        "study 'mine' belongs to … not … use --study NAME for a new one",
        "nas-search", *tiny(teacher_file, "--study", "mine", "--seed", 7, *dry),
    )  # fmt: skip


def test_an_extractor_is_looked_for_before_images_are_decoded(
    teacher_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images(Path("faces"), 40)
    monkeypatch.setattr(loading, "decode_all", lambda *_: pytest.fail("decoded first"))
    flags = ("--budget-macs", "100k", "--teacher", teacher_file, "--data", "faces", "--workdir", "runs")
    refused("no extractor 'magic'", "nas-search", *flags, "--extractor", "magic")
    refused("no.pth is not a file", "nas-search", *flags, "--extractor-weights", "no.pth")


@pytest.mark.parametrize("packages", [{}, {"onnxruntime": None}])
def test_a_latency_that_can_not_be_measured_here_is_refused(
    packages: dict[str, None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, module in packages.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    where, says = ("onnxruntime", "pip install onnx") if packages else ("cuda", "sees no GPU here: use")
    refused(f"--latency-on {where}: … {says}", "nas-search", "--budget-latency", "1s", "--latency-on", where)
