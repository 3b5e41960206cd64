"""The databases of tests: SQLite, and the PostgreSQL that NAS_TEST_POSTGRES names."""

import os
import uuid
from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/runs/study.db"
    given = os.environ.get("NAS_TEST_POSTGRES")
    if not given:  # the suite runs without a server, and SQLite's half still tests the same
        pytest.skip("set NAS_TEST_POSTGRES to the URL of an empty PostgreSQL database to test with one")
    return given


@pytest.fixture
def name() -> str:
    return f"study-{uuid.uuid4().hex[:8]}"  # a PostgreSQL database is shared by all tests
