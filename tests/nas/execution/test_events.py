"""What a program reads of a search: events in the order in which things happen."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from distill.progress import Report
from nas.execution import SearchProgress
from nas.progress import EVENTS, EventLog, Terminal
from nas.trials import Proposal
from nas.workbench import Workbench
from tests.nas.execution.test_progress import FIGURES, outcome

PAGE = Path(__file__).parents[3] / "docs" / "events.md"
ROW = re.compile(r"^\| `(\w+)` \| .*? \| (.*) \|$", flags=re.MULTILINE)


@pytest.fixture
def proposal(warm_bench: Workbench) -> Proposal:
    return Proposal(2, warm_bench.space.smallest(), seed=0)


def search(**changes: Any) -> tuple[SearchProgress, io.StringIO, io.StringIO]:
    out, events = io.StringIO(), io.StringIO()
    console = Terminal(file=out, force_terminal=False, width=120, events=EventLog(events), **changes)
    reports = {2: Report("training", 64, 256, FIGURES)}
    return SearchProgress(console, 6, 3, "FD (digits)", images=256, report=reports.get), out, events


def told(events: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in events.getvalue().splitlines()]


def test_a_search_is_told_in_events(proposal: Proposal) -> None:
    progress, _, events = search()
    progress.started(proposal)
    progress.beat()
    progress.beat()
    progress.measured(2, outcome(2, 0, 80.0))
    progress.finished(2, TrialState.COMPLETE, outcome(2, 2, 40.0))
    progress.finished(3, TrialState.PRUNED, outcome(3, 0, 90.0))
    progress.failed(4, "d_r1 is nan", again=True)
    progress.failed(5, "out of memory")
    found = told(events)
    assert [each["event"] for each in found] == [
        *("trial_started", "trial_progress", "rung", "rung", "trial_finished", "front"),
        *("rung", "trial_finished", "trial_finished", "message", "trial_finished", "message"),
    ], "progress that is the same as before is not repeated"
    underway, promoted, last, complete, front = found[1:6]
    assert (underway["work"], underway["rung"], underway["images"]) == ("training", 1, 64)
    assert (underway["kd_weight"], underway["loss"]) == (5.123, 9.2)
    assert underway["seconds_left"] == pytest.approx(192 / 137.2)
    assert (promoted["rung"], promoted["decision"], last["rung"], last["decision"]) == (
        1,
        "promoted",
        3,
        "last",
    )
    assert (complete["state"], complete["fid"], complete["trials_done"]) == ("complete", 40.0, 1)
    assert front["front"] == [{"trial": 2, "fid": 40.0, "macs": 900_000, "params": 20_000}]
    assert [(each["state"], each["retried"]) for each in found if each["event"] == "trial_finished"][1:] == [
        *(("stopped early", False), ("failed", True), ("failed", False)),
    ]
    assert [each["level"] for each in found if each["event"] == "message"] == ["warning", "warning"]


def test_quiet_says_what_failed_and_nothing_else(proposal: Proposal) -> None:
    progress, out, _ = search(only_warnings=True)
    with progress:
        progress.started(proposal)
        progress.finished(2, TrialState.COMPLETE, outcome(2, 2, 40.0))
        progress.failed(3, "out of memory")
    (line,) = out.getvalue().splitlines()
    assert line.endswith("trial   3  failed         out of memory")


def test_the_documentation_names_every_event_and_its_fields() -> None:
    known = dict(ROW.findall(PAGE.read_text()))
    for event in EVENTS:
        kind = event.model_fields["event"].default
        names = [name for name in re.findall(r"`(\w+)`", known.pop(kind)) if name in event.model_fields]
        assert names == [name for name in event.model_fields if name != "event"], kind
    assert set(known) == {"result", "preview"}, "what ends the events"
