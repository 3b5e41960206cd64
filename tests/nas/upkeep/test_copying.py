"""A copy has everything that the study has, in another folder and database, or is not there at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from unittest import mock

import pytest
from optuna_dashboard import _note

from nas.errors import SearchError, StudyError
from nas.study import StudyStore, open_existing
from nas.upkeep import copy_study, copying
from tests.nas.upkeep.small_study import files_of, small_study


def opened(url: str, name: str) -> StudyStore:
    return StudyStore.open(url, name, create=False)


def facts(store: StudyStore) -> list[object]:
    return [
        (
            *(t.number, t.state, t.values, t.datetime_start, t.datetime_complete),
            *(t.params, t.distributions, t.user_attrs, t.system_attrs),
        )
        for t in store.study.get_trials()
    ]


def names(url: str) -> set[str]:
    return set(StudyStore.names(url))


def test_a_copy_in_another_folder_is_the_same_study_there(tmp_path: Path) -> None:
    url, folder = small_study(tmp_path / "runs", "small")
    with opened(url, "small") as store:
        made = copy_study(store, folder, tmp_path / "archive")
        assert (made.trials, made.rungs, made.checkpoints, made.notes) == (4, 4, 4, [])
        copy, place = open_existing(tmp_path / "archive", "small", "")
        with copy:
            assert place == tmp_path / "archive" / "small"
            assert facts(copy) == facts(store)
            assert copy.rungs() == store.rungs()
            assert copy.study.metric_names == store.study.metric_names
            assert copy.study.user_attrs["config"]["workdir"] == str(tmp_path / "archive")
            assert not copy.has_driver
        assert files_of(place) == files_of(folder)
        assert not store.has_driver
    assert {path.name for path in (tmp_path / "archive").iterdir()} == {"small"}


def test_a_study_goes_to_any_database_and_back(tmp_path: Path, url: str, name: str) -> None:
    first, folder = small_study(tmp_path / "runs", name)
    with opened(first, name) as store:
        copy_study(store, folder, tmp_path / "shared", url)
        with opened(url, name) as there:
            assert facts(there) == facts(store)
            assert there.study.user_attrs["config"]["storage"].startswith(url.partition(":")[0])
            copy_study(there, tmp_path / "shared" / name, tmp_path / "back")
        back, place = open_existing(tmp_path / "back", name, "")
        with back:
            assert facts(back) == facts(store)
            assert back.rungs() == store.rungs()
            for one, other in zip(store.study.get_trials(), back.study.get_trials(), strict=True):
                notes = [
                    _note.get_note_from_system_attrs(
                        each.storage.get_study_system_attrs(each.study._study_id), trial._trial_id
                    )
                    for each, trial in ((store, one), (back, other))
                ]
                assert notes[0] == notes[1]
                assert notes[0]["body"] == f"a note on trial {one.number}"
        assert files_of(place) == files_of(folder)
    assert {each for each in names(url) if each.startswith(name)} == {name}


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path, url: str, name: str) -> None:
    first, folder = small_study(tmp_path / "runs", name)
    StudyStore.open(url, f"{name}-other").close()
    rename = os.rename

    def full(source: object, target: object) -> None:
        if str(target) == str(tmp_path / "shared" / name):
            raise KeyboardInterrupt
        rename(source, target)  # type: ignore[arg-type]  # os.rename has overloads

    with opened(first, name) as store:
        with mock.patch.object(copying.os, "rename", full), pytest.raises(KeyboardInterrupt):
            copy_study(store, folder, tmp_path / "shared", url)
        with (
            mock.patch.object(copying, "differing_files", return_value=["log.jsonl"]),
            pytest.raises(SearchError, match=r"the copy differs in log\.jsonl: it is removed"),
        ):
            copy_study(store, folder, tmp_path / "shared", url)
        assert list((tmp_path / "shared").iterdir()) == []
        assert {each for each in names(url) if each.startswith(name)} == {f"{name}-other"}
        copy_study(store, folder, tmp_path / "shared", url)
    assert name in names(url)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before the folder is in place", "before the study has its name"])
def test_a_killed_copy_is_cleared_away_by_the_next(tmp_path: Path, url: str, name: str, moment: str) -> None:
    first, folder = small_study(tmp_path / "runs", name)
    script = f"""
import os
from pathlib import Path
from nas.study import StudyStore
from nas.upkeep import copying
rename = os.rename
def killed(source, target):
    os._exit(9) if str(target) == {str(tmp_path / "shared" / name)!r} else rename(source, target)
{"os.rename = killed" if "folder" in moment else "StudyStore.rename = lambda *_: os._exit(9)"}
with StudyStore.open({first!r}, {name!r}, create=False) as store:
    copying.copy_study(store, Path({str(folder)!r}), Path({str(tmp_path / "shared")!r}), {url!r})
"""
    assert os.spawnl(os.P_WAIT, sys.executable, sys.executable, "-c", script) == 9
    assert name not in names(url)
    with opened(first, name) as store:
        copy_study(store, folder, tmp_path / "shared", url)
    assert {each for each in names(url) if each.startswith(name)} == {name}
    assert [path.name for path in (tmp_path / "shared").iterdir()] == [name]
    assert files_of(tmp_path / "shared" / name) == files_of(folder)


def test_a_checkpoint_unlike_its_record_is_named_and_one_that_is_gone_counted(tmp_path: Path) -> None:
    url, folder = small_study(tmp_path / "runs", "small")
    (folder / "trials/0000/checkpoint-rung-1.pt").write_bytes(b"other weights")
    (folder / "trials/0001/checkpoint-rung-1.pt").unlink()
    with opened(url, "small") as store:
        made = copy_study(store, folder, tmp_path / "archive")
    assert made.checkpoints == 2
    assert made.notes == [
        "trials/0000/checkpoint-rung-1.pt has another SHA-256 than its record, in the study as in the copy",
        "1 checkpoint not copied: not there, deleted by --keep, nas-study gc or by hand",
    ]


def test_a_study_is_not_copied_onto_itself_or_another_nor_while_it_is_run(tmp_path: Path) -> None:
    url, folder = small_study(tmp_path / "runs", "small")
    with opened(url, "small") as store:
        with pytest.raises(StudyError, match=r"is in .*runs: give another --to-workdir"):
            copy_study(store, folder, tmp_path / "runs")
        for within in (folder, folder / "backup"):
            with pytest.raises(StudyError, match=r"is in the folder of study 'small'.*another --to-workdir"):
                copy_study(store, folder, within)
        assert not (folder / "backup").exists()
        with pytest.raises(StudyError, match=r"give another --to, or leave it out"):
            copy_study(store, folder, tmp_path / "archive", url)
        with (
            opened(url, "small") as driver,
            driver.lease(),
            pytest.raises(StudyError, match=r"is being run by pid"),
        ):
            copy_study(store, folder, tmp_path / "archive")
        assert not (tmp_path / "archive").exists()
        copy_study(store, folder, tmp_path / "archive")
        before = files_of(tmp_path / "archive")
        with pytest.raises(StudyError, match=r"there is a study 'small' in .*archive/small already"):
            copy_study(store, folder, tmp_path / "archive")
    assert files_of(tmp_path / "archive") == before


def test_links_in_a_study_are_not_followed(tmp_path: Path) -> None:
    url, folder = small_study(tmp_path / "runs", "small")
    (tmp_path / "secret").write_text("a secret")
    (folder / "trials/0000/link.png").symlink_to(tmp_path / "secret")
    with opened(url, "small") as store:
        copy_study(store, folder, tmp_path / "archive")
    assert not os.path.lexists(tmp_path / "archive/small/trials/0000/link.png")
