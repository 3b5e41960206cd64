"""Commands work for a user that the system does not know."""

from __future__ import annotations

import getpass
import os
import pwd
from pathlib import Path

import pytest

from nas.cli.start import have_identity


def test_a_user_without_entry_and_home_gets_both(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:
        raise KeyError("uid not found")

    for name in ("HOME", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    have_identity()
    assert Path.home().is_dir()
    assert getpass.getuser() == f"uid{os.getuid()}"


def test_what_the_system_knows_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("LOGNAME", "me")
    have_identity()
    assert (os.environ["HOME"], os.environ["LOGNAME"]) == ("/home/me", "me")
