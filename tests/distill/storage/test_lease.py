"""The lease of a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from distill.storage import LeaseHeldError, folder_lease

HOLD = "import sys\nfrom pathlib import Path\nfrom distill.storage import folder_lease\n"
HOLD += "with folder_lease(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"


def test_the_folder_is_made(tmp_path: Path) -> None:
    with folder_lease(tmp_path / "new" / "folder"):
        assert (tmp_path / "new" / "folder").is_dir()


def test_one_process_at_a_time_holds_it_and_a_killed_one_no_longer(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LeaseHeldError, match=str(tmp_path)), folder_lease(tmp_path):
            pass
    finally:
        holder.kill()
        holder.communicate()
    with folder_lease(tmp_path):
        pass


def test_an_error_of_the_holder_gives_it_back(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), folder_lease(tmp_path):
        1 / 0  # noqa: B018
    with folder_lease(tmp_path):
        pass
