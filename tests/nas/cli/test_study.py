"""nas-study: what it prints, asks and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nas.study import StudyAttributes, StudyStore
from tests.nas.cli.command_line import refused, run
from tests.nas.upkeep.small_study import small_study

RUNS = Path("nas-runs")


@pytest.fixture
def study() -> tuple[str, Path]:
    return small_study(RUNS, "small")


def test_the_list_is_that_of_nas_report(study: tuple[str, Path]) -> None:
    with StudyStore.open(study[0], "small") as store:
        store.study.set_user_attr("config", {})
    listed = run("nas-study", "list")
    assert listed.exit_code == 0
    assert "small" in listed.stdout
    assert listed.stdout == run("nas-report", "--list").stdout
    assert json.loads(run("nas-study", "list", "--json").stdout)[0]["study"] == "small"


def test_the_status_of_a_study_that_nobody_runs_is_no_failure(study: tuple[str, Path]) -> None:
    shown = run("nas-study", "status", "small")
    assert shown.exit_code == 0
    assert "small: interrupted" in shown.stdout
    assert "nobody holds it" in shown.stdout
    found = json.loads(run("nas-study", "status", "--json").stdout)
    assert (found["study"], found["running"], found["states"]["INTERRUPTED"]) == ("small", False, 1)


def test_names_that_are_not_there_are_refused(study: tuple[str, Path]) -> None:
    for command in ("status", "gc", "delete"):
        refused("no study 'smal' … did you mean small?", "nas-study", command, "smal")
    refused("no study 'smal'", "nas-study", "copy", "smal", "--to-workdir", "there")
    refused("--to-workdir is missing", "nas-study", "copy", "small")
    refused("STUDY", "nas-study", "delete")


def test_a_study_is_deleted_when_it_is_asked_for_only(study: tuple[str, Path]) -> None:
    final, _ = small_study(RUNS, "small-final")
    with StudyStore.open(final, "small-final") as store:
        StudyAttributes(finalists_of="small").write(store.study)
    refused("--yes is missing … 4 trials … small-final stay, and refer to it", "nas-study", "delete", "small")
    deleted = run("nas-study", "delete", "small", "--yes")
    assert deleted.exit_code == 0
    assert "deleted study small of 4 trials" in deleted.stdout
    assert {path.name for path in RUNS.iterdir()} == {"small-final"}


def test_sizes_are_shown_before_and_after(study: tuple[str, Path]) -> None:
    with StudyStore.open(study[0], "small") as store:
        store.study.set_user_attr("config", {})
    left = study[1] / "trials" / "0099" / "checkpoint-rung-1.pt"
    left.parent.mkdir()
    left.write_bytes(b"x" * 100_000)
    looked = run("nas-study", "gc", "small", "--dry-run")
    assert looked.stdout.splitlines()[:2] == [
        "trials/0099",
        "small: would delete 0 checkpoints and 1 leftover, 100 kB",
    ]
    assert left.exists()
    done = run("nas-study", "gc", "small").stdout.splitlines()
    assert done[0] == "small: deleted 0 checkpoints and 1 leftover, 100 kB"
    assert done[1].startswith("before: ")
    assert "checkpoints 100 kB" in done[1]
    assert done[2].startswith("after:  ")
    assert "checkpoints 36 B" in done[2]
    assert not left.exists()


def test_a_copy_says_what_was_compared(study: tuple[str, Path]) -> None:
    copied = run("nas-study", "copy", "small", "--to-workdir", "there", "--json")
    assert copied.exit_code == 0
    assert json.loads(copied.stdout)["checkpoints"] == 4
    assert run("nas-study", "status", "small", "--workdir", "there").exit_code == 0
    says = "there is a study 'small' in there/small already"
    refused(says, "nas-study", "copy", "small", "--to-workdir", "there")
