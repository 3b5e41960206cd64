"""Only what nobody works on any more is removed."""

from __future__ import annotations

from pathlib import Path

from distill.storage.scratch import ABANDONED_SECONDS, sweep
from tests.distill.scratch import abandoned


def test_what_is_old_goes_and_what_is_new_or_done_stays(tmp_path: Path) -> None:
    old, new = abandoned(tmp_path), abandoned(tmp_path, ABANDONED_SECONDS / 2)
    done = abandoned(tmp_path, 3 * ABANDONED_SECONDS).rename(tmp_path / "0123")
    sweep(tmp_path)
    assert (old.exists(), new.exists(), done.exists()) == (False, True, True)


def test_one_file_written_to_keeps_the_whole(tmp_path: Path) -> None:
    scratch = abandoned(tmp_path)
    (scratch / "entry" / "half").touch()
    sweep(tmp_path)
    assert scratch.exists()


def test_where_there_is_no_folder_there_is_nothing_to_remove(tmp_path: Path) -> None:
    sweep(tmp_path / "nowhere")
