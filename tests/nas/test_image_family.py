"""A family whose input is an image goes the whole way: nothing of the service knows that inputs are noise."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import nas
from distill.evaluation import image_grid
from distill.tasks import TASKS
from distill.teachers import load_teacher
from nas.budget import measure
from nas.checkpoints import draw, export_student
from nas.config import SearchConfig
from nas.driver import introduction, prepare
from nas.errors import ConfigError
from nas.reporting import SearchReport
from nas.workbench import Workbench
from search_spaces import FAMILIES, Checkpoint, save_checkpoint
from tests.image_family import (
    SIDE,
    TRANSLATOR,
    InvertedDigits,
    PatchDiscriminator,
    Translator,
    TranslatorArchitecture,
)
from tests.nas.cli.teacher_command import done
from tests.nas.studies import finished_study

TEACHER = TranslatorArchitecture(12)


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    FAMILIES[TRANSLATOR.name], TASKS[InvertedDigits.name] = TRANSLATOR, InvertedDigits
    yield
    del FAMILIES[TRANSLATOR.name], TASKS[InvertedDigits.name]


@pytest.fixture(scope="module")
def bench(registered: None, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    folder = tmp_path_factory.mktemp("translators")
    torch.manual_seed(0)
    networks = Translator(TEACHER), PatchDiscriminator(TEACHER)
    save_checkpoint(Checkpoint(TRANSLATOR.name, *networks, {"name": "toy"}), folder / "teacher.safetensors")
    config = SearchConfig.of(
        budget_macs=30_000,
        teacher=folder / "teacher.safetensors",
        data="digits",
        workdir=folder / "runs",
        study="translators",
        rungs=(64, 128),
        fid_samples=40,
        teacher_cache_size=48,
        batch_size=16,
        trials=1,
    )
    return prepare(config)


@pytest.fixture(scope="module")
def found(bench: Workbench) -> SearchReport:
    bench.config.workdir.mkdir(exist_ok=True)
    return finished_study(bench, bench.config.workdir, (1,))


def test_a_trial_is_trained_measured_and_recorded(found: SearchReport) -> None:
    assert found.best is not None
    assert [rung.images for rung in found.best.rungs] == [64, 128]
    assert all(np.isfinite(rung.fid) for rung in found.best.rungs)
    assert {"g_adversarial", "g_pixel", "d_adversarial"} <= set(found.best.rungs[0].losses)


def test_its_fid_is_the_mean_over_the_evaluation_sets(bench: Workbench) -> None:
    student = bench.student(TranslatorArchitecture(3)).eval()
    whole = bench.fidelity.fid(student, samples=40, seed=0)
    each = []
    for one in bench.task.eval_sets():
        images = torch.cat([student(*inputs) for inputs in one.inputs(40, 0, 20)]).detach()
        as_bytes = (images * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)
        alone = type(bench.fidelity)([one], bench.config.extractor)
        each.append(alone.fid_of_images(as_bytes).value)
    assert whole.value == pytest.approx(sum(each) / 2, rel=0.02)
    assert whole.samples == 40, "per evaluation set"


def test_the_teacher_cache_is_announced_with_the_inputs_that_there_are(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = copy.copy(bench)
    asking.config = bench.config.model_copy(update={"teacher_cache_size": 10_000})
    images = bench.task.images
    (line,) = [line for line in introduction(asking) if line.startswith("Teacher cache")]
    assert line.startswith(f"Teacher cache: {len(images):,} images, ")
    sampled = InvertedDigits(replace(images, found=50_000))  # as in a dry run
    monkeypatch.setattr(Workbench, "task", sampled)
    monkeypatch.setattr(Workbench, "outline", sampled)
    (line,) = [line for line in introduction(asking) if line.startswith("Teacher cache")]
    assert line.startswith("Teacher cache: 10,000 images, ")


def test_the_teacher_cache_holds_indices_and_no_second_copy_of_images(bench: Workbench) -> None:
    (indices,) = bench.teacher_cache.arrays
    assert indices.dtype == np.int64
    assert indices.shape == (48,)
    batch = bench.teacher_cache.batch(torch.tensor([5, 0]))
    expected = bench.task.images.images[indices[[5, 0]]] / 127.5 - 1
    assert batch.target is not None
    assert torch.allclose(batch.target, expected)
    assert torch.allclose(batch.inputs[0], -expected)
    with torch.no_grad():
        made = bench.teacher.generator(*batch.inputs)
    assert batch.teacher is not None
    assert (batch.teacher - made).abs().max() < 0.01


def test_other_inputs_have_another_cache(bench: Workbench) -> None:
    inputs = [bench.task.teacher_inputs(size, seed) for size, seed in ((48, 0), (47, 0), (48, 1))]
    assert len({each.digest for each in inputs}) == 3


def test_the_grid_shows_input_target_teacher_and_student(found: SearchReport, bench: Workbench) -> None:
    assert found.best is not None
    shown = bench.preview
    assert shown.teacher is not None
    known = [image_grid(each, 1) for each in (shown.given["input"], shown.teacher, shown.given["target"])]
    width, height = known[0].size
    with Image.open(bench.config.folder / "trials" / "0000" / "samples.png") as picture:
        assert picture.width == 4 * width
        top = picture.height - height
        columns = [picture.crop((i * width, 0, (i + 1) * width, picture.height)) for i in (0, 1, 3)]
    for column, expected in zip(columns, known, strict=True):
        assert column.crop((0, top, width, column.height)).tobytes() == expected.tobytes()
    captions = [column.crop((0, 0, width, top)).tobytes() for column in columns]
    assert len(set(captions)) == 3


def test_costs_are_fvcores_in_closed_form(bench: Workbench) -> None:
    for architecture in (bench.space.smallest(), bench.space.largest()):
        cost = measure(TRANSLATOR.build(architecture))
        assert (cost.macs, cost.params) == (bench.space.macs(architecture), bench.space.params(architecture))


def test_the_student_is_exported_and_translates_as_it_was_trained(
    found: SearchReport, bench: Workbench, tmp_path: Path
) -> None:
    assert found.best is not None
    export_student(found, found.best, bench.config.folder, tmp_path / "student.safetensors")
    student = nas.load_student(tmp_path / "student.safetensors")
    state = torch.load(bench.config.folder / found.best.rungs[-1].checkpoint, weights_only=True)
    assert all(torch.equal(state["trainer"]["ema"][n], w) for n, w in student.state_dict().items())
    assert student(*student.example_inputs(3)).shape == (3, 1, SIDE, SIDE)


def test_an_exported_student_repeats_the_fid_of_its_study(
    found: SearchReport, bench: Workbench, tmp_path: Path
) -> None:
    assert found.best is not None
    export_student(found, found.best, bench.config.folder, tmp_path / "student.safetensors")
    again = nas.evaluate(tmp_path / "student.safetensors", device="cpu")
    assert (again["fid"], again["fid_samples"]) == (found.best.rungs[-1].fid, 40)


def test_a_teacher_is_trained_from_images_as_its_task_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = f"train --space {TRANSLATOR.name} --data digits --batch-size 8 --images 32 --snapshot 16"
    asked = [*line.split(), "--fid-samples", "20", "-o", "teacher.safetensors"]
    assert "translator 12" in done(*asked, "--dry-run").stdout
    done(*asked)
    teacher = load_teacher(Path("teacher.safetensors"))
    assert teacher.family is TRANSLATOR
    assert teacher.discriminator is not None
    assert teacher.metadata["fid_samples"] == "20"
    again = nas.evaluate("teacher.safetensors", device="cpu")
    assert again["fid"] == pytest.approx(float(teacher.metadata["fid"]), abs=1e-4)
    assert "resuming after 32 images" in done(*asked, "--images", 64).stderr


@pytest.mark.parametrize("latents", [None, "z.npy"])
def test_images_are_not_drawn_without_the_data_to_translate(
    bench: Workbench, tmp_path: Path, latents: str | None
) -> None:
    file = None if latents is None else tmp_path / latents
    if file is not None:
        np.save(file, np.zeros((4, 1)))
    says = r"translates images: it needs image \(N, 1, 16, 16\) from data"
    with pytest.raises(ConfigError, match=says) as refused:
        draw(bench.config.teacher, latents=file)
    assert "\n" not in str(refused.value)
