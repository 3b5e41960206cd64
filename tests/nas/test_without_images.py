"""A teacher without images: students learn from its samples, and are compared with others of them."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from distill.data import TEACHER
from distill.evaluation import Fidelity
from distill.storage import mapped_tensor
from distill.tasks import NoiseTask
from nas.checkpoints import evaluate, export_student
from nas.config import SearchConfig, conditions, read_toml
from nas.dashboard.note import note
from nas.driver import introduction, prepare, preview_search
from nas.errors import ConfigError
from nas.reporting import SearchReport, render, render_finalists, trial_reports
from nas.study import StudyStore
from nas.trials import final_config
from nas.workbench import Workbench, warm_start_architectures
from search_spaces import Checkpoint, get_family, load_checkpoint, save_checkpoint
from tests.nas.checkpoints.test_export import LOAD
from tests.nas.cli.command_line import result_of, run
from tests.nas.studies import BRIEF, finished_study, prepared
from tests.nas.test_resume import PATIENCE, count, wait_for

SAMPLES = 250  # of which 50 are held out
HELD_OUT = "50 held-out samples of the teacher"
OF = {"teacher_samples": SAMPLES, "extractor": "digits", "rungs": (64, 128), "study": "alone"}


@pytest.fixture(scope="module")
def bench(teacher_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    workdir = tmp_path_factory.mktemp("alone") / "runs"
    return prepared(workdir, teacher=teacher_file, **OF)


@pytest.fixture(scope="module")
def found(bench: Workbench) -> SearchReport:
    return finished_study(bench, bench.config.workdir, (1, 1))


def text(shown: Any) -> str:
    console = Console(file=io.StringIO(), width=400)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


# The request


def test_a_teacher_without_data_is_distilled_from_its_own_samples() -> None:
    config = SearchConfig.of(budget_macs=5_000_000_000, teacher="ffhq.pkl")
    assert (config.data, config.teacher_samples) == (TEACHER, 50_000)
    assert config == SearchConfig.of(budget_macs=5_000_000_000, teacher="ffhq.pkl", data=TEACHER)
    assert config.named("ffhq").study == "ffhq-teacher-5Gmacs"
    fewer = SearchConfig.of(budget_macs=5_000_000_000, teacher="ffhq.pkl", teacher_samples="20k")
    assert conditions(fewer) != conditions(config)


def test_the_built_in_teacher_can_teach_by_its_samples_and_keeps_the_defaults_of_the_digits() -> None:
    config = SearchConfig.of(budget_macs=2_000_000, data=TEACHER)
    digits = SearchConfig.of(budget_macs=2_000_000)
    assert config == digits.model_copy(update={"data": TEACHER, "teacher_samples": 50_000})
    assert digits.teacher_samples is None
    assert config.named("digits").study != digits.named("digits").study


def test_a_saved_configuration_says_what_the_data_are_and_gives_the_same_search(bench: Workbench) -> None:
    config = bench.config.model_copy(update={"study": "saved"})
    config.folder.mkdir(parents=True)
    saved = read_toml(config.save(), SearchConfig)
    assert (saved["data"], saved["teacher_samples"]) == (TEACHER, SAMPLES)
    assert SearchConfig.of(**saved) == config


def test_finalists_are_trained_on_the_same_samples(bench: Workbench) -> None:
    final = final_config(bench.config, 1, seeds=1, images=None)
    assert (final.data, final.teacher_samples) == (TEACHER, SAMPLES)
    identity = Workbench(final).identity
    assert identity["data"] == bench.identity["data"]


# What a person reads before


def test_samples_are_introduced_as_what_they_are_and_made_by_a_worker(
    teacher_file: Path, tmp_path: Path
) -> None:
    config = SearchConfig.of(**BRIEF, **OF, teacher=teacher_file, workdir=tmp_path / "runs")
    for dry_run in (True, False):
        lines = introduction(prepare(config, dry_run=dry_run))
        (line,) = (line for line in lines if line.startswith("Data:"))
        assert line.startswith("Data: 250 samples of the teacher: no real images were given (16 px, grey")
        assert line.endswith(f"distances are to {HELD_OUT}")
        assert not (tmp_path / "runs").exists()


# The search


def test_the_discriminator_never_sees_what_fids_are_measured_against(bench: Workbench) -> None:
    task = bench.task
    assert isinstance(task, NoiseTask)
    assert task.held_out is not None
    assert (len(task.images), len(task.held_out)) == (200, 50)
    shown = {image.numpy().tobytes() for image in task.images.images}
    assert shown.isdisjoint({image.numpy().tobytes() for image in task.held_out.images})
    assert [one.reference for one in task.eval_sets()] == [task.held_out]


def test_the_teachers_fid_is_the_distance_of_two_sets_of_its_samples(bench: Workbench) -> None:
    score = bench.teacher_score()
    assert (score.samples, score.real) == (50, 50)
    cached = mapped_tensor(bench.teacher_cache.images[:50])
    assert score.value == Fidelity(bench.task.eval_sets(), "digits").fid_of_images(cached).value > 0


def test_the_identity_of_a_study_has_the_samples_in_it(bench: Workbench, teacher_file: Path) -> None:
    assert bench.identity["data"] == bench.task.digest
    more = Workbench(bench.config.model_copy(update={"teacher_samples": 300}))
    assert more.identity["data"] != bench.identity["data"]
    again = prepare(bench.config, dry_run=True)
    assert again.identity == bench.identity


def test_all_results_say_that_distances_are_to_samples_of_the_teacher(
    bench: Workbench, found: SearchReport, tmp_path: Path
) -> None:
    says = f"No real images were given: all distances are to {HELD_OUT}."
    assert found.compared_with == HELD_OUT
    assert found.data == {"name": TEACHER, "digest": bench.task.digest, "samples": str(SAMPLES)}
    assert says in text(render(found))
    assert says in text(render_finalists(found))
    with StudyStore.open(bench.config.storage_url, "alone", create=False) as store:
        assert says in note(store, trial_reports(store), None)
    result = run("nas-export", "--best", "-o", tmp_path / "best.safetensors", "--study", "alone",
                 "--workdir", bench.config.workdir)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert says in result.stdout
    result = run("nas-evaluate", tmp_path / "best.safetensors")
    assert result.exit_code == 0, result.output
    assert f"against {HELD_OUT}" in " ".join(result.stdout.split())


def test_real_images_are_called_so(finished: SearchReport) -> None:
    assert finished.compared_with == "real images"
    assert "samples" not in finished.data
    assert "No real images" not in text(render(finished))


def exported(found: SearchReport, output: Path) -> dict[str, str]:
    assert found.best is not None
    return export_student(found, found.best, Path(found.folder), output).metadata


def test_measuring_an_exported_student_repeats_the_studys_fid_from_the_teacher_that_it_notes(
    found: SearchReport, teacher_file: Path, tmp_path: Path
) -> None:
    student = tmp_path / "student.safetensors"
    metadata = exported(found, student)
    assert metadata["compared_with"] == HELD_OUT
    assert (metadata["data"], metadata["teacher_samples"]) == (TEACHER, str(SAMPLES))
    assert metadata["teacher_path"] == str(teacher_file)
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):
        measured = evaluate(student, cache=cache)
        assert measured["fid"] == pytest.approx(float(metadata["fid"]), abs=1e-3)
        assert (measured["data"], measured["compared_with"]) == (TEACHER, HELD_OUT)


def test_a_teacher_that_moved_or_changed_is_given_again(
    found: SearchReport, teacher_file: Path, tmp_path: Path
) -> None:
    student = tmp_path / "student.safetensors"
    metadata = exported(found, student)
    generator = load_checkpoint(student).generator

    def noting(**changes: str) -> Path:
        save_checkpoint(Checkpoint("stylegan2", generator, None, metadata | changes), student)
        return student

    with pytest.raises(
        ConfigError, match=r"gone\.pkl is not a file: give the teacher by --teacher, or images"
    ):
        evaluate(noting(teacher_path="gone.pkl"))
    assert evaluate(noting(teacher_path="gone.pkl"), teacher=teacher_file)["compared_with"] == HELD_OUT
    other = evaluate(noting(teacher_digest="0" * 16), teacher=teacher_file)
    assert other["compared_with"] == f"{HELD_OUT} tiny"
    assert f"is not the teacher that {student} was distilled from" in other["notes"][0]
    assert not any("is not the teacher" in note for note in evaluate(noting())["notes"])
    with pytest.raises(ConfigError, match=r"tiny\.safetensors has changed since .*: give --teacher"):
        evaluate(noting(data_digest="0" * 16))
    with pytest.raises(ConfigError, match="leave it out with --data digits, or give --data teacher"):
        evaluate(noting(), data="digits", teacher=teacher_file)
    assert evaluate(noting(), data="digits", fid_samples=50)["compared_with"] == "real images"


def test_any_checkpoint_can_be_measured_against_samples_of_a_teacher(
    teacher_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        ConfigError, match="does not note a teacher: give the teacher by --teacher, or images"
    ):
        evaluate(teacher_file, data=TEACHER)
    generator = load_checkpoint(teacher_file).generator
    noted = tmp_path / "noted.safetensors"
    save_checkpoint(Checkpoint("stylegan2", generator, None, {"teacher_samples": "250"}), noted)
    found = evaluate(noted, teacher=teacher_file, extractor="digits", fid_samples=50)
    assert (found["data"], found["compared_with"]) == (TEACHER, HELD_OUT)


def test_another_search_starts_from_the_front_of_one_without_images(
    bench: Workbench, found: SearchReport
) -> None:
    config = bench.config.model_copy(update={"study": "warm", "warm_start": "alone", "trials": 5})
    warm = prepare(config, dry_run=True)
    preview = preview_search(warm, warm_start_architectures(warm.warm_start, warm))
    assert {given.summary for given in preview.warm_start} == {trial.summary for trial in found.front}


# The whole way


@pytest.mark.slow
def test_a_search_without_images_is_killed_resumed_and_exported(
    commands: Any, teacher_file: Path, tmp_path: Path
) -> None:
    flags = "--budget-macs 100k --rungs 320,640,1280 --fid-samples 50 --teacher-cache-size 64 --batch-size 32"
    more = f"--teacher-samples {SAMPLES} --extractor digits --trials 2 --replicates 0 --workers 1 --json"
    command = ("nas-search", "--teacher", teacher_file, *flags.split(), *more.split())
    folder = tmp_path / "nas-runs" / "tiny-teacher-100kmacs"
    killed = commands.start(*command)
    wait_for(lambda: count(folder / "study.db", "nas_rungs") >= 1, killed)
    commands.kill_all()
    _, err = killed.communicate(timeout=PATIENCE)
    assert killed.returncode == -signal.SIGKILL
    assert f"Data: {SAMPLES} samples of the teacher: no real images were given" in err
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "nas-runs" / "cache").rglob("images.npy")}
    assert len(made) == 3, "the teacher cache and two parts of samples"

    done = commands.run(*command, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    found = result_of(done.stdout)
    assert len(found["trials"]) == 2
    assert {trial["state"] for trial in found["trials"]} <= {"COMPLETE", "PRUNED"}
    assert found["compared_with"] == HELD_OUT
    assert {path: path.stat().st_mtime_ns for path in made} == made, "nothing is made twice"

    student = tmp_path / "student.safetensors"
    assert commands.run("nas-export", "--best", "-o", student).returncode == 0
    subprocess.run(
        [sys.executable, "-c", LOAD, student, tmp_path / "images.npy"], check=True, timeout=PATIENCE
    )
    family = get_family("stylegan2")
    ema = family.build(family.architecture.from_json(found["best"]["architecture"])).eval()
    state = torch.load(folder / found["best"]["rungs"][-1]["checkpoint"], weights_only=True)
    ema.load_state_dict(state["trainer"]["ema"])
    torch.manual_seed(5)
    with torch.no_grad():
        wanted = ema(*ema.example_inputs(16, 4)).numpy()
    assert np.array_equal(np.load(tmp_path / "images.npy"), wanted)
    measured = commands.run("nas-evaluate", student, "--json", timeout=PATIENCE)
    assert json.loads(measured.stdout)["fid"] == pytest.approx(found["best"]["fid"], abs=1e-3)
