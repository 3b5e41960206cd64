"""Every option is defined once: in a model, which flags, help and the reference pages come from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from nas.cli.command import Command
from nas.cli.options import ModelArgument, ModelOption
from nas.options import GROUPS
from tools.reference import COMMANDS, FOLDER, HOW, pages

ROOT = Path(__file__).parents[1]


def commands() -> dict[str, click.Command]:
    found = dict(COMMANDS)
    for name, command in COMMANDS.items():
        if isinstance(command, click.Group):
            found |= {f"{name} {each}": below for each, below in command.commands.items()}
    return found


def test_the_reference_is_what_the_models_say() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / FOLDER).glob("*.md")}
    assert written == pages(), f"run `{HOW}` and commit {FOLDER}"


@pytest.mark.parametrize("name", commands())
def test_every_option_comes_from_a_model_and_has_help_and_a_group(name: str) -> None:
    command = commands()[name]
    assert isinstance(command, Command)
    for each in command.params:
        assert isinstance(each, ModelOption | ModelArgument), each.name
        assert each.option.text, each.name
        assert each.option.group in GROUPS, each.name
    flags = [flag for each in command.params for flag in (*each.opts, *each.secondary_opts)]
    assert len(flags) == len(set(flags))


@pytest.mark.parametrize("module", ["report", "export", "sample", "distill", "dashboard", "evaluate"])
def test_a_command_starts_without_pytorch_where_its_options_need_none(module: str) -> None:
    program = f"import sys, nas.cli.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
