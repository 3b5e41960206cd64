"""Searches are refused that have no images to learn from, or too few."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from distill.data import TEACHER
from distill.errors import DataError, TeacherError
from distill.tasks import TASKS, NoiseTask
from nas.config import SearchConfig
from nas.driver import prepare
from search_spaces import FAMILIES, Checkpoint, load_checkpoint, save_checkpoint
from tests.image_family import (
    TRANSLATOR,
    InvertedDigits,
    PatchDiscriminator,
    Translator,
    TranslatorArchitecture,
)
from tests.nas.cli.command_line import refused
from tests.nas.studies import BRIEF

SAMPLES = 250  # of which 50 are held out


def test_a_family_whose_inputs_are_images_needs_images(tmp_path: Path) -> None:
    FAMILIES[TRANSLATOR.name], TASKS[InvertedDigits.name] = TRANSLATOR, InvertedDigits
    try:
        networks = Translator(TranslatorArchitecture(12)), PatchDiscriminator(TranslatorArchitecture(12))
        save_checkpoint(Checkpoint(TRANSLATOR.name, *networks, {}), tmp_path / "toy.safetensors")
        teacher, workdir = tmp_path / "toy.safetensors", tmp_path / "runs"
        config = SearchConfig.of(**BRIEF, teacher_samples=SAMPLES, teacher=teacher, workdir=workdir)
        says = "translator generators take images, which samples of the teacher can't replace: give the"
        with pytest.raises(TeacherError, match=says):
            prepare(config)
    finally:
        del FAMILIES[TRANSLATOR.name], TASKS[InvertedDigits.name]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("data", [None, "digits"])
@pytest.mark.parametrize(
    ("value", "says"),
    [
        (0.0, "samples of the teacher are all the same, every pixel is 128 of 255"),
        (1e30, "sample 0 of the teacher holds the value … give another checkpoint by --teacher"),
    ],
)
def test_a_teacher_that_makes_nothing_to_learn_from_is_refused_before_there_is_a_study(
    value: float,
    says: str,
    data: str | None,
    teacher_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load_checkpoint(teacher_file)
    for parameter in loaded.generator.parameters():
        torch.nn.init.constant_(parameter, value)
    save_checkpoint(
        Checkpoint("stylegan2", loaded.generator, loaded.discriminator, {}), Path("dull.safetensors")
    )
    given = ("--data", data) if data else ("--teacher-samples", SAMPLES)
    for dry in ((), ("--dry-run",)):
        refused(says, "nas-search", "--budget-macs", "100k", "--teacher", "dull.safetensors", "--extractor",
                "digits", *given, *dry)  # fmt: skip


def test_fewer_images_than_a_batch_are_refused_with_both_numbers(
    teacher_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    says = (
        "--data teacher has 200 images to train on, fewer than a batch of 256 … or --batch-size 200 or less"
    )
    start = ("nas-search", "--budget-macs", "100k", "--extractor", "digits", "--batch-size")
    refused(says, *start, 256, "--teacher", teacher_file, "--teacher-samples", SAMPLES)
    says = "--data digits has 1,797 images to train on, fewer than a batch of 2000 … --batch-size 1797"
    refused(says, *start, 2000)
    teacher = ("nas-teacher", "train", "--dry-run", "-o", "t.safetensors", "--batch-size", 2000)
    refused(says, *teacher, "--data", "digits")


def test_samples_need_a_teacher_and_a_teacher_to_train_needs_images(
    teacher_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    says = "--data teacher stands for samples of a teacher, which there is none of here"
    refused(says, "nas-teacher", "train", "--data", "teacher", "--resolution", 16, "-o", "t.safetensors")
    refused("give at least 160", "nas-search", "--budget-macs", "100k", "--extractor", "digits", "--teacher",
            teacher_file, "--teacher-samples", 100)  # fmt: skip
    with pytest.raises(DataError, match=r"a folder of this name is \./teacher"):
        NoiseTask.load(TEACHER, load_checkpoint(teacher_file).generator)
