"""Only what nobody works on any more is removed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from distill.storage import scratch as module
from distill.storage.scratch import ABANDONED_SECONDS, OWNER, owned, scratch_folder, sweep
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


HELD = """
import sys, time
from pathlib import Path
from distill.storage import scratch_folder
with scratch_folder(Path(sys.argv[1]), ".0123-") as folder:
    print(folder, flush=True)
    time.sleep(99)
"""


def test_what_a_killed_process_leaves_goes_at_once_and_not_while_it_lives(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HELD, tmp_path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    scratch = Path(process.stdout.readline().strip())
    then = time.time() - 2 * ABANDONED_SECONDS
    for path in (scratch / OWNER, scratch):
        os.utime(path, (then, then))
    assert sweep(tmp_path) == 0
    assert scratch.exists()
    process.kill()
    process.communicate()
    assert scratch.exists()
    assert sweep(tmp_path) == 1
    assert not scratch.exists()


def test_a_folder_of_another_machine_stays_while_it_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / ".0123-x"
    scratch.mkdir()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(module, "_boot", lambda: "another machine")
        with owned(scratch):
            pass
    assert sweep(tmp_path) == 0
    then = time.time() - 2 * ABANDONED_SECONDS
    for path in (scratch / OWNER, scratch):
        os.utime(path, (then, then))
    assert sweep(tmp_path) == 1


def test_only_marked_folders_go_where_others_may_have_such_names(tmp_path: Path) -> None:
    foreign, ours = abandoned(tmp_path).rename(tmp_path / "ray-theirs"), tmp_path / "ray-ours"
    ours.mkdir()
    with owned(ours):
        assert sweep(tmp_path, "ray-*", marked=True) == 0
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "ray-link").symlink_to(tmp_path / "elsewhere")
    assert sweep(tmp_path, "ray-*", marked=True) == 1
    assert (foreign.exists(), ours.exists(), (tmp_path / "ray-link").exists()) == (True, False, True)


def test_a_scratch_folder_is_gone_after_its_block(tmp_path: Path) -> None:
    with scratch_folder(tmp_path, ".0123-") as scratch:
        assert (scratch / OWNER).exists()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_removed_whole_keeps_its_mark_for_the_next_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ".scratch-killed"
    (folder / "logs").mkdir(parents=True)
    with owned(folder):
        pass
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)  # another process writes into it again
        assert sweep(tmp_path, marked=True) == 0
    assert sweep(tmp_path, marked=True) == 1
    assert not folder.exists()
