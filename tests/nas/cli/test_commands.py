"""The commands: what they print, and what a wrong request gets: exit 2 and one line that says the fix."""

from __future__ import annotations

import json
import os
import pickle
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distill.recipes import RECIPES
from distill.schedules import SHAPES
from nas.checkpoints import evaluation
from nas.config import SearchConfig
from nas.options import options_of
from nas.reporting import SearchReport
from nas.samplers import SAMPLERS
from search_spaces import load_checkpoint
from tests.nas.cli.command_line import COMMANDS, refused, run


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# All commands


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert result.stderr == ""
    _, _, examples = result.stdout.partition("Examples:\n")
    assert f"  {command}" in examples
    assert "--version " in result.stdout
    assert "-h, --help " in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 120


@pytest.mark.parametrize("command", COMMANDS)
def test_help_speaks_of_no_limit_by_its_number_in_code(command: str) -> None:
    shown = run(command, "--help").stdout
    assert not re.search(r"<=?None|None<|x<=|<=x|\d{15,}", shown)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_versions_of_the_package_and_of_torch_are_shown(command: str) -> None:
    result = run(command, "--version")
    assert result.exit_code == 0
    assert result.stdout == f"nas-students {version('nas-students')}, torch {version('torch')}\n"


def test_the_help_of_a_search_names_every_recipe_and_every_schedule() -> None:
    helps = {each.name: each.help() for each in options_of(SearchConfig)}
    assert f"{', '.join(RECIPES)}  [default: {next(iter(RECIPES))}]" in helps["recipe"]
    assert ", ".join(SHAPES) in helps["kd_schedule"]
    assert [name for name in SAMPLERS if name not in helps["sampler"]] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_is_one_line(command: str) -> None:
    refused("--colour", command, "--colour", "red")


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_the_installed_scripts_work(command: str, commands: Any) -> None:
    helped = commands.run(command, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert f"Usage: {command}" in helped.stdout
    assert "Examples:" in helped.stdout
    wrong = commands.run(command, "--colour", "red")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith(f"{command}: ")
    assert len(wrong.stderr.splitlines()) == 1


# The other commands


@pytest.fixture
def where(finished: SearchReport) -> tuple[object, ...]:
    return ("--workdir", Path(finished.folder).parent)


def test_the_best_student_is_exported_drawn_and_measured(
    finished: SearchReport, where: tuple[object, ...]
) -> None:
    assert finished.best is not None
    result = run("nas-export", "--best", "-o", "student.safetensors", *where)
    assert result.exit_code == 0, result.output
    assert (
        f"student.safetensors: trial {finished.best.number} of tiny, FD (digits) {finished.best.fid:.2f}"
        in result.stdout
    )

    result = run("nas-sample", "student.safetensors", "-o", "grid.png", "--count", 10, "--columns", 5)
    assert result.exit_code == 0, result.output
    assert result.stdout == "grid.png: 10 images of 16×16 px\n"
    result = run("nas-sample", "student.safetensors", "-o", "raw.npy", "--count", 3, "--json")
    assert json.loads(result.stdout)["shape"] == [3, 1, 16, 16]
    assert np.load("raw.npy").shape == (3, 1, 16, 16)

    result = run("nas-evaluate", "student.safetensors", "--json")
    found = json.loads(result.stdout)
    assert found["fid"] == pytest.approx(finished.best.fid, abs=1e-3)
    assert (found["macs"], found["params"]) == (finished.best.macs, finished.best.params)
    result = run("nas-evaluate", "student.safetensors")
    assert re.search(
        rf"FD \(digits\) .* {finished.best.fid:.6g} .* 50 .* 1,797 .* digits \([0-9a-f]{{16}}\)",
        result.stdout,
    )
    assert "MACs (fvcore, batch 1)" in result.stdout


def test_a_finished_study_is_reported_as_a_table_and_as_one_object(
    finished: SearchReport, where: tuple[object, ...]
) -> None:
    result = run("nas-report", *where)
    assert (result.exit_code, result.stderr) == (0, "")
    assert finished.best is not None
    assert f"Best student: trial {finished.best.number}," in result.stdout
    assert "between equal trainings" in result.stdout
    assert "Rank correlations between rungs: too few" in result.stdout
    result = run("nas-report", "--json", *where)
    assert SearchReport.model_validate_json(result.stdout) == finished
    assert list(Path.cwd().iterdir()) == []
    refused("there is no study in nas-runs: run nas-search first", "nas-report")


def test_the_layers_of_a_trial_are_shown(finished: SearchReport, where: tuple[object, ...]) -> None:
    assert finished.best is not None
    result = run("nas-report", "--architecture", finished.best.number, *where)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(finished.best.summary)
    assert all(layer in result.stdout for layer in ("latent", "mapping", "4 px", "16 px", "image"))
    result = run("nas-report", "--architecture", finished.best.number, "--json", *where)
    assert json.loads(result.stdout)[0]["layer"] == "latent"
    refused("has no trial 99", "nas-report", "--architecture", 99, *where)


def test_an_export_as_json_is_one_object_with_the_names_of_the_search(
    finished: SearchReport, where: tuple[object, ...]
) -> None:
    result = run("nas-export", "--max-macs", "1G", "-o", "student.safetensors", "--json", *where)
    described = json.loads(result.stdout)
    assert {"output", "study", "teacher", "space", "trial", "metadata"} <= set(described)
    assert described["trial"] == json.loads(finished.best.model_dump_json()) if finished.best else False
    assert load_checkpoint(Path("student.safetensors")).metadata == described["metadata"]


def test_an_export_of_a_trial_stopped_early_says_so(
    finished: SearchReport, where: tuple[object, ...]
) -> None:
    result = run("nas-export", "--trial", finished.trials[2].number, "-o", "early.safetensors", *where)
    assert result.exit_code == 0
    assert result.stderr == "note: this trial is stopped early, its FD (digits) was taken after 64 images\n"


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ("--trial 999", "study 'tiny' has no trial 999"),
        ("--max-macs 10", "--max-macs 10: the cheapest complete trial takes"),
        ("--max-macs 10Q", "unknown suffix 'Q'"),
        ("--best --trial 0", "--best, --trial, --max-macs and --checkpoint exclude each other"),
        ("--study other", "there is no study 'other': there are 'tiny'"),
    ],
)
def test_what_can_not_be_exported_is_refused(flags: str, says: str, where: tuple[object, ...]) -> None:
    refused(says, "nas-export", *flags.split(), "-o", "student.safetensors", *where)


