"""What tests of the commands share: calling one, and seeing that a refusal wrote nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner, Result

from nas.cli import dashboard, distill, evaluate, export, report, sample, search, study, teacher

REPOSITORY = Path(__file__).resolve().parents[3]

COMMANDS: dict[str, click.Command] = {
    "nas-search": search.main,
    "nas-dashboard": dashboard.main,
    "nas-distill": distill.main,
    "nas-export": export.main,
    "nas-report": report.main,
    "nas-sample": sample.main,
    "nas-evaluate": evaluate.main,
    "nas-study": study.main,
    "nas-teacher": teacher.main,
}


def run(command: str, *arguments: object) -> Result:
    return CliRunner().invoke(COMMANDS[command], [str(argument) for argument in arguments])


def events(stdout: str) -> list[dict[str, Any]]:
    """What `--json` of a search printed: a JSON object a line and nothing else."""
    found: list[dict[str, Any]] = [json.loads(line) for line in stdout.splitlines()]
    assert all(list(each)[:2] == ["event", "time"] for each in found)
    return found


def result_of(stdout: str) -> dict[str, Any]:
    """The fields of the last event, a result or a preview."""
    last = events(stdout)[-1]
    assert last.pop("event") in ("result", "preview")
    del last["time"]
    return last


def written(folder: Path) -> dict[str, bytes]:
    """Every file and folder below `folder`, but for SQLite's own notes beside an open database."""
    paths = (path for path in folder.rglob("*") if not path.name.endswith(("-shm", "-wal")))
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in paths}


def refused(says: str, command: str, *arguments: object) -> None:
    """The command ends with 2, one line that holds every part of `says`, and writes nothing.

    Run it in a folder of the test's own: other tests may write to the one that the suite was started in.
    """
    assert Path.cwd().resolve() != REPOSITORY
    before = written(Path.cwd())
    result = run(command, *arguments)
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    for part in says.split(" … "):
        assert part in result.stderr
    assert "Traceback" not in result.stderr
    assert written(Path.cwd()) == before


def tiny(teacher_file: Path, *more: object) -> tuple[object, ...]:
    return ("--budget-macs", "100k", "--teacher", teacher_file, "--data", "digits", *more)
