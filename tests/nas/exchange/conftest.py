"""Stores of tests: one in memory, and S3 as moto serves it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from nas.exchange import object_store
from nas.retrying import RetryPolicy
from tests.nas.exchange.s3_server import BUCKET, S3Server, s3_server

BRIEF = RetryPolicy(0.3, 0.01, 0.05)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """An S3 server, its address and credentials in the environment."""
    with s3_server(monkeypatch) as server:
        yield server


@pytest.fixture
def no_credentials(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The server, and neither environment nor profile with credentials for it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return s3


@pytest.fixture(params=["memory", "file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty store of each kind."""
    if request.param == "memory":
        yield f"memory://{uuid4().hex}"
        MemoryFileSystem.store.clear()
    elif request.param == "file":
        yield f"file://{tmp_path_factory.mktemp('store')}/below"
    else:
        request.getfixturevalue("s3")
        yield f"s3://{BUCKET}/some/prefix"


@pytest.fixture(autouse=True)
def stores_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accept memory://, which no two processes share, for its speed."""
    monkeypatch.setattr(object_store, "PROTOCOLS", (*object_store.PROTOCOLS, "memory"))
