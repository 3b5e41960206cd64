"""A deleted study leaves nothing of its own, and everything of others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from nas.config import SETTINGS
from nas.database import LeaseRow, Rung
from nas.errors import StudyError
from nas.study import StudyAttributes, StudyStore
from nas.upkeep import delete_study, deletion, finalists_of, own_files
from nas.upkeep.leftovers import remove
from tests.nas.upkeep.small_study import files_of, small_study


def opened(url: str, name: str) -> StudyStore:
    return StudyStore.open(url, name, create=False)


def test_a_study_goes_with_its_folder_and_others_stay(tmp_path: Path) -> None:
    url, folder = small_study(tmp_path / "runs", "small")
    _, other = small_study(tmp_path / "runs", "other")
    (tmp_path / "runs" / "cache").mkdir()
    before = files_of(other)
    delete_study(opened(url, "small"), folder)
    assert not folder.exists()
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"other", "cache"}
    assert files_of(other) == before


def test_in_a_shared_database_only_its_own_rows_go(tmp_path: Path, url: str, name: str) -> None:
    _, folder = small_study(tmp_path / "runs", name, url)
    _, other = small_study(tmp_path / "runs", f"{name}-b", url)
    delete_study(opened(url, name), folder)
    assert not folder.exists()
    assert other.is_dir()
    assert {each for each in StudyStore.names(url) if each.startswith(name)} == {f"{name}-b"}
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        for table in (Rung, LeaseRow):
            count = sa.select(sa.func.count()).select_from(table).where(table.study == name)
            assert connection.execute(count).scalar_one() == 0
    engine.dispose()
    with opened(url, f"{name}-b") as store:
        assert len(store.study.get_trials()) == len(store.rungs()) == 4


def test_a_study_that_is_run_stays(tmp_path: Path, url: str, name: str) -> None:
    _, folder = small_study(tmp_path / "runs", name, url)
    before = files_of(folder)
    with (
        opened(url, name) as driver,
        driver.lease(),
        pytest.raises(StudyError, match=r"is being run by pid \d+ on .* wait for it or stop it"),
    ):
        delete_study(opened(url, name), folder)
    assert files_of(folder) == before
    assert name in StudyStore.names(url)


def test_a_second_study_in_the_same_file_keeps_the_file(tmp_path: Path) -> None:
    url, folder = small_study(tmp_path / "runs", "small")
    StudyStore.open(url, "guest").close()
    delete_study(opened(url, "small"), folder)
    assert {path.name for path in folder.iterdir()} - {"study.db-wal", "study.db-shm"} == {"study.db"}
    assert StudyStore.names(url) == ["guest"]


def test_a_folder_that_is_not_the_studys_own_stays(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/all.db"
    StudyStore.open(url, "photos").close()
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "holiday.png").write_bytes(b"a picture")
    with opened(url, "photos") as store, pytest.raises(StudyError, match="has no settings of study 'photos'"):
        own_files(store, photos)
    _, folder = small_study(tmp_path / "runs", "small")
    StudyStore.open(url, "small").close()
    with (
        opened(url, "small") as store,
        pytest.raises(StudyError, match=r"belongs to study 'small' in"),
    ):
        delete_study(store, folder)
    assert (folder / "trials").is_dir()


def test_what_a_link_in_the_folder_leads_to_stays(tmp_path: Path) -> None:
    url, folder = small_study(tmp_path / "runs", "small")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    (folder / "trials" / "0000" / "link").symlink_to(tmp_path / "mine")
    (folder / "link").symlink_to(tmp_path / "mine")
    delete_study(opened(url, "small"), folder)
    assert not folder.exists()
    assert (tmp_path / "mine" / "file").read_text() == "mine"


def test_studies_of_its_finalists_are_known(tmp_path: Path) -> None:
    url, _ = small_study(tmp_path / "runs", "small")
    final, _ = small_study(tmp_path / "runs", "small-final")
    small_study(tmp_path / "runs", "other")
    with StudyStore.open(final, "small-final") as store:
        StudyAttributes(finalists_of="small").write(store.study)
    with opened(url, "small") as store:
        assert finalists_of(store, tmp_path / "runs", "") == ["small-final"]


def test_commands_that_look_at_studies_do_not_wait_for_what_only_a_search_needs() -> None:
    slow = "{'ray', 'torchvision', 'scipy.stats', 'torch._dynamo'}"
    code = f"import sys, nas.cli.study, nas.upkeep, nas.reporting; print({slow} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


def test_a_deletion_that_was_interrupted_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    _, folder = small_study(tmp_path / "runs", "small", url)
    (folder / "zebra").mkdir()

    def interrupted(path: Path) -> None:
        if path.name == "zebra":
            raise KeyboardInterrupt
        remove(path)

    with monkeypatch.context() as patch:
        patch.setattr(deletion, "remove", interrupted)
        with pytest.raises(KeyboardInterrupt):
            delete_study(opened(url, "small"), folder)
    assert {path.name for path in folder.iterdir()} >= {SETTINGS, "zebra"}
    delete_study(opened(url, "small"), folder)
    assert not folder.exists()
    assert StudyStore.names(url) == []


def test_a_deletion_that_was_interrupted_before_the_database_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(store: StudyStore) -> None:
        raise KeyboardInterrupt

    url = f"sqlite:///{tmp_path}/elsewhere.db"
    _, folder = small_study(tmp_path / "runs", "small", url)
    with monkeypatch.context() as patch:
        patch.setattr(StudyStore, "delete", interrupted)
        with pytest.raises(KeyboardInterrupt):
            delete_study(opened(url, "small"), folder)
    assert list(folder.iterdir()) == []
    delete_study(opened(url, "small"), folder)
    assert not folder.exists()
    assert StudyStore.names(url) == []
