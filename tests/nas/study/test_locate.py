"""Finding a study that is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nas.errors import StorageError, StudyError
from nas.study import StudyStore, open_existing


def make(workdir: Path, name: str, when: int = 0) -> Path:
    path = workdir / name / "study.db"
    StudyStore.open(f"sqlite:///{path}", name).close()
    os.utime(path, (when, when))
    return path


def found(workdir: Path, study: str = "", storage: str = "") -> tuple[str, Path]:
    store, folder = open_existing(workdir, study, storage)
    with store:
        return store.name, folder


def test_a_study_is_found_by_its_name_or_as_the_newest(tmp_path: Path) -> None:
    make(tmp_path, "old", when=100)
    make(tmp_path, "new", when=200)
    assert found(tmp_path) == ("new", tmp_path / "new")
    make(tmp_path, "newer", when=300)
    assert found(tmp_path) == ("newer", tmp_path / "newer")
    assert found(tmp_path, "old") == ("old", tmp_path / "old")


def test_in_a_database_the_last_made_counts_as_the_newest(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/all.db"
    for name in ("one", "two"):
        StudyStore.open(url, name).close()
    assert found(tmp_path / "runs", storage=url) == ("two", tmp_path / "runs" / "two")
    assert found(tmp_path / "runs", "one", url) == ("one", tmp_path / "runs" / "one")
    assert not (tmp_path / "runs").exists()


def test_what_is_not_there_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=f"there is no study in {tmp_path}: run nas-search first"):
        open_existing(tmp_path, "", "")
    with pytest.raises(StorageError, match=r"there is no .*other/study\.db"):
        open_existing(tmp_path, "other", "")
    assert list(tmp_path.iterdir()) == []
    url = f"sqlite:///{tmp_path}/all.db"
    StudyStore.open(url, "one").close()
    with pytest.raises(StudyError, match="no study 'two': there are 'one'"):
        open_existing(tmp_path, "two", url)


def test_the_newest_is_the_one_searched_last_whoever_looked_at_another_since(tmp_path: Path) -> None:
    for when, name in enumerate(("old", "new")):
        make(tmp_path, name)
        (tmp_path / name / "config.toml").touch()
        os.utime(tmp_path / name / "config.toml", (when, when))
    with StudyStore.open(f"sqlite:///{tmp_path}/old/study.db", "old") as store:
        store.study.set_user_attr("note", "somebody looked")
    assert found(tmp_path)[0] == "new"
