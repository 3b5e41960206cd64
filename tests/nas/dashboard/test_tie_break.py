"""A person chooses among tied trials: the page, its guards, and what reports and exports make of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nas.dashboard.board import Board
from nas.reporting import choose_best, trial_reports
from nas.study import StudyAttributes, StudyStore, TieBreak, save_tie_break
from tests.nas.dashboard.http import Answer, ask, served
from tests.nas.dashboard.trials import finish

HOSTILE = "<script>alert(1)</script>\x1b[31m[bold]x"


@pytest.fixture
def tied(empty: StudyStore) -> StudyStore:
    """Trials 0 and 1 are tied, 2 is not."""
    finish(empty, 10.0, 1_900_000)
    finish(empty, 10.1, 1_000_000)
    finish(empty, 90.0, 500_000)
    return empty


@pytest.fixture
def url(tied: StudyStore, tmp_path: Path) -> Iterator[str]:
    with served(Board([(tied, tmp_path)])) as address:
        yield address


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found[1]


def send(url: str, origin: str | None = None, **fields: str) -> Answer:
    """The form of the page as a browser sends it, with other `fields`."""
    page = ask(f"{url}/tie-break/1").text
    form = {"token": hidden(page, "token"), "tied": hidden(page, "tied"), "action": "choose"} | fields
    return ask(f"{url}/tie-break/1", form, Origin=url if origin is None else origin)


def made(store: StudyStore) -> TieBreak | None:
    return StudyAttributes.from_study(store.study).tie_break


def test_the_page_shows_the_best_and_what_is_tied_with_it(url: str, tied: StudyStore) -> None:
    assert [t.number for t in choose_best(trial_reports(tied)).tied] == [0, 1]
    page = ask(f"{url}/tie-break/1").text
    assert re.findall(r'name="trial" id="trial-(\d+)"', page) == ["0", "1"]
    assert "<legend>Which samples are best?</legend>" in page


def test_a_choice_is_kept_with_time_trials_name_and_reason(url: str, tied: StudyStore) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    answer = send(url, trial="1", by="Ann", reason="rounder eights")
    assert (answer.status, answer.headers["Location"]) == (303, "/tie-break/1")
    chosen = made(tied)
    assert chosen is not None
    assert (chosen.trial, chosen.tied, chosen.by, chosen.reason) == (1, (0, 1), "Ann", "rounder eights")
    assert before <= chosen.time <= datetime.now(UTC)
    page = ask(f"{url}/tie-break/1").text
    assert "Trial 1 was chosen among the tied trials 0, 1" in page
    assert re.search(r'id="trial-1" value="1"[^>]* checked', page)


def test_a_choice_can_be_changed_and_withdrawn(url: str, tied: StudyStore) -> None:
    send(url, trial="1")
    send(url, trial="0")
    assert (made(tied) or pytest.fail("none")).trial == 0
    assert send(url, action="withdraw").status == 303
    assert made(tied) is None
    assert "Withdraw" not in ask(f"{url}/tie-break/1").text


@pytest.mark.parametrize("origin", ["", "null", "https://attacker.example", "http://127.0.0.1:1"])
def test_a_form_of_another_site_changes_nothing(url: str, tied: StudyStore, origin: str) -> None:
    assert send(url, origin, trial="1").status == 403
    assert made(tied) is None


@pytest.mark.parametrize("token", ["", "0" * 64, "\N{SNOWMAN}"])
def test_a_form_without_the_token_changes_nothing(url: str, tied: StudyStore, token: str) -> None:
    answer = send(url, trial="1", token=token)
    assert (answer.status, "choose again" in answer.text) == (403, True)
    assert made(tied) is None


def test_a_form_of_an_older_tie_is_refused_with_what_to_do(url: str, tied: StudyStore) -> None:
    assert send(url, trial="1", tied="0 2").status == 409
    assert send(url, trial="2").status == 400
    assert send(url).status == 400
    assert made(tied) is None


def test_a_form_that_is_too_long_is_refused(url: str, tied: StudyStore) -> None:
    assert send(url, trial="1", reason="x" * 20_000).status == 413
    assert made(tied) is None


@pytest.mark.parametrize("origin", ["http://[", "://", "null", ""])
def test_an_origin_that_is_none_is_refused(url: str, tied: StudyStore, origin: str) -> None:
    answer = ask(f"{url}/tie-break/1", {"trial": "0"}, Origin=origin)
    assert answer.status == 403
    assert "tie_break" not in tied.study.user_attrs


def test_a_form_of_too_many_fields_is_refused(url: str) -> None:
    answer = ask(f"{url}/tie-break/1", {f"field {i}": "x" for i in range(30)}, Origin=url)
    assert answer.status == 400


def test_other_paths_are_still_not_written(url: str) -> None:
    assert ask(f"{url}/tie-break/1/x", {}, Origin=url).status == 403
    assert ask(f"{url}/api/studies/1/rename", {}, Origin=url).status == 403
    assert ask(f"{url}/tie-break/9").status == 404


def test_names_and_reasons_are_text_on_the_page_and_in_the_summary(url: str, tied: StudyStore) -> None:
    send(url, trial="1", by=HOSTILE, reason='"><img src=x onerror=alert(1)>')
    chosen = made(tied)
    assert chosen is not None
    assert "\x1b" not in chosen.by
    for path in ("/tie-break/1", "/nas/studies/1/summary"):
        page = ask(url + path).text
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_the_page_asks_nobody_else_and_stands_in_no_frame(url: str) -> None:
    answer = ask(f"{url}/tie-break/1")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"(src|href|action)=\"(?!/)", answer.text)


def test_without_a_tie_there_is_nothing_to_choose(empty: StudyStore, tmp_path: Path) -> None:
    finish(empty, 10.0, 1_000_000)
    finish(empty, 90.0, 900_000)
    with served(Board([(empty, tmp_path)])) as url:
        page = ask(f"{url}/tie-break/1").text
    assert "nothing to choose" in page
    assert 'type="radio"' not in page


def test_a_study_without_trials_has_a_page_too(empty: StudyStore, tmp_path: Path) -> None:
    with served(Board([(empty, tmp_path)])) as url:
        assert ask(f"{url}/tie-break/1").status == 200


def test_a_copy_takes_no_choice(url: str, tied: StudyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StudyStore, "is_copy", True)
    assert send(url, trial="1").status == 403
    assert "no choice can be kept" in ask(f"{url}/tie-break/1").text


def test_statistics_do_not_depend_on_the_choice(tied: StudyStore) -> None:
    before = choose_best(trial_reports(tied))
    save_tie_break(tied.study, TieBreak(trial=1, tied=(0, 1), time=datetime.now(UTC)))
    after = choose_best(trial_reports(tied))
    assert after == before
    assert after.best is not None
    assert (after.best.number, after.preferred(made(tied)).number) == (0, 1)


def test_a_choice_that_is_not_tied_any_more_does_not_count(tied: StudyStore) -> None:
    save_tie_break(tied.study, TieBreak(trial=2, tied=(0, 2), time=datetime.now(UTC)))
    assert choose_best(trial_reports(tied)).preferred(made(tied)).number == 0


def test_an_attribute_that_is_no_choice_is_ignored(tied: StudyStore) -> None:
    for planted in ("x", {"trial": -1}, 7, {"trial": 1, "tied": [1], "time": "never"}):
        tied.study.set_user_attr("tie_break", planted)
        assert made(tied) is None