def test_finalists_by_rank_and_by_number_exclude_each_other(where: tuple[object, ...]) -> None:
    refused("--top and --trial exclude each other", "nas-distill", "--top", 2, "--trial", 1, *where)


def test_a_search_has_no_device_and_says_what_is_meant() -> None:
    refused("there is no --device here: give --gpus-per-trial", "nas-search", "--device", "cuda")


def test_an_export_names_the_folder_that_it_makes(where: tuple[object, ...]) -> None:
    result = run("nas-export", "-o", "new/deep/student.safetensors", *where)
    assert result.exit_code == 0
    assert result.stderr == "note: the folder new is new\n"


def test_an_export_without_a_study_is_refused() -> None:
    refused("there is no study in nas-runs: run nas-search first", "nas-export", "-o", "student.safetensors")
    refused("-o", "nas-export", "--best")
    refused("there is no study in nas-runs", "nas-dashboard")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ("-o grid.gif", "-o grid.gif: a moving picture is a walk: give --interpolate FRAMES, too"),
        ("-o grid.pdf", "-o grid.pdf: give a file that ends in .png or .npy"),
        ("-o wide.npy/grid.png", "wide.npy/grid.png can't be written"),
        (
            "-o grid.png --latents nowhere.npy",
            "nowhere.npy can't be read (No such file or directory): give a .npy",
        ),
        ("-o grid.png --latents wide.npy", "wide.npy has shape (4, 9): give a .npy array of shape (N, 8)"),
        ("-o grid.png --count 0", "--count 0: give a number of at least 1"),
        ("-o grid.png --noise loud", "--noise loud: give a value that is 'random', 'const' or 'none'"),
    ],
)
def test_what_can_not_be_drawn_is_refused(flags: str, says: str, teacher_file: Path) -> None:
    np.save("wide.npy", np.zeros((4, 9)))
    refused(says, "nas-sample", teacher_file, *flags.split())


@pytest.mark.parametrize("command", [("nas-evaluate",), ("nas-sample", "-o", "grid.png")])
def test_a_file_that_is_no_checkpoint_is_refused(command: tuple[str, ...]) -> None:
    Path("photo.jpg").write_text("no checkpoint")
    refused("photo.jpg", *command, "photo.jpg")
    refused("nowhere.safetensors", *command, "nowhere.safetensors")


