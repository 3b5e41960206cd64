"""The HTML report: one file, everything in it, nothing of a user's in it as markup."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from nas.errors import ExportError
from nas.html import write_page
from nas.html.page import page_of
from nas.reporting import SearchReport
from nas.study import StudyAttributes, StudyStore, open_existing
from tests.nas.cli.command_line import run

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"


class Elements(HTMLParser):
    """Tags with their attributes, and the text of scripts by id."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        self.found.append((tag, given))
        self._inside = given.get("id") or "" if tag == "script" else ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[self._inside] = self.texts.get(self._inside, "") + data


def elements(page: str) -> Elements:
    parsed = Elements()
    parsed.feed(page)
    return parsed


@pytest.fixture
def store(finished: SearchReport) -> Iterator[StudyStore]:
    opened, _ = open_existing(Path(finished.folder).parent, finished.study, "")
    with opened:
        yield opened


def test_the_page_has_what_the_study_holds_and_asks_the_network_for_nothing(
    finished: SearchReport, store: StudyStore, tmp_path: Path
) -> None:
    output = tmp_path / "deep" / "report.html"
    size = write_page(store, Path(finished.folder), output)
    page = output.read_text()
    assert size == output.stat().st_size
    parsed = elements(page)
    for tag, attributes in parsed.found:
        assert tag not in ("link", "iframe") or str(attributes.get("href")).startswith("data:")
        for name in ("src", "href"):
            assert str(attributes.get(name, "#")).startswith(("#", "data:")), (tag, attributes)
    drawn = {name.removeprefix("data-"): json.loads(text) for name, text in parsed.texts.items()}
    assert drawn.keys() >= {"front", "rungs", "kd"}
    assert finished.best is not None
    assert f"best: trial {finished.best.number}" in [trace["name"] for trace in drawn["front"]["data"]]
    pictures = [given for tag, given in parsed.found if tag == "img"]
    assert pictures
    assert all(given.get("alt") for given in pictures)
    plots = [given for _, given in parsed.found if given.get("class") == "plot"]
    assert all(given["aria-label"] for given in plots)
    for words in ("What was asked", "Best, front and baselines", "nas-export --best", "before training"):
        assert words in page
    assert f"{finished.best.median:.2f}" in page
    assert finished.best.summary in page


def test_names_are_text(finished: SearchReport, store: StudyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    known = StudyAttributes.from_study(store.study)
    hostile = known.model_copy(
        update={
            "warnings": [HOSTILE],
            "teacher_info": known.teacher_info | {"name": HOSTILE},
            "config": known.config | {"data": HOSTILE},
            "compared_with": HOSTILE,
        }
    )
    monkeypatch.setattr(StudyAttributes, "from_study", lambda study: hostile)
    page = page_of(store, Path(finished.folder))
    assert HOSTILE not in page
    assert "onerror" not in {name for _, given in elements(page).found for name in given}
    assert page.count("&lt;img src=x") >= 5


def test_the_command_writes_it_and_refuses_what_it_can_not(finished: SearchReport, tmp_path: Path) -> None:
    at = ("--workdir", Path(finished.folder).parent)
    output = tmp_path / "report.html"
    done = run("nas-report", *at, "--html", output)
    assert done.exit_code == 0, done.output
    assert re.search(r"report\.html: tiny, [\d.]+ MB; open it in a browser", done.stdout)
    for arguments, says in (
        (["--html", output], "exists: choose another, or replace it by --force"),
        (["--html", tmp_path / "a.pdf"], "give a file that ends in .html"),
        (["--html", output / "below.html"], "can't be written"),
        (["--html", output, "--trials"], "exclude each other"),
    ):
        refused = run("nas-report", *at, *arguments)
        assert refused.exit_code == 2
        assert says in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
    assert run("nas-report", *at, "--html", output, "--force").exit_code == 0


def test_a_study_without_a_finished_trial_has_a_page(
    finished: SearchReport, store: StudyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = finished.model_copy(
        update={"trials": [], "front": [], "best": None, "correlations": [], "estimates": {}}
    )
    monkeypatch.setattr("nas.html.sections.read_report", lambda store, folder: empty)
    page = page_of(store, Path(finished.folder))
    assert "no student is finished yet" in page


def test_an_existing_page_is_kept(finished: SearchReport, store: StudyStore, tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    output.write_text("mine")
    with pytest.raises(ExportError, match="exists"):
        write_page(store, Path(finished.folder), output)
    assert output.read_text() == "mine"
