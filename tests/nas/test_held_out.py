"""Finalists are compared with real images that no training saw, and shown beside those that it did."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from nas.checkpoints import evaluate, export_student
from nas.driver import prepare, record_facts
from nas.execution import Candidate, StudyRecorder
from nas.reporting import SearchReport, read_report, render_finalists
from nas.study import StudyStore
from nas.trials import Finalists, choose_finalists, final_config
from nas.workbench import Workbench
from search_spaces import load_checkpoint
from tests.nas.cli.command_line import refused
from tests.nas.studies import finished_study, prepared

SCORES = {"fid", "kid", "precision", "recall"}


@pytest.fixture(scope="module")
def bench(teacher_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    workdir = tmp_path_factory.mktemp("split") / "runs"
    of = {"teacher": teacher_file, "data": "digits", "held_out": 0.5, "rungs": (32, 64), "study": "split"}
    return prepared(workdir, **of)


@pytest.fixture(scope="module")
def search(bench: Workbench) -> SearchReport:
    return finished_study(bench, bench.config.workdir, (1, 1))


@pytest.fixture(scope="module")
def final(bench: Workbench, search: SearchReport) -> SearchReport:
    """One finalist from two seeds, trained in this process."""
    config = final_config(bench.config, 1, seeds=2, images=128)
    bench = prepare(config, proposes=False)
    config.folder.mkdir()
    utilisation = config.budget.utilisation(bench.space)
    with (
        StudyStore.open(search.storage, search.study) as searched,
        StudyStore.open(config.storage_url, config.study, identity=bench.identity) as store,
    ):
        record_facts(store, bench, bench.teacher_score(), bench.precision)
        chosen = choose_finalists(searched, 1)
        source = Finalists(store, bench.space, utilisation, config, finalists=chosen)
        recorder = StudyRecorder(store, config.folder, len(config.rungs))
        while (proposal := source.next()) is not None:
            candidate = Candidate(bench, proposal)
            recorder.record(proposal.trial, candidate.run(0))
            recorder.finish(proposal.trial, candidate.run(len(config.rungs) - 1))
            assert Candidate(bench, proposal).run(2) == candidate.run(2), "a checkpoint keeps the scores"
        return read_report(store)


def text(shown: Any) -> str:
    console = Console(file=io.StringIO(), width=400)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_rungs_are_measured_against_the_training_half(bench: Workbench, search: SearchReport) -> None:
    assert (len(bench.task.images), len(bench.task.held_out_sets()[0].reference)) == (899, 898)
    assert bench.fidelity.fid(bench.student(bench.space.smallest()), 50, 0).real == 899
    assert all(trial.held_out == {} and trial.nearest is None for trial in search.trials)


def test_every_run_of_a_finalist_has_its_scores_on_held_out_images(final: SearchReport) -> None:
    assert [trial.replicate_of for trial in final.trials] == [None, 0]
    assert all(set(trial.held_out) == SCORES for trial in final.trials)
    assert all(trial.held_out["fid"] != trial.fid for trial in final.trials)
    assert all(0 <= trial.held_out[name] <= 1 for trial in final.trials for name in ("precision", "recall"))


def test_the_finalists_table_shows_both_distances_and_names_the_picture(final: SearchReport) -> None:
    shown = text(render_finalists(final))
    names = ("Against held-out images", "KID", "precision", "recall")
    assert all(name in shown for name in names)
    median = sum(trial.held_out["fid"] for trial in final.trials) / 2
    assert f"{median:.2f}" in shown
    assert final.best is not None
    assert (
        f"Its samples beside their nearest training images: {final.folder}/trials/0000/nearest.png" in shown
    )


def test_the_picture_has_samples_and_their_three_nearest_training_images(final: SearchReport) -> None:
    for trial in final.trials:
        assert trial.nearest == f"trials/{trial.number:04d}/nearest.png"
        with Image.open(Path(final.folder) / trial.nearest) as picture:
            assert picture.height > 4 * 64


def test_an_exported_finalist_notes_both_and_its_evaluation_repeats_them(
    final: SearchReport, tmp_path: Path
) -> None:
    assert final.best is not None
    file = tmp_path / "student.safetensors"
    export_student(final, final.best, Path(final.folder), file)
    noted = load_checkpoint(file).metadata
    assert noted["held_out"] == "0.5"
    found = evaluate(file, metrics=["fid", "kid", "prc"])
    assert found["fid"] == final.best.fid
    scores = {name: value for each in found["held_out"].values() for name, value in each["values"].items()}
    assert {name: scores[name] for name in SCORES} == final.best.held_out
    assert all(float(noted[f"held_out_{name}"]) == scores[name] for name in SCORES)
    assert (found["metrics"]["fid"]["real"], found["held_out"]["fid"]["real"]) == (899, 898)
    assert evaluate(file, data="digits")["fid"] == final.best.fid, "the same images, named by the user"


def test_too_few_held_out_or_training_images_are_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    says = "--held-out 0.001 of --data digits is 2 images, and precision and recall need at least 4"
    refused(says, "nas-search", "--budget-macs", "1M", "--held-out", 0.001)
    says = "1 image to train on beside the held-out ones, … give more images, or a smaller --held-out"
    refused(says, "nas-search", "--budget-macs", "1M", "--held-out", 0.9995)
