"""One contract for stores of every kind: whole objects, errors told apart, outages outlasted."""

from __future__ import annotations

import hashlib
import importlib
import io
import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from nas.errors import ConfigError
from nas.exchange import ExchangeError, ExchangeOutageError, ObjectStore
from nas.exchange.object_store import CHUNK
from nas.retrying import NO_RETRIES, RetryPolicy
from tests.nas.exchange.conftest import BRIEF
from tests.nas.exchange.s3_server import AWAY, BUCKET, DENIED, S3Server


@pytest.fixture
def store(url: str) -> ObjectStore:
    return ObjectStore(url, BRIEF)


def test_an_object_is_read_as_it_was_written(store: ObjectStore) -> None:
    store.write(b"first", "a/b.json")
    store.write(b"second", "a/b.json")
    assert store.read("a/b.json") == b"second"
    assert store.read("a/other.json") is None
    assert store.read("other/b.json") is None


@pytest.mark.parametrize("size", [0, 1, 2 * CHUNK + 1])
def test_a_file_comes_back_whole_and_its_digest_is_told(
    store: ObjectStore, tmp_path: Path, size: int
) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    content, path, seen, back = content[:size], tmp_path / "file", [], io.BytesIO()
    path.write_bytes(content)
    store.put(path, "trials/0001/x", seen.append)
    assert store.fetch("trials/0001/x", back, seen.append) == hashlib.sha256(content).hexdigest()
    assert back.getvalue() == content
    with pytest.raises(FileNotFoundError):
        store.fetch("trials/0001/y", io.BytesIO())


def test_names_are_those_below_a_folder_and_what_is_removed_is_gone(store: ObjectStore) -> None:
    assert store.names() == []
    for name in ("a/1/x", "a/1/y", "a/2/x", "ab/x"):
        store.write(b"", name)
    assert store.names("a") == ["a/1/x", "a/1/y", "a/2/x"]
    assert store.names() == ["a/1/x", "a/1/y", "a/2/x", "ab/x"]
    store.remove("a/1/x")
    store.remove("a/1/x")
    store.remove_below("a")
    store.remove_below("a")
    assert store.names() == ["ab/x"]


