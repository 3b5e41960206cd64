"""nas-export on the command line: formats, and checkpoints that are written in another one."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nas.reporting import SearchReport
from nas.study import StudyStore, TieBreak, save_tie_break
from tests.nas.cli.command_line import refused, run


def test_several_formats_are_written_to_a_folder_and_it_is_said_how_they_were_checked(
    finished: SearchReport, tmp_path: Path
) -> None:
    output = tmp_path / "exported"
    workdir = Path(finished.folder).parent
    done = run("nas-export", "--workdir", workdir, "--format", "safetensors,onnx", "-o", output)
    assert done.exit_code == 0, done.output
    assert finished.best is not None
    name = f"tiny-trial-{finished.best.number}"
    assert sorted(each.name for each in output.iterdir()) == [f"{name}.onnx", f"{name}.safetensors"]
    assert f"{output / name}.onnx: onnx, " in done.stdout
    assert "images as in PyTorch to " in done.stdout


def test_a_checkpoint_is_written_in_another_format(teacher_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "teacher.onnx"
    done = run("nas-export", "--checkpoint", teacher_file, "-o", output, "--input", "w", "--json")
    assert done.exit_code == 0, done.output
    (file,) = json.loads(done.stdout)["files"]
    assert file["difference"] < 1e-4
    assert file["bytes"] == output.stat().st_size
    refused("exists … --force", "nas-export", "--checkpoint", teacher_file, "-o", output)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["-o", "a.pt"],
            "its end says no format: give one of .safetensors, .onnx, .pt2, .tflite, .mlpackage,",
        ),
        (
            ["-o", "a", "--format", "png"],
            "--format png is unknown: give safetensors, onnx, pt2, litert, coreml, hub, rosinality, nvidia",
        ),
        (["-o", "a.pt2", "--format", "onnx"], "files of --format onnx end in .onnx: give a.onnx"),
        (["-o", "a.onnx", "--format", "onnx,pt2"], "is one file, for 2 formats: give a folder, such as a"),
        (["-o", "a.onnx", "--batch", "0"], "--batch 0"),
        (["-o", "a.onnx", "--input", "x"], "--input x"),
        (["-o", "a.onnx", "--best"], "exclude each other"),
    ],
)
def test_a_wrong_request_is_refused(arguments: list[str], says: str, teacher_file: Path) -> None:
    refused(says, "nas-export", "--checkpoint", teacher_file, *arguments)


def test_of_tied_trials_the_one_that_a_person_chose_is_exported_and_reported(
    replicated: SearchReport, tmp_path: Path
) -> None:
    workdir = tmp_path / "runs"
    shutil.copytree(Path(replicated.folder).parent, workdir)
    at = ("--workdir", workdir)
    assert replicated.best is not None
    other = replicated.within_margin[0]
    hostile = "Ann\x1b[31m<b>"
    with StudyStore.open(f"sqlite:///{workdir}/tiny/study.db", "tiny", create=False) as store:
        tied = (replicated.best.number, *replicated.within_margin)
        chosen = TieBreak(trial=other, tied=tied, time=datetime.now(UTC), by=hostile, reason="rounder")
        save_tie_break(store.study, chosen)
    done = run("nas-export", *at, "-o", tmp_path / "chosen.safetensors")
    assert done.exit_code == 0, done.output
    assert f": trial {other} of tiny" in done.stdout
    assert f"\nTie-break: trial {other} was chosen among the tied trials" in done.stdout
    assert "\x1b" not in done.stdout
    best = run("nas-export", *at, "--trial", replicated.best.number, "-o", tmp_path / "best.safetensors")
    assert "Tie-break" not in best.stdout
    report = run("nas-report", *at).stdout
    assert f"Tie-break: trial {other} was chosen" in " ".join(report.split())
    assert f"Best student: trial {replicated.best.number}," in report
    assert "\x1b" not in report
    found = json.loads(run("nas-report", *at, "--json").stdout)
    assert (found["choice"], found["tie_break"]["by"]) == (other, hostile)
    assert found["best"]["number"] == replicated.best.number
    assert found["estimates"] == json.loads(replicated.model_dump_json())["estimates"]
    run("nas-report", *at, "--html", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "Tie-break: trial" in page
    assert "Ann\x1b" not in page
    assert "&lt;b&gt;: rounder; nas-export takes it." in page
