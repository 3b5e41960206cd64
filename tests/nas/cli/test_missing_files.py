"""A file that is missing is named before a command imports its libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nas.cli.start import DATA, FILES, missing_file
from tests.nas.cli.command_line import COMMANDS


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nas-search --budget-macs 2M --teacher no.pt", "--teacher no.pt does not exist: give a checkpoint"),
        ("nas-search --teacher=no.pt", "--teacher no.pt does not exist"),
        ("nas-search --config ~/no.toml", "--config ~/no.toml does not exist: give a TOML file"),
        ("nas-search --enqueue there.json --enqueue no.json", "--enqueue no.json does not exist"),
        ("nas-teacher train --data imags/ -o t.safetensors", "--data imags/ does not exist: give a folder"),
        ("nas-sample no.pt -o x.png", "no.pt does not exist: give a checkpoint"),
        ("nas-sample there.json --latents no.npy -o x.png", "--latents no.npy does not exist"),
        ("nas-evaluate there.json --extractor-weights no.pth", "--extractor-weights no.pth does not exist"),
        ("nas-teacher info no.pt", "no.pt does not exist: give a checkpoint"),
        ("nas-teacher import there.json --discriminator D.pth", "--discriminator D.pth does not exist"),
    ],
)
def test_a_missing_file_is_named(
    line: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.json").write_text("[]")
    program, *arguments = line.split()
    assert missing_file(program, arguments).startswith(says)


@pytest.mark.parametrize(
    "line",
    [
        "nas-search --budget-macs 2M --data digits",
        "nas-search --data torchvision:CIFAR10 --teacher there",
        "nas-search --data a.zip,b.zip --teacher there",
        "nas-search --data there --teacher no.pt --help",
        "nas-search --teacher digits",
        "nas-sample there -o no.png",
        "nas-sample there -o no.png --teacher digits",
        "nas-teacher train --data there -o no.safetensors",
        "nas-teacher",
        "nas-search --teacher",
    ],
)
def test_names_outputs_and_help_are_no_missing_files(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").touch()
    program, *arguments = line.split()
    assert missing_file(program, arguments) == ""


def test_every_option_that_is_looked_for_is_one_of_a_command() -> None:
    parameters = [each for command in COMMANDS.values() for each in command.params]
    parameters += [each for sub in COMMANDS["nas-teacher"].commands.values() for each in sub.params]  # type: ignore[attr-defined]  # a group
    known = {flag for each in parameters for flag in each.opts}
    assert {*FILES, DATA} <= known


def test_pytorch_is_not_imported_for_a_missing_file(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['nas-search', '--budget-macs', '2M', '--teacher', 'no.pt']\n"
        "try:\n    import nas.cli.search\n"
        "except SystemExit as end:\n    assert 'torch' not in sys.modules; raise"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "nas-search: --teacher no.pt does not exist: give a checkpoint\n"
