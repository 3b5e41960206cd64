"""nas-export on the command line: formats, and checkpoints that are written in another one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nas.reporting import SearchReport
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
