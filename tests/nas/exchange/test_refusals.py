"""What `--exchange` is refused for, in one line, before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nas.config import SearchConfig
from nas.errors import ConfigError
from nas.exchange import check_exchange
from tests.nas.exchange.s3_server import AWAY, BUCKET, DENIED, S3Server


@pytest.mark.parametrize(
    ("answer", "said"),
    [(AWAY, r"does not answer \(.*\): start it, or mend its address"), (DENIED, r"no permission \(")],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_store_that_can_not_be_used_is_refused_before_a_study_is_made(
    s3: S3Server, tmp_path: Path, answer: tuple[str, str], said: str, dry_run: bool
) -> None:
    config = SearchConfig.of(
        budget_macs=10**6, study="digits", workdir=tmp_path / "driver", exchange=f"s3://{BUCKET}/p"
    )
    s3.answer = lambda method, path: answer
    with pytest.raises(ConfigError, match=f"--exchange s3://{BUCKET}/p: {said}"):
        check_exchange(config, dry_run=dry_run)
    assert not config.folder.exists()


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_bucket_that_is_not_there_is_refused(s3: S3Server, tmp_path: Path, dry_run: bool) -> None:
    config = SearchConfig.of(budget_macs=10**6, study="digits", workdir=tmp_path, exchange="s3://none-such/p")
    with pytest.raises(ConfigError, match="--exchange s3://none-such/p: there is no such bucket"):
        check_exchange(config, dry_run=dry_run)


def test_missing_credentials_are_asked_for(no_credentials: S3Server, tmp_path: Path) -> None:
    config = SearchConfig.of(budget_macs=10**6, study="digits", workdir=tmp_path, exchange=f"s3://{BUCKET}/p")
    with pytest.raises(ConfigError, match=r"no credentials \(.*AWS_PROFILE"):
        check_exchange(config)


@pytest.mark.parametrize(
    "url",
    [
        "bucket/prefix",
        "s3://",
        "s3:///",
        "://x",
        "s3://b/p?x=1",
        "s3://b/../c",
        "s3://../c",
        "file://relative/folder",
        "local://relative",
        "s3://b/p#x",
        "simplecache::s3://b",
    ],
)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"--exchange .*: give a (plain )?URL"):
        SearchConfig.of(budget_macs=10**6, exchange=url)


def test_a_password_in_the_url_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError, match="give no user or password in a URL") as caught:
        SearchConfig.of(budget_macs=10**6, exchange="ftp://me:s3cret@host/p")
    assert "s3cret" not in str(caught.value)


def test_shared_weights_are_refused() -> None:
    values: dict[str, Any] = {"budget_macs": 10**6, "exchange": "s3://b/p", "share_weights": True}
    with pytest.raises(ConfigError, match="--exchange: leave it out with --share-weights"):
        SearchConfig.of(**values)
