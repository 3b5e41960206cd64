"""Finding a study that is there."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from nas.database import snapshot
from nas.errors import StudyError
from nas.study import StudyStore, open_all, open_existing, study_names


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
    with pytest.raises(StudyError, match=f"there is no study in {tmp_path}: run nas-search first"):
        open_existing(tmp_path, "other", "")
    assert list(tmp_path.iterdir()) == []
    url = f"sqlite:///{tmp_path}/all.db"
    StudyStore.open(url, "one").close()
    with pytest.raises(StudyError, match="no study 'two': there are 'one'"):
        open_existing(tmp_path, "two", url)


def test_the_studies_that_are_there_are_named_and_the_nearest_asked_about(tmp_path: Path) -> None:
    for name in ("faces", "digits-2Mmacs"):
        make(tmp_path, name)
    expected = "no study 'digits-2M': there are '.*', '.*'; did you mean digits-2Mmacs"
    with pytest.raises(StudyError, match=expected):
        open_existing(tmp_path, "digits-2M", "")
    for number in range(12):
        make(tmp_path, f"more-{number}")
    with pytest.raises(StudyError, match=r"no study 'x': there are ('[^']+', ){9}'[^']+' and 4 others$"):
        open_existing(tmp_path, "x", "")


def test_the_newest_is_the_one_searched_last_whoever_looked_at_another_since(tmp_path: Path) -> None:
    for when, name in enumerate(("old", "new")):
        make(tmp_path, name)
        (tmp_path / name / "config.toml").touch()
        os.utime(tmp_path / name / "config.toml", (when, when))
    with StudyStore.open(f"sqlite:///{tmp_path}/old/study.db", "old") as store:
        store.study.set_user_attr("note", "somebody looked")
    assert found(tmp_path)[0] == "new"


def finish(workdir: Path, name: str) -> None:
    with StudyStore.open(f"sqlite:///{workdir}/{name}/study.db", name) as store:
        store.study.tell(store.study.ask(), [1.0, 2.0])


def test_a_running_search_without_a_result_does_not_hide_the_last_finished_one(tmp_path: Path) -> None:
    for when, name in enumerate(("oldest", "finished", "running", "damaged")):
        make(tmp_path, name)
        (tmp_path / name / "config.toml").touch()
        os.utime(tmp_path / name / "config.toml", (when, when))
    assert found(tmp_path)[0] == "damaged"
    for name in ("oldest", "finished"):
        finish(tmp_path, name)
    (tmp_path / "damaged" / "study.db").write_text("no database")
    assert found(tmp_path) == ("finished", tmp_path / "finished")
    assert found(tmp_path, "running")[0] == "running"
    assert study_names(tmp_path, "") == ["damaged", "running", "finished", "oldest"]
    finish(tmp_path, "running")
    assert found(tmp_path)[0] == "running"


def test_all_studies_are_opened_and_the_damaged_ones_named(tmp_path: Path) -> None:
    for when, name in enumerate(("one", "two", "broken")):
        os.utime(make(tmp_path, name), (when, when))
    (tmp_path / "broken" / "study.db").write_text("no database")
    reasons: list[str] = []
    studies = open_all(tmp_path, "", reasons.append)
    assert {store.name for store, _ in studies} == {"one", "two"}
    assert all(folder == tmp_path / store.name for store, folder in studies)
    for store, _ in studies:
        store.close()
    (reason,) = reasons
    assert "broken/study.db" in reason


@pytest.mark.parametrize("log", ["none", "of a writer", "left behind"])
def test_a_study_that_can_not_be_written_is_read_and_its_folder_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: str
) -> None:
    path = tmp_path / "study" / "study.db"
    with StudyStore.open(f"sqlite:///{path}", "study") as writer:
        writer.study.tell(writer.study.ask(), [1.0, 2.0])
        if log == "left behind":  # as a killed search does
            copied = shutil.copytree(path.parent, tmp_path / "copy" / "study")
            (copied / "study.db-shm").unlink()
            assert (copied / "study.db-wal").stat().st_size
            path = copied / "study.db"
        if log == "none":
            writer.close()
        before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
        monkeypatch.setattr(snapshot, "_is_writable", lambda path: False)
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        store, folder = open_existing(path.parent.parent, "", "")
        assert folder == path.parent
        assert store.url == f"sqlite:///{path}"
        assert store.study.trials[0].values == [1.0, 2.0]
        assert len(list(tmp_path.glob("nas-study-*"))) == 1
        store.close()
        assert list(tmp_path.glob("nas-study-*")) == []
        for name in ("study.db", "study.db-wal"):
            now = path.with_name(name).read_bytes() if path.with_name(name).exists() else b""
            assert now == before.get(name, b"")
