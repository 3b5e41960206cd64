"""What takes no time is checked before images are decoded, in the second search of a work folder, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distill.tasks import NoiseTask
from distill.teachers import load_teacher
from nas.config import SearchConfig
from nas.driver import prepare
from nas.study import StudyStore
from search_spaces import UserError


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"sampler": "grid"}, "--sampler grid"),
        ({"budget_macs": 100}, "100"),
        ({"enqueue": ("gone.json",)}, "gone.json"),
        ({"extractor": "eyes"}, "eyes"),
    ],
)
def test_a_wrong_request_is_refused_before_any_image_is_loaded(
    wrong: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs" / "cache" / "teacher").mkdir(parents=True)
    monkeypatch.setattr(NoiseTask, "load", lambda *_, **__: pytest.fail("images were loaded"))
    with pytest.raises(UserError, match=says):
        prepare(SearchConfig.of(**{"budget_macs": 10**6, "workdir": tmp_path / "runs"} | wrong))


def test_the_warm_start_is_read_once(teacher_file: Path, tmp_path: Path) -> None:
    teacher = load_teacher(teacher_file)
    smallest = teacher.family.space(teacher.generator.architecture).smallest()
    (tmp_path / "found.json").write_text(json.dumps(smallest.to_json()))
    settings = {"enqueue": (tmp_path / "found.json",), "workdir": tmp_path / "runs", "data": "digits"}
    bench = prepare(SearchConfig.of(budget_macs=100_000, teacher=teacher_file, **settings), dry_run=True)
    (tmp_path / "found.json").unlink()
    assert bench.load_warm_start().architectures == [smallest]


def test_a_study_keeps_the_size_of_its_teacher_cache(teacher_file: Path, tmp_path: Path) -> None:
    settings = {"budget_macs": 100_000, "teacher": teacher_file, "data": "digits", "study": "older"}
    asked = SearchConfig.of(**settings, workdir=tmp_path, rungs="64", fid_samples=50)
    bench = prepare(asked, dry_run=True)
    assert (bench.config.teacher_cache_size, bench.config.cached_images) == (None, 64)
    asked.folder.mkdir()
    identity = bench.identity | {"teacher_cache_size": "10000"}  # the default of earlier versions
    with StudyStore.open(asked.storage_url, "older", identity=identity) as store:
        store.study.ask()
    assert prepare(asked, dry_run=True).config.cached_images == 10_000
    given = asked.model_copy(update={"teacher_cache_size": 128})
    assert prepare(given, dry_run=True).config.cached_images == 128