def test_an_evaluation_on_what_is_no_data_is_refused(teacher_file: Path) -> None:
    refused("nowhere does not exist", "nas-evaluate", teacher_file, "--data", "nowhere")
    refused("no extractor 'magic'", "nas-evaluate", teacher_file, "--data", "digits", "--extractor", "magic")
    refused("at least 2", "nas-evaluate", teacher_file, "--data", "digits", "--fid-samples", 1)
    refused(
        "--metrics lpips: choose one of fid",
        "nas-evaluate",
        teacher_file,
        "--data",
        "digits",
        "--metrics",
        "fid, lpips",
    )
    refused("--metrics is empty", "nas-evaluate", teacher_file, "--data", "digits", "--metrics", "")


def test_an_evaluation_that_is_interrupted_says_that_nothing_was_written(
    teacher_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation, "measure", interrupted)
    result = run("nas-evaluate", teacher_file, "--data", "digits")
    assert (result.exit_code, result.stdout) == (130, "")
    assert len(result.stderr.strip().splitlines()) == 1
    assert "interrupted; nothing was measured, and nothing written" in result.stderr
    assert "to resume" not in result.stderr


def test_all_metrics_are_printed_with_their_conditions(teacher_file: Path) -> None:
    asked = ("--data", "digits", "--fid-samples", 60, "--metrics", "fid,kid,is,prc,vol", "--device", "cpu")
    result = run("nas-evaluate", teacher_file, *asked)
    for name in (
        r"FD \(digits\)",
        "kid",
        "kid_std",
        "is",
        "is_std",
        "precision",
        "recall",
        "vol",
        "vol_real",
        "vol_ratio",
    ):
        assert re.search(rf"^│ {name} .* 60 ", result.stdout, re.MULTILINE), name
    assert "kid_subset_size=60" in result.stdout
    assert "pixels" in result.stdout
    found = json.loads(run("nas-evaluate", teacher_file, *asked, "--json").stdout)
    assert list(found["metrics"]) == ["fid", "kid", "is", "prc", "vol"]
    assert found["metrics"]["kid"]["settings"] == {"kid_subsets": 100, "kid_subset_size": 60}


# Third-party files


class Hostile:
    """Unpickles as a command."""

    def __reduce__(self) -> Any:
        return os.system, ("touch it-ran",)


@pytest.mark.parametrize(
    "line",
    [
        "nas-sample {} -o grid.png",
        "nas-evaluate {} --data digits",
        "nas-teacher info {}",
        "nas-teacher import {} -o teacher.safetensors",
        "nas-search --budget-macs 1M --teacher {} --data images",
    ],
)
def test_a_hostile_file_is_refused_by_what_it_asks_for_and_nothing_in_it_runs(line: str) -> None:
    Path("network.pkl").write_bytes(pickle.dumps({"G_ema": Hostile()}))
    command, *arguments = line.format("network.pkl").split()
    refused("network.pkl asks for … system: it is refused, nothing in it was run", command, *arguments)
    assert not Path("it-ran").exists()


def test_images_replace_a_file_only_by_force(teacher_file: Path) -> None:
    Path("grid.png").write_text("precious")
    asked = ("nas-sample", teacher_file, "-o", "grid.png", "--count", 1)
    refused("grid.png exists: choose another -o, or replace it by --force", *asked)
    assert run(*asked, "--force").exit_code == 0
    assert Path("grid.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nas-search 2M", "2M stands without an option: did you mean --budget-macs 2M?"),
        ("nas-report digits-2Mmacs", "did you mean --study digits-2Mmacs?"),
        ("nas-export digits-2Mmacs -o x.safetensors", "did you mean --study digits-2Mmacs?"),
        ("nas-sample a.pt b.pt -o x.png", "b.pt stands without an option: leave it out"),
        ("nas-search --budget-macs 2M --mirror --no-mirror", "--mirror and --no-mirror exclude each other"),
        (
            "nas-search --budget-macs 2M --warm-discriminator --fresh-discriminator --dry-run",
            "--warm-discriminator and --fresh-discriminator exclude each other: give one of them",
        ),
    ],
)
def test_what_a_command_line_can_not_mean_is_refused_with_what_it_may(line: str, says: str) -> None:
    command, *arguments = line.split()
    refused(says, command, *arguments)
