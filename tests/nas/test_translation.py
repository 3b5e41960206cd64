"""Image translation goes the whole way: searched, measured, shown, exported, and a teacher trained."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

import nas
from distill.evaluation import image_grid
from distill.teachers import load_teacher
from nas.budget import Timing
from nas.checkpoints import export_student, latency, measure_study
from nas.config import SearchConfig
from nas.driver import introduction, prepare
from nas.reporting import SearchReport
from nas.study import StudyStore
from nas.workbench import Workbench
from search_spaces import Family, Generator, load_checkpoint
from tests.image_family import SIDE
from tests.nas.cli.teacher_command import done
from tests.nas.studies import finished_study
from tests.scripted import means_extractor
from tests.translation_family import DOMAINS, FACES, TranslatorArchitecture, registered, teacher_file
from tests.translation_images import domain_folders, side_by_side, two_domains

SMALL = TranslatorArchitecture(8)
FACE = TranslatorArchitecture(8, attributes=2)


@dataclass(frozen=True)
class Case:
    """A teacher, its images, and what is asked of them."""

    family: Family
    architecture: TranslatorArchitecture
    data: str  # how the images are made
    options: dict[str, Any]
    task: str
    described: str  # the data, after its name
    sets: tuple[int, int]  # evaluation sets, and images of each kind


CASES = {
    "unpaired": Case(
        DOMAINS, SMALL, "two", {}, "unpaired",
        "unpaired A2B (16 px, RGB): 54 and 54 images to train on; 6 to pick students, 8 to test", (1, 1),
    ),
    "unpaired, back": Case(
        DOMAINS, SMALL, "two", {"direction": "B2A"}, "unpaired", "unpaired B2A (16 px, RGB): 54", (1, 1),
    ),
    "paired": Case(
        DOMAINS, SMALL, "pairs", {"task": "paired", "direction": "B2A"}, "paired",
        "paired B2A (16 px, RGB): 49 pairs to train on; 5 to pick students, 6 to test", (1, 1),
    ),
    "attributes": Case(
        FACES, FACE, "folders", {"attributes": ("red", "blue")}, "attributes",
        "2 attributes (red, blue; 16 px, RGB): 49 images to train on; 5 to pick students, 6 to test", (2, 2),
    ),
}  # fmt: skip

MAKE = {"two": two_domains, "pairs": side_by_side, "folders": domain_folders}


@pytest.fixture(scope="module", autouse=True)
def families() -> Iterator[None]:
    with registered():
        yield


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture(scope="module")
def bench(case: Case, families: None, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    folder = tmp_path_factory.mktemp("translation")
    config = SearchConfig.of(
        budget_macs=60_000,
        teacher=teacher_file(folder / "teacher.safetensors", case.family, case.architecture, case.task),
        data=str(MAKE[case.data](folder / "data")),
        workdir=folder / "runs",
        study="translators",
        rungs=(32, 64),
        fid_samples=40,
        extractor=str(means_extractor(folder / "means.pt")),
        perceptual="none",
        teacher_cache_size=48,
        batch_size=16,
        trials=1,
        adversarial_start=0,
        adversarial_full=0,
        **case.options,
    )
    return prepare(config)


@pytest.fixture(scope="module")
def found(bench: Workbench) -> SearchReport:
    bench.config.workdir.mkdir(exist_ok=True)
    return finished_study(bench, bench.config.workdir, (1,))


def test_the_search_says_what_it_trains_on_picks_and_tests_with(bench: Workbench, case: Case) -> None:
    (line,) = [line for line in introduction(bench) if line.startswith("Data:")]
    assert case.described in line
    assert bench.task.name == case.task


def test_a_trial_is_trained_and_its_distance_is_the_mean_over_the_sets(
    found: SearchReport, bench: Workbench, case: Case
) -> None:
    assert found.best is not None
    last = found.best.rungs[-1]
    assert {"g_adversarial", "g_pixel", "d_adversarial"} <= set(last.losses)
    sets = bench.task.eval_sets()
    assert len(sets) == case.sets[0]
    student = load_student(found, bench)
    each = [
        type(bench.fidelity)([one], bench.config.extractor).fid(student, 40, last.fid_seed).value
        for one in sets
    ]
    assert last.fid == pytest.approx(sum(each) / len(each), rel=1e-4)


def load_student(found: SearchReport, bench: Workbench) -> Any:
    path = bench.config.workdir / "student.safetensors"
    assert found.best is not None
    if not path.exists():
        export_student(found, found.best, bench.config.folder, path)
    return nas.load_student(path)


def test_a_training_resumes_to_the_bit(bench: Workbench) -> None:
    whole, half, rest = (bench.trainer(bench.student(bench.space.smallest())) for _ in range(3))
    whole.train(64)
    half.train(32)
    rest.load_state_dict(copy.deepcopy(half.state_dict()))
    rest.train(64)
    pairs = zip(whole.ema.parameters(), rest.ema.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    assert whole.losses == rest.losses


def test_the_files_that_other_nodes_fetch_are_there_before_any_training(
    bench: Workbench, tmp_path: Path
) -> None:
    config = bench.config.model_copy(update={"workdir": tmp_path})
    files = Workbench(config).cached_files()
    assert any(path.suffix == ".npy" for path in files)
    assert all(path.is_relative_to(config.cache) for path in files)


def test_the_cache_holds_no_images_but_the_teachers(bench: Workbench) -> None:
    cache = bench.teacher_cache
    assert all(array.ndim == 1 and array.dtype.kind == "i" for array in cache.arrays)
    batch = cache.batch(torch.tensor([5, 0]))
    with torch.no_grad():
        made = bench.teacher.generator(*batch.inputs)
    assert batch.teacher is not None
    assert (batch.teacher - made).abs().max() < 0.01


def test_the_grid_has_a_row_for_each_input_and_the_columns_of_its_task(
    found: SearchReport, bench: Workbench, case: Case
) -> None:
    shown, given = bench.preview, bench.preview.given
    assert shown.teacher is not None
    with torch.no_grad():
        made = bench.teacher.generator(*shown.inputs)
    assert (shown.teacher - made).abs().max() < 0.01, "as eight bits in the cache"
    if case.task == "attributes":
        columns = [given["input"], shown.teacher[0::2], shown.teacher[1::2]]
        assert torch.equal(shown.inputs[1][:2], torch.eye(2))
    else:
        columns = [given["input"], shown.teacher]
    known = [image_grid(images, 1) for images in columns]
    width, height = known[0].size
    with Image.open(bench.config.folder / "trials" / "0000" / "samples.png") as picture:
        targets = case.task == "paired"
        assert picture.width == (3 + targets) * width, "input, teacher, student, target; or input, domains"
        panels = 2 if case.task == "attributes" else 1  # of the teacher and of the student
        rows = [y for y in range(picture.height - height + 1)
                if picture.crop((0, y, width, y + height)).tobytes() == known[0].tobytes()]  # fmt: skip
        assert len(rows) == panels, "the inputs, once in each panel"
        top = rows[0]
        for i, expected in enumerate(known):
            column = picture.crop((i * width, top, (i + 1) * width, top + height))
            assert column.tobytes() == expected.tobytes()
        if targets:
            column = picture.crop((3 * width, top, 4 * width, top + height))
            assert column.tobytes() == image_grid(given["target"], 1).tobytes()


def test_a_teacher_of_another_size_is_timed_at_the_size_of_its_students(
    found: SearchReport, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed: list[tuple[int, ...]] = []

    class Noting:
        name = "nowhere, 1 thread"

        def timing(self, generator: Generator) -> Timing:
            timed.append(generator.image_shape)
            return Timing(1.0, 1.0, 1.0, 1)

    read = load_teacher

    def of_twice_the_side(path: Path) -> Any:
        loaded, shape = read(path), (3, 2 * SIDE, 2 * SIDE)
        turned = SimpleNamespace(image_shape=shape, at_resolution=loaded.generator.at_resolution)
        return SimpleNamespace(generator=turned, digest=loaded.digest)

    monkeypatch.setattr(latency, "make_stopwatch", lambda name, option: Noting())
    monkeypatch.setattr(latency, "load_teacher", of_twice_the_side)
    with StudyStore.open(bench.config.storage_url, bench.config.study, create=False) as store:
        measure_study(store, found, ["nowhere"], pytest.fail)
    assert {shape[-2:] for shape in timed} == {(SIDE, SIDE)}
    assert len(timed) >= 2


def test_an_exported_student_repeats_its_distance_without_being_told_the_task(
    found: SearchReport, bench: Workbench, case: Case
) -> None:
    load_student(found, bench)
    path = bench.config.workdir / "student.safetensors"
    noted = load_checkpoint(path).metadata
    assert noted.get("direction", "A2B") == case.options.get("direction", "A2B")
    again = nas.evaluate(path, device="cpu")
    assert found.best is not None
    assert again["fid"] == found.best.rungs[-1].fid
    assert again["held_out"]["fid"]["samples"] == len(
        next(iter(bench.task.held_out_sets()[0].inputs(99, 0, 99)))[0]
    )


def test_another_direction_is_another_search(bench: Workbench) -> None:
    other = "A2B" if bench.config.direction == "B2A" else "B2A"
    if bench.task.name == "attributes":
        return
    turned = Workbench(bench.config.model_copy(update={"direction": other}))
    assert turned.identity["data"] != bench.identity["data"]
    assert turned.identity["direction"] != bench.identity["direction"]


@pytest.mark.parametrize("name", ["unpaired, back", "paired", "attributes"])
def test_a_teacher_is_trained_resumed_and_measured_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    case = CASES[name]
    MAKE[case.data](Path("data"))
    means_extractor(Path("means.pt"))
    line = f"train --space {case.family.name} --data data --resolution 16 --batch-size 8 --images 32"
    asked = [
        *line.split(),
        "--snapshot",
        "16",
        "--fid-samples",
        "20",
        "--extractor",
        "means.pt",
        "-o",
        "teacher.safetensors",
        "--keep-snapshots",
    ]
    for option in ("task", "direction"):
        asked += [f"--{option}", case.options[option]] if option in case.options else []
    asked += ["--attributes", "red,blue"] if case.task == "attributes" else []
    assert "to pick students" in done(*asked, "--dry-run").stdout
    done(*asked)
    teacher = load_teacher(Path("teacher.safetensors"))
    assert teacher.metadata["task"] == case.task
    assert teacher.discriminator is not None
    assert teacher.discriminator.takes_input_image == (case.task == "paired")
    again = nas.evaluate("teacher.safetensors", device="cpu")
    assert again["fid"] == pytest.approx(float(teacher.metadata["fid"]), abs=1e-4)
    at_its_side = nas.evaluate("teacher.safetensors", device="cpu", resolution=16)
    assert at_its_side["fid"] == again["fid"]
    assert again["held_out"], "its training left a test split"
    told = SearchConfig.of(budget_macs=60_000, teacher="teacher.safetensors", data="data", perceptual="none",
                           direction=case.options.get("direction", "A2B"))  # fmt: skip
    config = Workbench(told.named("teacher")).config
    assert (config.task, config.attributes) == (case.task, case.options.get("attributes", ()))
    kept = sorted(path.name for path in Path("teacher.training").glob("*.safetensors"))
    assert kept == ["teacher-000000016.safetensors", "teacher-000000032.safetensors"]
    assert "resuming after 32 images" in done(*asked, "--images", 64).stderr
