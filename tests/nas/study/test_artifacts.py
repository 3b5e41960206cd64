"""Sample grids of trials, as the dashboard shows them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from optuna.artifacts import get_all_artifact_meta
from PIL import Image

from nas.errors import WorkdirError
from nas.study import StudyStore, attach_samples


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[StudyStore]:
    with StudyStore.open(f"sqlite:///{tmp_path}/study.db", "digits") as store:
        yield store


def picture(path: Path, colour: int) -> Path:
    Image.new("L", (8, 8), colour).save(path)
    return path


def test_a_newer_sample_grid_replaces_the_one_of_the_rung_before(empty: StudyStore, tmp_path: Path) -> None:
    artifacts = tmp_path / "artifacts"
    trial = empty.study.ask()
    first = attach_samples(trial, picture(tmp_path / "samples.png", 10), artifacts)
    newer = picture(tmp_path / "samples.png", 200)
    assert attach_samples(trial, newer, artifacts) == first
    attach_samples(trial, picture(tmp_path / "teacher.png", 99), artifacts)
    attach_samples(empty.study, tmp_path / "teacher.png", artifacts)
    assert sorted(meta.filename for meta in get_all_artifact_meta(trial)) == ["samples.png", "teacher.png"]
    assert [meta.mimetype for meta in get_all_artifact_meta(empty.study)] == ["image/png"]
    assert (artifacts / first).read_bytes() == newer.read_bytes()


def test_a_picture_is_whole_and_on_the_disk_before_the_study_refers_to_it(
    empty: StudyStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, sync = list[str](), os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    made = attach_samples(empty.study.ask(), picture(tmp_path / "samples.png", 10), tmp_path / "artifacts")
    assert [name.endswith(".partial") for name in synced] == [True, False]
    assert synced[1] == "artifacts"
    assert [path.name for path in (tmp_path / "artifacts").iterdir()] == [made]


def test_an_artifacts_folder_that_can_not_be_made_is_named(empty: StudyStore, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkdirError, match=r"file/artifacts can't be written .*--workdir"):
        attach_samples(empty.study, picture(tmp_path / "a.png", 0), tmp_path / "file" / "artifacts")
