"""The notebooks in examples/ run from the first cell to the last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.ipynb"))


def code_of(notebook: Path) -> list[str]:
    return [
        "".join(cell["source"])
        for cell in json.loads(notebook.read_text())["cells"]
        if cell["cell_type"] == "code"
    ]


def test_there_are_notebooks_without_outputs() -> None:
    assert [each.stem for each in EXAMPLES] == ["own_teacher", "search_digits"]
    for notebook in EXAMPLES:
        read = json.loads(notebook.read_text())
        assert read["nbformat"] == 4
        assert all(not cell.get("outputs") for cell in read["cells"])


@pytest.mark.slow
@pytest.mark.parametrize("notebook", EXAMPLES, ids=lambda each: each.stem)
def test_a_notebook_runs(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "notebook"}
    for number, cell in enumerate(code_of(notebook), 1):
        exec(compile(cell, f"{notebook.name}, cell {number}", "exec"), names)
    assert (tmp_path / "student.safetensors").is_file()
