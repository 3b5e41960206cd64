"""A student leaves the study as one file, and comes back to the bit."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import nas
from nas.budget import format_quantity
from nas.checkpoints import better_seed, choose, evaluate, export_student
from nas.errors import ExportError, StudyError
from nas.reporting import SearchReport, TrialReport
from search_spaces import get_family, load_checkpoint

LOAD = """
import sys, numpy, torch, nas
student = nas.load_student(sys.argv[1])
torch.manual_seed(5)
numpy.save(sys.argv[2], student(*student.example_inputs(16, 4)).numpy())
"""


@pytest.fixture
def best(finished: SearchReport) -> TrialReport:
    assert finished.best is not None
    return finished.best


def folder(found: SearchReport) -> Path:
    return Path(found.folder)


def test_the_exported_student_makes_the_trials_images_to_the_bit_in_a_fresh_process(
    finished: SearchReport, best: TrialReport, tmp_path: Path
) -> None:
    exported = tmp_path / "deep" / "student.safetensors"
    export_student(finished, best, folder(finished), exported)
    subprocess.run([sys.executable, "-c", LOAD, exported, tmp_path / "images.npy"], check=True, timeout=120)

    family = get_family("stylegan2")
    ema = family.build(family.architecture.from_json(best.architecture)).eval()
    state = torch.load(folder(finished) / best.rungs[-1].checkpoint, weights_only=True)
    ema.load_state_dict(state["trainer"]["ema"])
    torch.manual_seed(5)
    with torch.no_grad():
        wanted = ema(*ema.example_inputs(16, 4))
    images = np.load(tmp_path / "images.npy")
    assert np.isfinite(images).all()
    assert np.array_equal(images, wanted.numpy())


def test_the_file_says_where_it_comes_from_and_how_it_was_measured(
    finished: SearchReport, best: TrialReport, tmp_path: Path
) -> None:
    metadata = export_student(finished, best, folder(finished), tmp_path / "student.safetensors").metadata
    loaded = load_checkpoint(tmp_path / "student.safetensors")
    assert loaded.metadata == metadata
    assert float(metadata["fid"]) == best.fid
    assert (metadata["fid_samples"], metadata["fid_extractor"]) == ("50", "digits")
    assert metadata["fid_extractor_digest"] == best.rungs[-1].fid_extractor_digest
    assert (metadata["study"], metadata["trial"], metadata["teacher"]) == ("tiny", str(best.number), "tiny")
    assert (metadata["macs"], metadata["params"]) == (str(best.macs), str(best.params))
    assert metadata["counter"] == "fvcore, batch 1"
    assert (
        loaded.generator.architecture.to_json()
        == type(loaded.generator.architecture).from_json(best.architecture).to_json()
    )


def test_measuring_the_file_repeats_the_studys_fid(
    finished: SearchReport, best: TrialReport, tmp_path: Path
) -> None:
    export_student(finished, best, folder(finished), tmp_path / "student.safetensors")
    found = evaluate(tmp_path / "student.safetensors")
    assert found["fid"] == pytest.approx(best.fid, abs=1e-3)
    assert (found["macs"], found["params"]) == (best.macs, best.params)


def test_the_best_a_trial_or_the_best_below_a_limit_is_chosen(
    finished: SearchReport, best: TrialReport
) -> None:
    assert choose(finished) == best
    assert choose(finished, trial=finished.trials[2].number) == finished.trials[2]
    cheaper = min(finished.trials[:2], key=lambda trial: trial.macs or 0)
    assert choose(finished, max_macs=cheaper.macs) == cheaper


def test_of_a_replicated_best_the_trial_that_the_report_names_is_exported_with_its_own_fid(
    replicated: SearchReport, tmp_path: Path
) -> None:
    first = replicated.trials[0]
    others = [t for t in replicated.trials if t.summary == first.summary]
    found = replicated.model_copy(update={"trials": others})
    assert len(first.fids) == 3
    chosen = choose(found)
    assert chosen == first
    metadata = export_student(found, chosen, folder(found), tmp_path / "student.safetensors").metadata
    assert float(metadata["fid"]) == first.fid == first.fids[0]
    assert (metadata["trial"], metadata["name"]) == ("0", "tiny-trial-0")


def test_the_seed_of_the_lowest_distance_is_named_for_every_training_of_the_architecture(
    replicated: SearchReport,
) -> None:
    first = replicated.trials[0]
    runs = [t for t in replicated.trials if first.number in (t.number, t.replicate_of)]
    lowest = min(runs, key=lambda t: t.fid or 0)
    for run in runs:
        assert better_seed(replicated, run) == (None if run == lowest else lowest)
    single = next(t for t in replicated.trials if t.fids and len(t.fids) == 1)
    assert better_seed(replicated, single) is None


def test_a_file_that_exists_is_replaced_by_force_only(
    finished: SearchReport, best: TrialReport, tmp_path: Path
) -> None:
    output = tmp_path / "student.safetensors"
    output.write_bytes(b"mine")
    with pytest.raises(ExportError, match=r"student\.safetensors exists: .*--force"):
        export_student(finished, best, folder(finished), output)
    with pytest.raises(ExportError, match="exists"):
        nas.export(finished, str(output))
    assert output.read_bytes() == b"mine"
    nas.export(finished, str(output), force=True)
    assert nas.load_student(str(output)).image_shape == (1, 16, 16)


def test_below_a_limit_medians_decide_which_architecture_is_best(replicated: SearchReport) -> None:
    known = [t for t in replicated.trials if t.fids]
    cheapest = min(known, key=lambda t: t.macs or 0)
    chosen = choose(replicated, max_macs=cheapest.macs)
    assert cheapest.number in (chosen.number, chosen.replicate_of)


def test_what_can_not_be_chosen_is_answered_with_what_can(finished: SearchReport) -> None:
    cheapest = min(trial.macs or 0 for trial in finished.trials[:2])
    with pytest.raises(ExportError, match=f"--max-macs .* the cheapest complete trial takes .*{cheapest}"):
        choose(finished, max_macs=cheapest - 1)
    with pytest.raises(ExportError, match=rf"--max-macs 1: .* takes {format_quantity(cheapest)} MACs; give"):
        choose(finished, max_macs=1)
    with pytest.raises(StudyError, match="no trial 999: see its trials with nas-report --trials"):
        choose(finished, trial=999)
    with pytest.raises(ExportError, match="has no complete trial yet"):
        choose(finished.model_copy(update={"trials": finished.trials[2:]}))


def test_a_trial_without_a_checkpoint_is_refused_and_nothing_written(
    finished: SearchReport, best: TrialReport, tmp_path: Path
) -> None:
    output = tmp_path / "out" / "student.safetensors"
    with pytest.raises(ExportError, match=f"trial {finished.trials[3].number} .* has passed no rung"):
        export_student(finished, finished.trials[3], folder(finished), output)
    with pytest.raises(ExportError, match="is gone"):
        export_student(finished, best, tmp_path, output)
    copied = tmp_path / "copy"
    shutil.copytree(folder(finished), copied)
    (copied / best.rungs[-1].checkpoint).write_bytes(b"something else")
    with pytest.raises(ExportError, match="is not the one that the study measured"):
        export_student(finished, best, copied, output)
    assert not output.parent.exists()


def test_a_place_that_can_not_be_written_is_named(
    finished: SearchReport, best: TrialReport, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match=r"file/student\.safetensors can't be written"):
        export_student(finished, best, folder(finished), tmp_path / "file" / "student.safetensors")


def test_a_student_is_not_written_under_a_name_of_another_format(
    finished: SearchReport, best: TrialReport, tmp_path: Path
) -> None:
    for name, instead in (("student.pt", "student"), ("student-0.5", "student-0.5"), ("student", "student")):
        fix = re.escape(
            "its end says no format: give one of .safetensors, .onnx, .pt2, .tflite, .mlpackage, such as "
            f"{tmp_path / instead}.safetensors"
        )
        with pytest.raises(ExportError, match=fix):
            export_student(finished, best, folder(finished), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_student_stands_alone_without_training_machinery(
    finished: SearchReport, best: TrialReport, tmp_path: Path
) -> None:
    export_student(finished, best, folder(finished), tmp_path / "student.safetensors")
    student = nas.load_student(tmp_path / "student.safetensors")
    assert not student.training
    assert not any(parameter.requires_grad for parameter in student.parameters())
