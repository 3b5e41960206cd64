"""What the pages get: one best, marks, rungs, our plots, and all studies of a folder."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from nas.checkpoints import choose
from nas.dashboard import board as boards
from nas.dashboard.board import Board
from nas.reporting import SearchReport
from nas.study import StudyStore, attach_samples, open_all, open_existing
from tests.nas.dashboard.trials import finish


def ask(
    board: Board, path: str, method: str = "GET", query: str = "", body: bytes = b""
) -> tuple[str, bytes]:
    """Status and body of an answer, without a server."""
    answered: list[str] = []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
    }
    parts = board(environ, lambda status, headers, *_: answered.append(f"{status} {dict(headers)}"))
    return answered[0], b"".join(parts)


def detail(board: Board, number: int = 1, query: str = "") -> dict[str, Any]:
    status, body = ask(board, f"/api/studies/{number}", query=query)
    assert status.startswith("200")
    found: dict[str, Any] = json.loads(body)
    return found


def test_a_study_that_can_not_be_written_says_so_and_its_pages_can_tell(
    store: StudyStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = Board([(store, tmp_path)])
    assert "nas-read-only" not in ask(board, "/nas/studies/1/summary")[1].decode()
    monkeypatch.setattr(StudyStore, "is_copy", True)
    assert "can't be written, so notes can't be changed" in ask(board, "/nas/studies/1/summary")[1].decode()
    for name in ("page.js", "page.css"):
        assert "read-only" in ask(board, f"/nas/{name}")[1].decode()


def marks(trial: dict[str, Any]) -> str | None:
    return next((each["value"] for each in trial["user_attrs"] if each["key"] == "note"), None)


@pytest.fixture
def shown(store: StudyStore, tmp_path: Path) -> Board:
    finish(
        store, 30, 1_900_000, replicate_of=3, architecture="widths 8|3"
    )  # 9: the median of trial 3 is 32.5
    store.study.enqueue_trial({})
    return Board([(store, tmp_path)])


def test_the_best_trial_is_the_one_of_the_report_and_never_a_replicate_or_a_duplicate(
    replicated: SearchReport,
) -> None:
    store, folder = open_existing(Path(replicated.folder).parent, "tiny", "")
    with Board([(store, folder)]) as board:
        found = detail(board)
        assert replicated.best is not None
        number = replicated.best.number
        assert [trial["number"] for trial in found["best_trials"]] == [number]
        assert choose(replicated).number == number
        assert f"**trial {number}**" in found["note"]["body"]
        assert f"--trial {number} -o" in found["note"]["body"]
        assert f"<strong>trial {number}</strong>" in ask(board, "/nas/studies/1/summary")[1].decode()


def test_replicates_and_duplicates_are_marked_and_duplicates_have_no_values(
    shown: Board, store: StudyStore
) -> None:
    found = detail(shown)
    trials = {trial["number"]: trial for trial in found["trials"]}
    assert [trial["number"] for trial in found["best_trials"]] == [4]
    assert marks(trials[9]) == "replicate of trial 3, from another seed"
    assert marks(trials[3]) == "median of 2 seeds 32.50"
    assert marks(trials[4]) == "best student"
    assert marks(trials[0]) == "baseline: uniform x0.25"
    assert marks(trials[6]) == "duplicate of trial 1, not trained"
    assert ("values" in trials[6], trials[6]["state"]) == (False, "Pruned")
    assert store.study.trials[6].values == [10, 1_000_000], "the sampler's observation stays"
    assert trials[1]["intermediate_values"] == [{"step": 6400, "value": 40.0}]


def test_a_page_that_knows_the_first_trials_gets_the_others_and_the_best(shown: Board) -> None:
    found = detail(shown, query="after=8")
    assert [trial["number"] for trial in found["trials"]] == [8, 9, 10]
    assert [trial["number"] for trial in found["best_trials"]] == [4]


def test_our_plots_come_first_and_follow_the_study(shown: Board, store: StudyStore) -> None:
    def traces() -> list[str]:
        first = detail(shown)["plotly_graph_objects"][0]
        return [trace["name"] for trace in json.loads(first["graph_object"])["data"]]

    assert [plot["id"] for plot in detail(shown)["plotly_graph_objects"]] == ["fid-against-macs", "rungs"]
    assert "best: trial 4" in traces()
    newer = finish(store, 5, 1_000_000)
    assert f"best: trial {newer}" in traces()


def test_nothing_is_written_but_the_users_own_notes(shown: Board, store: StudyStore) -> None:
    before = store.storage.get_study_system_attrs(store.study._study_id)
    detail(shown)
    assert store.storage.get_study_system_attrs(store.study._study_id) == before
    own = json.dumps({"version": 1, "body": "mine"}).encode()
    status, _ = ask(shown, "/api/studies/1/note", "PUT", body=own)
    assert status.startswith("204")
    assert detail(shown)["note"]["body"] == "mine"


def test_a_studys_text_can_not_bring_html_along(tmp_path: Path) -> None:
    with StudyStore.open(f"sqlite:///{tmp_path}/study.db", "<script>x</script>") as store:
        finish(store, 30, 1_000_000, architecture="<img src=x onerror=alert(1)>")
        html = ask(Board([(store, tmp_path)]), "/nas/studies/1/summary")[1].decode()
    assert "&lt;script&gt;" in html
    assert "<img" not in html


def make(workdir: Path, name: str, fid: float) -> None:
    with StudyStore.open(f"sqlite:///{workdir}/{name}/study.db", name) as store:
        trial = store.study.ask()
        for key, value in {"architecture": "a", "architecture_json": {}, "macs": 10, "params": 10}.items():
            trial.set_user_attr(key, value)
        png = workdir / "samples.png"
        png.write_bytes(name.encode())
        attach_samples(trial, png, workdir / name / "artifacts")
        store.study.tell(trial, [fid, 10])


def test_one_dashboard_shows_all_studies_and_those_that_begin_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, fid in (("first", 1.0), ("second", 2.0)):
        make(tmp_path, name, fid)
    monkeypatch.setattr(boards, "REFRESH_SECONDS", 0)

    def names() -> list[str]:
        listed = json.loads(ask(board, "/api/studies")[1])["study_summaries"]
        assert [each["study_id"] for each in listed] == list(range(1, len(listed) + 1))
        return [each["study_name"] for each in listed]

    with Board(
        [open_existing(tmp_path, "first", "")], lambda known: open_all(tmp_path, "", known=known)
    ) as board:
        assert names() == ["first", "second"]
        make(tmp_path, "third", 3.0)
        assert names() == ["first", "second", "third"]
        for number, name in enumerate(names(), 1):
            found = detail(board, number)
            (trial,) = found["trials"]
            assert (found["name"], trial["values"], trial["study_id"]) == (name, [number, 10], number)
            picture = f"/artifacts/{number}/{trial['trial_id']}/{trial['artifacts'][0]['artifact_id']}"
            assert ask(board, picture)[1] == name.encode()
        assert ask(board, "/api/studies/4")[0].startswith("404")
        assert "'/dashboard/studies/1'" in ask(board, "/")[0]


def test_pages_have_our_files(shown: Board) -> None:
    html = ask(shown, "/dashboard/studies/1")[1].decode()
    for name in ("page.css", "page.js"):
        assert f"/nas/{name}" in html
        assert ask(shown, f"/nas/{name}")[1]
    assert ask(shown, "/nas/../board.py")[0].startswith("404")
