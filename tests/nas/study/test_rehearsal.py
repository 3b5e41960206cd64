"""A dry run looks at folder and database, and leaves both as they were."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import optuna
import pytest

from nas.config import SearchConfig
from nas.errors import StudyError
from nas.study import StudyAttributes, StudyStore, check_no_driver, check_study, recorded_part

IDENTITY = {"space": "stylegan2", "teacher": "a" * 16}


def config(folder: Path, **changes: Any) -> SearchConfig:
    return SearchConfig.of(budget_macs=10**6, workdir=folder, study="s", **changes)


def content(path: Path) -> list[str]:
    with sqlite3.connect(path) as database:
        return list(database.iterdump())


def test_nothing_is_made_where_there_is_nothing(tmp_path: Path) -> None:
    check_study(config(tmp_path / "runs"), IDENTITY, {})
    assert list(tmp_path.iterdir()) == []


def test_a_fresh_study_of_optuna_is_left_as_it_was(tmp_path: Path) -> None:
    asked = config(tmp_path)
    asked.folder.mkdir()
    optuna.create_study(storage=asked.storage_url, study_name="s", directions=["minimize", "minimize"])
    before = content(asked.folder / "study.db")
    check_study(asked, IDENTITY, {})
    assert content(asked.folder / "study.db") == before


def test_a_study_of_another_teacher_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    asked = config(tmp_path)
    asked.folder.mkdir()
    with StudyStore.open(asked.storage_url, "s", identity=IDENTITY) as store:
        store.study.ask()
    before = content(asked.folder / "study.db")
    check_study(asked, IDENTITY, {})
    with pytest.raises(StudyError, match=r"belongs to --teacher of digest a+, not --teacher of digest b+"):
        check_study(asked, IDENTITY | {"teacher": "b" * 16}, {})
    assert content(asked.folder / "study.db") == before


def test_a_study_without_trials_is_not_refused_and_left_as_it_was(tmp_path: Path) -> None:
    asked = config(tmp_path)
    asked.folder.mkdir()
    StudyStore.open(asked.storage_url, "s", identity=IDENTITY).close()
    before = content(asked.folder / "study.db")
    check_study(asked, IDENTITY | {"teacher": "b" * 16}, {})
    assert recorded_part(asked, "teacher") == ""
    assert content(asked.folder / "study.db") == before


def test_a_study_of_finalists_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    asked = config(tmp_path)
    asked.folder.mkdir()
    with StudyStore.open(asked.storage_url, "s", identity=IDENTITY) as store:
        StudyAttributes(finalists_of="digits").write(store.study)
    before = content(asked.folder / "study.db")
    with pytest.raises(StudyError, match="'s' holds the finalists of 'digits': continue it with nas-distill"):
        check_study(asked, IDENTITY, {})
    assert content(asked.folder / "study.db") == before


def test_a_study_that_a_driver_runs_is_refused_before_any_work(tmp_path: Path) -> None:
    asked = config(tmp_path)
    check_no_driver(asked)
    asked.folder.mkdir()
    optuna.create_study(storage=asked.storage_url, study_name="other", directions=["minimize"])
    check_no_driver(asked)  # a database without our tables
    with StudyStore.open(asked.storage_url, "s", identity=IDENTITY) as store:
        check_no_driver(asked)
        with store.lease(), pytest.raises(StudyError, match=r"is being run by pid .* wait for it or stop it"):
            check_no_driver(asked)
        check_no_driver(asked)
