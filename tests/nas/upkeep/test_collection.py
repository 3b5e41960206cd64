"""What is collected of a study, and what never is."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from nas.config import SETTINGS, write_toml
from nas.errors import StudyError, WorkdirError
from nas.reporting import SearchReport
from nas.study import StudyStore
from nas.upkeep import collect_garbage, collection, kept_trials, retention
from tests.nas.cli.command_line import run
from tests.nas.upkeep.small_study import files_of, small_study


def moved(found: SearchReport, tmp_path: Path) -> tuple[str, Path]:
    """A study of the same name and files in a folder of this test."""
    folder = shutil.copytree(found.folder, tmp_path / "runs" / found.study)
    write_toml(folder / SETTINGS, {"study": found.study, "workdir": str(tmp_path / "runs")})
    return f"sqlite:///{folder / 'study.db'}", folder


def checkpoints(folder: Path) -> set[int]:
    return {int(path.parent.name) for path in (folder / "trials").glob("*/*rung-*.pt")}


@pytest.mark.parametrize("keep", ["front", "best"])
def test_checkpoints_go_by_the_rule_and_all_else_stays(
    replicated: SearchReport, tmp_path: Path, keep: str
) -> None:
    url, folder = moved(replicated, tmp_path)
    before = files_of(folder)
    with StudyStore.open(url, replicated.study, create=False) as store:
        look = collect_garbage(store, folder, keep, dry_run=True)  # type: ignore[arg-type]  # a word of Keep
        assert files_of(folder) == before
        found = collect_garbage(store, folder, keep, dry_run=False)  # type: ignore[arg-type]  # a word of Keep
        assert not store.has_driver
    kept = kept_trials(replicated, keep)  # type: ignore[arg-type]  # a word of Keep
    assert checkpoints(folder) == kept != set()
    assert found.checkpoints == look.checkpoints
    assert found.freed == look.freed == sum(len(before[path]) for path in found.checkpoints)
    assert found.before.checkpoints - found.after.checkpoints == found.freed
    after = files_of(folder)
    assert after == {path: content for path, content in before.items() if path in after}
    assert before.keys() - after.keys() == set(found.checkpoints)


def test_all_keeps_every_checkpoint(finished: SearchReport, tmp_path: Path) -> None:
    url, folder = moved(finished, tmp_path)
    before = files_of(folder)
    with StudyStore.open(url, finished.study, create=False) as store:
        assert collect_garbage(store, folder, "all").freed == 0
    assert files_of(folder) == before


def test_what_killed_runs_left_goes_and_links_are_not_followed(tmp_path: Path) -> None:
    url, folder = small_study(tmp_path / "runs", "small")
    before = files_of(folder)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "checkpoint-rung-1.pt").write_bytes(b"mine")
    trials = folder / "trials"
    left = [
        folder / ".0123456789abcdef0123456789abcdef.partial",
        trials / "0003" / ".progress",
        trials / "0001" / ".fedcba9876543210fedcba9876543210.partial",
        trials / "0099" / "checkpoint-rung-1.pt",
        folder / "artifacts" / "11111111-2222-3333-4444-555555555555",
    ]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"left")
    (trials / "0098").symlink_to(mine)
    (trials / "notes").mkdir()
    (trials / "notes" / "mine.txt").write_text("mine")
    with StudyStore.open(url, "small", create=False) as store:
        store.study.set_user_attr("config", {})  # nothing to judge checkpoints by
        found = collect_garbage(store, folder, "best")
    assert found.checkpoints == []
    assert found.freed == len(left) * len(b"left")
    assert not any(path.exists() for path in left)
    assert (mine / "checkpoint-rung-1.pt").read_bytes() == b"mine"
    assert (trials / "notes" / "mine.txt").exists()
    (trials / "0098").unlink()
    (trials / "notes" / "mine.txt").unlink()
    assert files_of(folder) == before


@pytest.mark.parametrize("dry_run", [False, True])
def test_nothing_is_collected_while_a_driver_runs_the_study(tmp_path: Path, *, dry_run: bool) -> None:
    url, folder = small_study(tmp_path / "runs", "small")
    (folder / ".0123456789abcdef0123456789abcdef.partial").touch()
    before = files_of(folder)
    with (
        StudyStore.open(url, "small") as driver,
        driver.lease(),
        StudyStore.open(url, "small", create=False) as store,
        pytest.raises(StudyError, match=r"is being run by pid \d+"),
    ):
        collect_garbage(store, folder, "best", dry_run=dry_run)
    assert files_of(folder) == before


def test_a_search_that_begins_meanwhile_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, folder = small_study(tmp_path / "runs", "small")
    (folder / ".0123456789abcdef0123456789abcdef.partial").touch()
    refused = []

    def begin(path: Path) -> None:
        with (
            StudyStore.open(url, "small") as driver,
            pytest.raises(StudyError, match="is being run by"),
            driver.lease(),
        ):
            pass
        refused.append(path.name)

    monkeypatch.setattr(collection, "remove", begin)
    with StudyStore.open(url, "small", create=False) as store:
        store.study.set_user_attr("config", {})
        collect_garbage(store, folder, "all")
    assert len(refused) == 1


def test_gc_deletes_no_checkpoint_where_the_best_is_damaged_and_says_so(
    replicated: SearchReport, tmp_path: Path
) -> None:
    _, folder = moved(replicated, tmp_path)
    assert replicated.best is not None
    damaged = folder / replicated.best.rungs[-1].checkpoint
    damaged.write_bytes(b"damaged")
    before = files_of(folder)
    result = run("nas-study", "gc", folder.name, "--keep", "best", "--workdir", folder.parent)
    assert result.exit_code == 0, result.output
    after = files_of(folder)
    assert {path for path in before.keys() - after.keys() if path.endswith(".pt")} == set()
    said = " ".join(result.stderr.split())
    assert f"all others stay: trial {replicated.best.number}: {damaged} is damaged; put it back" in said


def test_a_checkpoint_that_can_not_be_read_is_one_line_and_nothing_is_deleted(
    replicated: SearchReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> str:
        raise OSError(errno.EIO, "Input/output error", str(path))

    url, folder = moved(replicated, tmp_path)
    before = checkpoints(folder)
    monkeypatch.setattr(retention, "file_digest", fail)
    with (
        StudyStore.open(url, replicated.study, create=False) as store,
        pytest.raises(WorkdirError, match=r"\.pt: .*: nothing was deleted; mend the disk"),
    ):
        collect_garbage(store, folder, "best")
    assert checkpoints(folder) == before