def test_a_file_that_is_not_there_is_not_the_stores_fault(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.put(tmp_path / "missing", "x")
    assert store.names() == []


def test_a_full_disk_is_not_the_stores_fault(store: ObjectStore) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    store.write(b"content", "x")
    with pytest.raises(OSError, match="No space left"):
        store.fetch("x", Full())


def test_an_outage_is_outlasted_and_told(s3: S3Server, caplog: pytest.LogCaptureFixture) -> None:
    store, left, waited = ObjectStore(f"s3://{BUCKET}/p", RetryPolicy(30.0, 0.01, 0.05)), [5], []

    def answer(method: str, path: str) -> tuple[str, str] | None:
        left[0] -= method == "PUT"
        return AWAY if method == "PUT" and left[0] >= 0 else None

    s3.answer = answer
    with caplog.at_level(logging.WARNING):
        store.write(b"content", "x", waited.append)
    assert store.read("x") == b"content"
    assert waited


def test_an_outage_that_lasts_names_the_store_and_what_to_do(s3: S3Server) -> None:
    store = ObjectStore(f"s3://{BUCKET}/p", BRIEF)
    s3.answer = lambda method, path: AWAY
    with pytest.raises(ExchangeOutageError) as caught:
        store.write(b"content", "x")
    said = str(caught.value)
    assert said.startswith(f"s3://{BUCKET}/p has not answered for ")
    assert said.endswith("start the object store or mend the network, then run the same command again")
    assert "\n" not in said


def test_a_server_that_is_gone_is_an_outage(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ExchangeOutageError):
        ObjectStore(f"s3://{BUCKET}/p", BRIEF).read("x")


def test_what_is_refused_is_not_repeated(s3: S3Server) -> None:
    store = ObjectStore(f"s3://{BUCKET}/p", BRIEF)
    s3.answer = lambda method, path: DENIED if method == "PUT" else None
    with pytest.raises(ExchangeError, match="refuses access") as caught:
        store.write(b"content", "x")
    assert not isinstance(caught.value, ExchangeOutageError)
    assert [method for method, _ in s3.requests].count("PUT") == 1


def test_the_clients_own_repetitions_do_not_multiply_ours(s3: S3Server) -> None:
    s3.answer = lambda method, path: AWAY
    with pytest.raises(ExchangeOutageError):
        ObjectStore(f"s3://{BUCKET}/p", NO_RETRIES).write(b"content", "x")
    assert [method for method, _ in s3.requests].count("PUT") <= 2


@pytest.mark.parametrize("code", ["InvalidBucketName", "AuthorizationHeaderMalformed"])
def test_a_request_that_makes_no_sense_is_not_repeated(s3: S3Server, code: str) -> None:
    s3.answer = lambda method, path: ("400 Bad Request", code)
    with pytest.raises(ExchangeError, match=r"refuses a request \(.*mend the URL") as caught:
        ObjectStore(f"s3://{BUCKET}/p", BRIEF).write(b"content", "x")
    assert not isinstance(caught.value, ExchangeOutageError)
    assert [method for method, _ in s3.requests].count("PUT") == 1


def test_credentials_that_are_missing_are_no_outage(
    no_credentials: S3Server,
) -> None:
    with pytest.raises(ExchangeError, match="for want of credentials") as caught:
        ObjectStore(f"s3://{BUCKET}/p", BRIEF).read("x")
    assert not isinstance(caught.value, ExchangeOutageError)


@pytest.mark.parametrize("protocol", ["ftp", "zip", "dir", "reference", "http", "sftp"])
def test_protocols_of_no_object_store_are_refused_in_a_line(protocol: str) -> None:
    with pytest.raises(
        ConfigError, match=f"{protocol} is no protocol of an object store.*; give one"
    ) as caught:
        ObjectStore(f"{protocol}://x/y")
    assert "\n" not in str(caught.value)


def test_an_object_that_is_too_long_is_not_read(store: ObjectStore) -> None:
    store.write(b"123", "x")
    assert store.read("x", at_most=3) == b"123"
    assert store.read("y", at_most=3) is None
    with pytest.raises(ExchangeError, match="x has 3 bytes, more than 2"):
        store.read("x", at_most=2)


def test_a_bucket_that_is_gone_is_named(s3: S3Server) -> None:
    with pytest.raises(ExchangeError, match="s3://none-such/p is gone"):
        ObjectStore("s3://none-such/p", BRIEF).write(b"content", "x")


def test_an_unknown_protocol_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match="--exchange s4://b/p: s4 is no protocol of an object store; did you mean s3"
    ):
        ObjectStore("s4://b/p")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://b/p", r"the package s3fs is not installed: pip install '\.\[s3\]' in a clone of the project"),
        ("gs://b/p", "--exchange gs://b/p: [^\n]*gcsfs"),
    ],
)
def test_a_missing_package_is_named_with_its_pip_line(
    url: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = importlib.import_module("fsspec.registry")
    for module in ("s3fs", "gcsfs"):
        monkeypatch.setitem(sys.modules, module, None)
    for name in ("_registry", "registry"):
        monkeypatch.setattr(known, name, {})
    with pytest.raises(ConfigError, match=said):
        ObjectStore(url)


def test_credentials_are_in_no_message(s3: S3Server, caplog: pytest.LogCaptureFixture) -> None:
    s3.answer = lambda method, path: AWAY
    with caplog.at_level(logging.DEBUG, logger="nas"), pytest.raises(ExchangeError) as caught:
        ObjectStore(f"s3://{BUCKET}/p", BRIEF).write(b"content", "x")
    assert "a-secret-of-this-test" not in str(caught.value) + caplog.text


def test_what_a_killed_writer_left_in_a_folder_is_no_object(tmp_path: Path) -> None:
    store = ObjectStore(f"file://{tmp_path}/store", NO_RETRIES)
    store.write(b"content", "study/driver.json")
    (tmp_path / "store" / "study" / ".0123.partial").write_bytes(b"cont")
    assert store.names() == ["study/driver.json"]
    assert store.read("study/driver.json") == b"content"


def test_listing_and_removing_report_that_they_are_not_over(s3: S3Server) -> None:
    store, waited = ObjectStore(f"s3://{BUCKET}/p", RetryPolicy(2.0, 0.01, 0.05)), list[float]()
    s3.answer = lambda method, path: AWAY
    for action in (
        lambda: store.names("x", waited.append),
        lambda: store.remove("x", waited.append),
    ):
        waited.clear()
        with pytest.raises(ExchangeOutageError):
            action()
        assert waited
