"""What is written is there whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from search_spaces.reading import sync_folder, written_whole


def test_a_file_appears_when_it_is_complete_and_replaces_the_former(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 240 + ".txt")
    for content in (b"first", b"second"):
        before = path.read_bytes() if path.exists() else None
        with written_whole(path) as file:
            file.write(content)
            file.flush()
            assert (path.read_bytes() if path.exists() else None) == before
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("former")

    def fail() -> None:
        with written_whole(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [(p, p.read_text()) for p in tmp_path.iterdir()] == [(path, "former")]


def test_two_writers_at_once_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with written_whole(path) as one, written_whole(path) as other:
        one.write(b"1" * 10)
        other.write(b"2" * 20)
    assert path.read_bytes() == b"1" * 10
    assert list(tmp_path.iterdir()) == [path]


def test_others_may_read_it_as_they_may_read_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with written_whole(tmp_path / "whole"):
        pass
    modes = {stat.S_IMODE(os.stat(path).st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), written_whole(tmp_path / "none" / "a.txt"):
        pass


def test_a_link_is_replaced_and_what_it_leads_to_is_left(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "file").symlink_to(tmp_path / "victim")
    with written_whole(tmp_path / "file") as file:
        file.write(b"new")
    assert (tmp_path / "victim").read_text() == "precious"
    assert (tmp_path / "file").read_bytes() == b"new"


def test_file_and_folder_are_synced_before_and_after_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    replace = os.replace
    monkeypatch.setattr(os, "fsync", lambda number: happened.append(os.readlink(f"/proc/self/fd/{number}")))
    monkeypatch.setattr(os, "replace", lambda *names: (happened.append("rename"), replace(*names)))
    with written_whole(tmp_path / "file") as file:
        file.write(b"new")
    assert happened[0].endswith(".partial")
    assert happened[1:] == ["rename", str(tmp_path)]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_folder_that_the_disk_did_not_take_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "fsync", _failing(number))
    with pytest.raises(OSError, match=os.strerror(number)):
        sync_folder(tmp_path)


def test_a_file_system_that_syncs_no_folders_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", _failing(errno.EINVAL))
    sync_folder(tmp_path)


def _failing(number: int) -> Callable[[int], None]:
    def sync(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    return sync
