"""`import nas`: the public functions, and the examples of docs/python.md and the README."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nas
from nas.api import _config
from nas.reporting import SearchReport
from search_spaces import Checkpoint, load_checkpoint, save_checkpoint

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "python.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)


def test_every_public_name_exists_and_says_what_it_is() -> None:
    for name in nas.__all__:
        assert getattr(nas, name).__doc__, name
        assert f"nas.{name}" in PAGE.read_text(), name
    assert set(nas.__all__) <= set(dir(nas))
    with pytest.raises(AttributeError, match="'nas' has no attribute 'serach'"):
        nas.serach  # noqa: B018


def test_importing_nas_imports_nothing_heavy() -> None:
    program = "import nas, sys; print([name for name in ('torch', 'ray', 'optuna') if name in sys.modules])"
    line = [sys.executable, "-c", program]
    assert subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_budget_is_text_a_number_or_several_limits() -> None:
    assert _config("2M", {}).budget == _config(2_000_000, {}).budget == nas.Budget(macs=2_000_000)
    several = nas.Budget(macs=10**6, params=10**5, latency=0.03)
    assert _config(several, {}).budget == several
    assert _config("2M", {"budget_params": "100k"}).budget == nas.Budget(macs=2_000_000, params=100_000)


@pytest.mark.parametrize(
    ("budget", "options", "says"),
    [
        ("2M", {"trails": 3}, "search has no option 'trails'; did you mean trials"),
        ("2M", {"budget_macs": "3M"}, "budget_macs is given twice"),
        ("2Q", {}, "2Q.* unknown suffix"),
        ("2M", {"trials": 0}, "trials"),
        ("2M", {"teacher": "gone.pkl"}, "--teacher"),
    ],
)
def test_a_wrong_request_is_a_user_error_of_one_line(
    budget: str, options: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(nas.UserError, match=says) as caught:
        nas.search(budget, **options)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_study_is_opened_by_name_or_as_the_newest(finished: SearchReport) -> None:
    workdir = Path(finished.folder).parent
    assert nas.open_study(workdir=workdir) == nas.open_study("tiny", workdir=str(workdir)) == finished
    with pytest.raises(nas.UserError, match="other"):
        nas.open_study("other", workdir=workdir)


def test_a_student_is_exported_and_loaded(finished: SearchReport, tmp_path: Path) -> None:
    assert finished.best is not None
    best, path = finished.best, tmp_path / "student.safetensors"
    assert nas.export(finished, path)["trial"] == str(best.number)
    student = nas.load_student(str(path))
    assert isinstance(student, nas.Generator)
    assert student.architecture == type(student.architecture).from_json(best.architecture)
    other = next(trial.number for trial in finished.trials if trial.rungs and trial != best)
    assert nas.export(finished, str(path), trial=other, force=True)["trial"] == str(other)
    with pytest.raises(nas.UserError, match="exclude each other"):
        nas.export(finished, path, trial=1, max_macs=10**6)
    for wrong in ("tiny", path, None):
        with pytest.raises(nas.UserError, match=r"export takes a report, not .*nas\.open_study"):
            nas.export(wrong, path)  # type: ignore[arg-type]  # what a user may try


def test_a_study_that_was_moved_is_exported_from_where_it_is(finished: SearchReport, tmp_path: Path) -> None:
    source = Path(finished.folder)
    moved = tmp_path / "moved"
    subprocess.run(["cp", "-r", source.parent, moved], check=True)
    report = nas.open_study(workdir=moved)
    assert Path(report.folder) == moved / "tiny"


def test_the_example_of_the_readme_makes_images(
    teacher_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    generator = load_checkpoint(teacher_file).generator
    save_checkpoint(Checkpoint("stylegan2", generator), tmp_path / "student.safetensors")
    (example,) = BLOCK.findall((ROOT / "README.md").read_text())
    names: dict[str, Any] = {}
    exec(example, names)
    assert names["images"].shape == (16, *generator.image_shape)


@pytest.mark.slow
def test_the_examples_of_the_page_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before, names = signal.getsignal(signal.SIGTERM), dict[str, Any]()
    for example in BLOCK.findall(PAGE.read_text()):
        exec(compile(example, str(PAGE), "exec"), names)
    report = names["report"]
    assert len(report.trials) == 4
    assert signal.getsignal(signal.SIGTERM) is before
    assert names["metadata"]["trial"] in {str(trial.number) for trial in report.trials}
