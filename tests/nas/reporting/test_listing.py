"""Lists of studies and of trials."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from nas.cli.command import console
from nas.errors import StudyError
from nas.reporting import SearchReport, render_trials, summarise
from nas.reporting.report import read_report
from nas.study import StudyAttributes, StudyStore, open_existing
from nas.workbench import Workbench
from tests.nas.cli.command_line import refused, run
from tests.nas.studies import finished_study


def shown(found: SearchReport) -> list[str]:
    console = Console(width=160)
    with console.capture() as captured:
        console.print(render_trials(found))
    return captured.get().splitlines()


def test_every_training_is_a_row_and_replicates_are_marked(replicated: SearchReport) -> None:
    rows = [line for line in shown(replicated) if " complete " in line]
    assert len(rows) == len(replicated.trials) == 5
    (best,) = [line for line in rows if "best student" in line]
    assert replicated.best is not None
    assert best.split()[0] == str(replicated.best.number)
    marked = [line for line in rows if "replicate of trial 0, from another seed" in line]
    assert [int(line.split()[0]) for line in marked] == [
        t.number for t in replicated.trials if t.replicate_of == 0
    ]


def test_a_trial_that_failed_says_why(finished: SearchReport) -> None:
    (failed,) = [line for line in shown(finished) if " failed " in line]
    assert "d_adversarial is nan after 32 images" in failed


def test_an_interrupted_trial_is_not_called_running(finished: SearchReport) -> None:
    trials = [t.model_copy(update={"state": "INTERRUPTED"}) if t.reason else t for t in finished.trials]
    lines = shown(finished.model_copy(update={"trials": trials}))
    assert any(" interrupted " in line for line in lines)
    assert lines[-1] == "Interrupted: the same nas-search command resumes it."


def test_a_study_is_summarised_by_its_best_and_its_states(finished: SearchReport) -> None:
    store, folder = open_existing(Path(finished.folder).parent, "tiny", "")
    with store:
        summary = summarise(store, folder)
    assert summary.best == finished.best
    assert summary.trials == {"COMPLETE": 2, "PRUNED": 1, "FAIL": 1}
    assert (summary.study, summary.folder, summary.note) == ("tiny", finished.folder, "")


def test_a_study_of_somebody_else_says_so(tmp_path: Path) -> None:
    with StudyStore.open(f"sqlite:///{tmp_path}/study.db", "theirs") as store:
        summary = summarise(store, tmp_path)
    assert "was not made by nas-search" in summary.note
    assert summary.best is None


def test_a_study_without_trials_is_being_prepared_only_while_a_driver_lives(tmp_path: Path) -> None:
    identity = {"space": "dcgan", "teacher": "0" * 16}
    with StudyStore.open(f"sqlite:///{tmp_path}/study.db", "mine", identity=identity) as store:
        with store.lease():
            assert summarise(store, tmp_path).note == "being prepared"
            with pytest.raises(StudyError, match="'mine' is being prepared"):
                read_report(store)
        assert summarise(store, tmp_path).note == "not started"
        with pytest.raises(StudyError, match=r"'mine' is not started, .*: run it again"):
            read_report(store)


def test_the_command_lists_studies_and_trials(finished: SearchReport) -> None:
    workdir = str(Path(finished.folder).parent)
    (listed,) = json.loads(run("nas-report", "--workdir", workdir, "--list", "--json").stdout)
    assert finished.best is not None
    assert (listed["study"], listed["best"]["number"]) == ("tiny", finished.best.number)
    trials = json.loads(run("nas-report", "--workdir", workdir, "--trials", "--json").stdout)["trials"]
    assert [trial["number"] for trial in trials] == [0, 1, 2, 3]
    refused("--list and --trials exclude each other", "nas-report", "--list", "--trials")
    refused("--list shows all studies", "nas-report", "--list", "--study", "tiny")


def test_names_of_users_are_printed_as_they_are(
    warm_bench: Workbench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "a[b]:x:"  # Rich would read markup and an emoji
    finished_study(warm_bench, tmp_path, (None,), study=name)
    assert name in run("nas-report", "--workdir", tmp_path, "--list").stdout
    console().print(f"Study {name}, the newest", highlight=False)
    assert capsys.readouterr().err == f"Study {name}, the newest\n"


def test_the_study_of_finalists_is_reported_as_it_was_printed(
    replicated: SearchReport, tmp_path: Path
) -> None:
    store, _ = open_existing(Path(replicated.folder).parent, "tiny", "")
    with store:
        attributes = dict(store.study.user_attrs) | {"finalists_of": "the-search"}
        trials = store.study.get_trials()
        rungs = store.rungs()
    with StudyStore.open(f"sqlite:///{tmp_path}/final/study.db", "final") as copy:
        for key, value in attributes.items():
            copy.study.set_user_attr(key, value)
        copy.study.add_trials(trials)
        for record in rungs:
            copy.record_rung(record)
        assert StudyAttributes.from_study(copy.study).finalists_of == "the-search"
        found = read_report(copy)
    printed = run("nas-report", "--workdir", str(tmp_path), "--study", "final").stdout
    assert "Finalists of the-search" in printed
    assert "90 %" in printed
    first = next(t for t in found.trials if len(t.fids) == 3)
    assert " ".join(f"{fid:.2f}" for fid in first.fids)[:6] in printed


@pytest.mark.parametrize("command", ["nas-report", "nas-export"])
def test_a_newer_search_without_a_result_is_named(
    finished: SearchReport, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = Path(finished.folder)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "tiny").symlink_to(source)
    StudyStore.open(f"sqlite:///{tmp_path}/runs/running/study.db", "running").close()
    output = ["-o", "s.safetensors"] if command == "nas-export" else []
    done = run(command, "--workdir", str(tmp_path / "runs"), *output)
    assert done.exit_code == 0
    assert "note: this is tiny; running is newer and has no complete trial (--study running)" in done.stderr
