"""Image translation goes the whole way: searched, measured, shown, exported, and a teacher trained."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import nas
from distill.evaluation import image_grid
from distill.evaluation.grids import CAPTION
from distill.teachers import load_teacher
from nas.checkpoints import export_student
from nas.config import SearchConfig
from nas.driver import introduction, prepare
from nas.errors import ConfigError
from nas.execution.candidate import COLUMNS, GRID
from nas.reporting import SearchReport
from nas.workbench import Workbench
from search_spaces import Family, load_checkpoint
from tests.nas.cli.command_line import refused, run, written
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

BRIEF = (
    "nas-search",
    "--budget-macs",
    "60k",
    "--batch-size",
    16,
    "--extractor",
    "means.pt",
    "--perceptual",
    "none",
)
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


def test_the_cache_holds_no_images_but_the_teachers(bench: Workbench) -> None:
    cache = bench.teacher_cache
    assert all(array.ndim == 1 and array.dtype.kind == "i" for array in cache.arrays)
    batch = cache.batch(torch.tensor([5, 0]))
    with torch.no_grad():
        made = bench.teacher.generator(*batch.inputs)
    assert batch.teacher is not None
    assert (batch.teacher - made).abs().max() < 0.01


def test_the_grid_shows_inputs_and_targets_above_teacher_and_student(
    found: SearchReport, bench: Workbench, case: Case
) -> None:
    cache = bench.teacher_cache
    shown = cache.batch(bench.task.preview(cache.batch(torch.arange(len(cache))).inputs, GRID, COLUMNS))
    rows = [shown.inputs[0], *([shown.target] if case.task == "paired" else []), shown.teacher]
    known = [image_grid(images, COLUMNS) for images in rows if images is not None]
    height = CAPTION + known[0].height
    with Image.open(bench.config.folder / "trials" / "0000" / "samples.png") as picture:
        assert picture.height == (len(rows) + 1) * height
        for i, expected in enumerate(known):
            band = picture.crop((0, i * height + CAPTION, picture.width, (i + 1) * height))
            assert band.tobytes() == expected.tobytes()


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
    assert again["held_out"], "its training left a test split"
    told = SearchConfig.of(budget_macs=60_000, teacher="teacher.safetensors", data="data", perceptual="none",
                           direction=case.options.get("direction", "A2B"))  # fmt: skip
    config = Workbench(told.named("teacher")).config
    assert (config.task, config.attributes) == (case.task, case.options.get("attributes", ()))
    assert "resuming after 32 images" in done(*asked, "--images", 64).stderr


@pytest.mark.parametrize(
    ("noted", "asked", "says"),
    [
        (
            {"direction": "B2A"},
            {},
            "--direction A2B: pairs was trained for B2A: give --direction B2A",
        ),
        ({"task": "unpaired"}, {"task": "paired"}, "--task paired: pairs was trained for unpaired"),
        ({"attributes": "a,b"}, {"attributes": "b,a"}, "--attributes b,a: pairs was trained for a,b"),
    ],
)
def test_a_teacher_of_another_task_or_order_is_refused(
    tmp_path: Path, noted: dict[str, str], asked: dict[str, str], says: str
) -> None:
    path = teacher_file(tmp_path / "pairs.safetensors", DOMAINS, SMALL, noted=noted)
    config = SearchConfig.of(budget_macs=60_000, teacher=path, data="data", perceptual="none", **asked)
    with pytest.raises(ConfigError, match=says):
        Workbench(config.named("pairs"))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Teachers of both families, of noise and of pairs, and images of every kind."""
    monkeypatch.chdir(tmp_path)
    teacher_file(tmp_path / "domains.safetensors", DOMAINS, SMALL)
    teacher_file(tmp_path / "pairs.safetensors", DOMAINS, SMALL, "paired")
    teacher_file(tmp_path / "faces.safetensors", FACES, FACE)
    two_domains(tmp_path / "two")
    two_domains(tmp_path / "uneven", test=0)
    (tmp_path / "uneven" / "trainA" / "000.png").rename(tmp_path / "uneven" / "trainA" / "lonely.png")
    domain_folders(tmp_path / "folders")
    means_extractor(tmp_path / "means.pt")
    return tmp_path


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    ("teacher", "asked", "says"),
    [
        ("domains", "--data uneven --task paired", "no partner … train/lonely"),
        ("domains", "--data folders", "has no images in trainA/ and trainB/"),
        ("domains", "--data digits", "digits has images of one domain, for noise"),
        (
            "domains",
            "",
            "domains generators take images, which samples of the teacher can't replace: give the",
        ),
        (
            "domains",
            "--data two --task noise",
            "--task noise: domains generators are for unpaired and paired",
        ),
        (
            "domains",
            "--data two --task paired",
            "judges images by themselves: give another --task, or a teacher",
        ),
        (
            "pairs",
            "--data two",
            "judges images beside their inputs: give another --task, or a teacher without",
        ),
        (
            "domains",
            "--data two --recipe dgl-gan",
            "--recipe dgl-gan is for noise, and domains students are for",
        ),
        ("domains", "--data two --attributes a", "--attributes a: --task unpaired has two domains"),
        ("domains", "--data two --direction left", "--direction left: give a value that is 'A2B' or 'B2A'"),
        ("faces", "--data folders --attributes red,green", "--attributes green: folders has no such folder"),
        (
            "faces",
            "--data folders --attributes red",
            "all images have the attribute red, so there is nothing to",
        ),
        ("faces", "--data two/trainA", "has neither folders of two domains nor a table of attributes"),
        (
            "tiny",
            "--data two",
            "has trainA/ and trainB/, for image translation, and the generator takes noise",
        ),
        ("tiny", "--data digits --direction B2A", "the generator takes noise, not images: leave it out"),
        (
            "tiny",
            "--data digits --task unpaired",
            "--task unpaired: stylegan2 generators are for noise: give",
        ),
    ],
)
def test_what_can_not_be_searched_is_refused_and_nothing_is_written(
    files: Path, teacher_file: Path, teacher: str, asked: str, says: str, dry_run: bool
) -> None:
    if teacher == "domains" and "paired" in asked and "uneven" in asked:
        teacher = "pairs"
    path = teacher_file if teacher == "tiny" else files / f"{teacher}.safetensors"
    refused(says, *BRIEF, "--teacher", path, *asked.split(), *(["--dry-run"] if dry_run else []))


def test_a_dry_run_shows_the_splits_and_writes_nothing(files: Path) -> None:
    before = written(files)
    shown = run(*BRIEF, "--dry-run", "--teacher", "faces.safetensors", "--data", "folders", "--json")
    assert shown.exit_code == 0, shown.stderr
    assert any("images to train on" in note for note in json.loads(shown.stdout)["notes"])
    assert written(files) == before
