"""Commands run in an empty folder; one short training of a teacher."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nas.cli.teacher_command import TINY, done


@pytest.fixture(autouse=True)
def always_in_an_empty_folder(in_an_empty_folder: None) -> None:
    """Every command of these tests writes to a folder of its own."""


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one short training, `teacher.safetensors` in it. Don't write to it."""
    folder = tmp_path_factory.mktemp("trained")
    done(*TINY, "-o", folder / "teacher.safetensors")
    return folder
