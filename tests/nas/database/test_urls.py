"""Storage URLs."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.database import parse_url, same_database, sqlite_path


def test_a_tilde_in_a_url_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert sqlite_path(parse_url("sqlite:///~/runs/study.db")) == tmp_path / "runs" / "study.db"
    assert same_database("sqlite:///~/study.db", f"sqlite:///{tmp_path}/study.db")
    assert parse_url("postgresql://me@host/~").database == "~"


def test_what_is_no_url_is_no_database(tmp_path: Path) -> None:
    assert not same_database("minio", f"sqlite:///{tmp_path}/study.db")
    assert same_database(f"sqlite:///{tmp_path}/a/../study.db", f"sqlite:///{tmp_path}/study.db")
