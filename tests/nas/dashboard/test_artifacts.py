"""Artifacts are what somebody put into a database: pictures are shown, nothing runs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from nas.dashboard.artifacts import safe_type
from nas.dashboard.board import Board
from nas.study import StudyStore, attach_samples
from tests.browser import document, needs_browser
from tests.nas.dashboard.http import Answer, ask, served


class Planted:
    """A study in whose database somebody plants artifacts of any type."""

    def __init__(self, store: StudyStore, folder: Path, url: str) -> None:
        self.store, self.url, self._artifacts = store, url, folder / "artifacts"

    def path(self, content: bytes, kind: str, filename: str = "x") -> str:
        """Its URL."""
        artifact = str(uuid.uuid4())
        self._artifacts.mkdir(exist_ok=True)
        (self._artifacts / artifact).write_bytes(content)
        meta = {"artifact_id": artifact, "filename": filename, "mimetype": kind, "encoding": None}
        self.store.storage.set_study_system_attr(
            self.store.study._study_id, f"artifacts:{artifact}", json.dumps(meta)
        )
        return f"{self.url}/artifacts/1/{artifact}"

    def get(self, content: bytes, kind: str) -> Answer:
        return ask(self.path(content, kind))


@pytest.fixture
def planted(store: StudyStore, tmp_path: Path) -> Iterator[Planted]:
    with served(Board([(store, tmp_path)])) as url:
        yield Planted(store, tmp_path, url)


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("text/html", "text/plain; charset=utf-8"),
        ("TEXT/HTML; charset=utf-7", "text/plain; charset=utf-8"),
        ("application/xhtml+xml", "application/octet-stream"),
        ("image/svg+xml", "text/plain; charset=utf-8"),
        ("text/javascript", "text/plain; charset=utf-8"),
        ("application/javascript", "application/octet-stream"),
        ("application/pdf", "application/octet-stream"),
        ("application/json", "text/plain; charset=utf-8"),
        ("", "application/octet-stream"),
    ],
)
def test_what_is_no_picture_is_text_or_a_download(planted: Planted, kind: str, sent: str) -> None:
    assert safe_type(kind) == sent
    answer = planted.get(b"<script>alert(1)</script>", kind)
    assert (answer.status, answer.headers["Content-Type"]) == (200, sent)
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.body == b"<script>alert(1)</script>"


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "image/webp", "image/gif", "text/html"])
def test_no_artifact_is_a_page_or_for_other_origins(planted: Planted, kind: str) -> None:
    headers = planted.get(b"x", kind).headers
    assert "Access-Control-Allow-Origin" not in headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize("before", ["%ff", "%00", "%C0%AF"])
def test_a_path_that_is_read_in_two_ways_is_refused(planted: Planted, before: str) -> None:
    path = planted.path(b"<script>1</script>", "text/html").removeprefix(planted.url)
    answer = ask(f"{planted.url}/{before}{path[1:]}")
    assert answer.status == 404
    assert b"script" not in answer.body


def test_a_header_in_a_type_is_not_sent(planted: Planted) -> None:
    answer = planted.get(b"x", "text/html\r\nSet-Cookie: a=b")
    assert answer.headers["Set-Cookie"] is None


def test_samples_are_still_pictures(store: StudyStore, tmp_path: Path) -> None:
    trial = store.trial(finish_running(store))
    Image.new("L", (8, 8)).save(tmp_path / "samples.png")
    artifact = attach_samples(trial, tmp_path / "samples.png", tmp_path / "artifacts")
    with served(Board([(store, tmp_path)])) as url:
        answer = ask(f"{url}/artifacts/1/{trial._trial_id}/{artifact}")
    assert (answer.headers["Content-Type"], answer.headers["Content-Disposition"]) == ("image/png", "inline")
    assert answer.body == (tmp_path / "samples.png").read_bytes()


def finish_running(store: StudyStore) -> int:
    return store.begin({"architecture": "a", "architecture_json": {}})


@pytest.mark.slow
@needs_browser
def test_planted_html_and_scripts_do_not_run_in_a_browser(planted: Planted, tmp_path: Path) -> None:
    page = b"<!doctype html><script>parent.postMessage('it ' + 'ran', '*')</script>"
    script = b"window.postMessage('it ' + 'ran', '*')"
    for name, content in (("page.html", page), ("script.js", script)):
        (tmp_path / name).write_bytes(content)
        assert "it ran" in _shown(tmp_path, (tmp_path / name).as_uri()), "the browser would run it"
    kinds = ("text/html", "image/svg+xml", "image/png", "text/javascript")
    urls = [planted.path(content, kind) for kind in kinds for content in (page, script)]
    assert "it ran" not in _shown(tmp_path, *urls)


def _shown(tmp_path: Path, *urls: str) -> str:
    """The document of a page that has each of `urls` in a frame and as a script, with what they told it."""
    host = tmp_path / "host.html"
    shown = "".join(f'<iframe src="{url}"></iframe><script src="{url}"></script>' for url in urls)
    listening = "<script>onmessage = (e) => document.querySelector('p').append(e.data)</script>"
    host.write_text(f"<!doctype html><p></p>{listening}{shown}")
    return document(host.as_uri(), tmp_path)
