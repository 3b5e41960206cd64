"""What a person sees while a search runs."""

from __future__ import annotations

import io
import itertools
import re
from dataclasses import replace
from typing import Any

import pytest
from optuna.trial import TrialState
from rich.console import Console

from distill.progress import Report
from nas.budget import Cost
from nas.execution import Outcome, SearchProgress
from nas.execution.search_table import LINES_ABOVE
from nas.progress import Forecast
from nas.study import RungRecord
from nas.trials.proposer import Proposal
from nas.workbench import Workbench

FIGURES = {"images_per_second": 137.2, "kd_weight": 5.123, "loss": 9.2}
STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ")


def outcome(trial: int, rung: int, fid: float, macs: int = 900_000, images: int = 64) -> Outcome:
    record = RungRecord(
        trial=trial, rung=rung, images=images << rung, fid=fid, fid_samples=50, fid_extractor="digits",
        fid_seed=0, kd_weight=1.0, losses={}, seconds=1.0, worker="host:1",
        checkpoint="x.pt", sha256="0" * 64,
    )  # fmt: skip
    return Outcome(record, Cost(macs, 20_000), "samples.png")


def drawn(progress: SearchProgress, width: int = 200, height: int = 50) -> str:
    out = io.StringIO()
    console, progress.console = progress.console, Console(file=out, width=width, height=height)
    progress.console.print(progress._render())
    progress.console = console
    return out.getvalue()


def words_of(text: str, beginning: str) -> list[str]:
    """The words of the line that begins so."""
    return next(line for line in text.splitlines() if line.startswith(beginning)).split()


def search(terminal: bool = False, width: int = 120, **changes: Any) -> tuple[SearchProgress, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=width)
    settings = {"trials": 6, "rungs": 3, "distance": "FD (digits)", "images": 256, "replicates": 2}
    return SearchProgress(console, **{**settings, **changes}), out


def lines(out: io.StringIO) -> list[str]:
    """What a log file has, without date and time."""
    found = out.getvalue().splitlines()
    assert all(STAMP.match(line) for line in found)
    return [STAMP.sub("", line) for line in found]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds = [1_000.0]
    monkeypatch.setattr("time.monotonic", lambda: seconds[0])
    return seconds


@pytest.fixture
def make(warm_bench: Workbench) -> Any:
    """Makes proposals."""
    return lambda trial, **more: Proposal(trial, warm_bench.space.smallest(), seed=0, **more)


def test_a_log_file_has_a_line_for_every_rung_and_every_finished_trial(make: Any) -> None:
    progress, out = search(done=2)
    with progress:
        progress.started(make(2))
        progress.measured(2, outcome(2, 0, 80.0))
        progress.finished(2, TrialState.COMPLETE, outcome(2, 2, 40.0))
        progress.finished(3, TrialState.PRUNED, outcome(3, 0, 90.0))
        progress.failed(4, "d_r1 is nan [bold]")
    assert lines(out) == [
        "[2/6 trials] trial   2  rung 1/3  FD (digits) 80.00 after 64 images, 900k MACs: promoted",
        "[2/6 trials] trial   2  rung 3/3  FD (digits) 40.00 after 256 images, 900k MACs: last rung",
        "[3/6 trials] trial   2  complete       FD (digits) 40.00 after 256 images, 900k MACs",
        "[3/6 trials] trial   3  rung 1/3  FD (digits) 90.00 after 64 images, 900k MACs: stopped",
        "[4/6 trials] trial   3  stopped early  FD (digits) 90.00 after 64 images, 900k MACs",
        "[5/6 trials] trial   4  failed         d_r1 is nan [bold]",
    ]


def test_a_log_file_hears_once_a_minute_of_what_runs(make: Any, now: list[float]) -> None:
    reports = {0: Report("training", 64, 256), 1: Report("measuring", 128, 256)}
    progress, out = search(report=reports.get)
    progress.started(make(0))
    progress.started(make(1))
    for _ in range(9):
        now[0] += 15
        progress.beat()
    assert [line.split("; running: ")[0] for line in lines(out)] == [
        "[0/6 trials] 1:00 elapsed, time left not known yet, 3.2 images/s",
        "[0/6 trials] 2:00 elapsed, time left not known yet, 1.6 images/s",
    ]
    assert "trial 0 64/256 images, " in out.getvalue()
    assert "trial 1 128/256 images, measuring, " in out.getvalue()


def test_what_the_user_should_know_of_an_outcome_is_a_line() -> None:
    progress, out = search()
    with progress:
        progress.measured(2, replace(outcome(2, 0, 80.0), warning="checkpoint-rung-1.pt is damaged"))
        progress.finished(2, TrialState.COMPLETE, outcome(2, 2, 40.0))
    assert lines(out)[0] == "[0/6 trials] trial   2  warning: checkpoint-rung-1.pt is damaged"
    assert "damaged" not in lines(out)[1]


@pytest.mark.parametrize(
    ("rungs", "says"), [(1, "resumes from rung 1/3"), (0, "resumes from its start: it had no rung yet")]
)
def test_a_resumed_trial_says_from_where(rungs: int, says: str, make: Any) -> None:
    progress, out = search()
    progress.started(make(0, rungs_before=rungs))
    progress.started(make(1))
    assert lines(out) == [f"[0/6 trials] trial   0  {says}"]


def test_a_rung_of_an_earlier_run_is_not_announced_as_a_new_one(make: Any) -> None:
    progress, out = search()
    progress.started(make(0, start_rung=0, rungs_before=1))
    progress.measured(0, outcome(0, 0, 80.0))
    progress.measured(0, outcome(0, 1, 60.0))
    _, first, second = lines(out)
    assert first.endswith(": promoted, already measured by an earlier run")
    assert second.endswith(": promoted")


def test_the_display_counts_trials_and_names_the_best_and_the_running(make: Any) -> None:
    progress, _ = search()
    assert "0/6 trials" in drawn(progress)
    assert "no trial complete yet" in drawn(progress)
    progress.started(make(0, baseline=True))
    progress.started(make(1))
    assert "trial 0" in drawn(progress)
    assert words_of(drawn(progress), "trial 0")[:3] == ["trial", "0", "1/3"]
    assert "starting" in drawn(progress)
    assert "baseline, rgb1" in drawn(progress)
    progress.measured(0, outcome(0, 1, 70.0))
    assert words_of(drawn(progress), "trial 0")[:5] == ["trial", "0", "3/3", "━━━━━━━━", "128/256"]
    assert "70.00  baseline, rgb1" in drawn(progress)
    progress.finished(0, TrialState.COMPLETE, outcome(0, 2, 40.0))
    progress.finished(1, TrialState.COMPLETE, outcome(1, 2, 50.0))
    progress.finished(2, TrialState.PRUNED, outcome(2, 0, 10.0))  # a low-fidelity result is never the best
    text = drawn(progress)
    assert "3/6 trials" in text
    assert "2 complete, 1 stopped early, 0 failed, 0 running" in text
    assert "best FD (digits) 40.00 at 900k MACs (trial 0)" in text


def full(make: Any, **changes: Any) -> SearchProgress:
    """A search with 40 workers and 15 students on its front."""
    progress, _ = search(
        trials=100, report=lambda trial: Report("training", 123_456, 200_000, FIGURES), **changes
    )
    for trial in range(15):
        progress.finished(
            trial, TrialState.COMPLETE, outcome(trial, 2, 40.0 - trial, macs=100_000 * (trial + 1))
        )
    for trial in range(40):
        progress.started(make(100 + trial, baseline=True))
        progress.measured(100 + trial, outcome(100 + trial, 0, 80.0))
    return progress


def test_the_display_fits_into_80_columns_and_24_lines(make: Any) -> None:
    found = drawn(full(make), width=80, height=24).splitlines()
    assert max(map(len, found)) <= 80
    assert len(found) == 24 - 1 - LINES_ABOVE, "what happened last stays above it"
    assert " ".join(found[5].split()) == "Workers rung images images/s KD weight loss left last FD"
    assert found[6].split() == "trial 100 2/3 123k/200k 137 5.12 9.2 9:17 80.00 baseline".split()  # noqa: SIM905
    assert "34 more running" in map(str.strip, found)
    assert found[-1].strip() == "13 cheaper ones on it"
    assert words_of("\n".join(found), "trial 14") == ["trial", "14", "26.00", "1.5M", "20k"], (
        "the best of the front"
    )
    assert "…" not in "".join(found), "what does not fit is left out whole"


def test_the_display_uses_a_large_terminal(make: Any) -> None:
    found = drawn(full(make), width=160, height=50).splitlines()
    assert max(map(len, found)) <= 160
    assert len(found) == 50 - 1 - LINES_ABOVE
    assert "━" in words_of("\n".join(found), "trial 100")[3], "a bar for each worker"
    assert "baseline, rgb1" in "\n".join(found)


@pytest.mark.parametrize("width", [20, 40, 60, 300])
@pytest.mark.parametrize("height", [3, 8, 12, 19, 100])
def test_no_size_of_a_terminal_is_too_small_for_the_display(make: Any, width: int, height: int) -> None:
    found = drawn(full(make), width=width, height=height).splitlines()
    assert max(map(len, found)) <= width
    assert len(found) < max(5, height)


def test_a_replicate_says_so_where_its_architecture_does_not_fit(make: Any) -> None:
    progress, _ = search(report=lambda trial: Report("training", 14_600, 16_000, FIGURES))
    progress.started(make(4, replicate_of=0))
    progress.measured(4, outcome(4, 1, 8.27))
    assert drawn(progress, width=80).splitlines()[-1].rstrip().endswith("8.27  seed of 0")


def test_replicates_are_counted_beside_trials(make: Any) -> None:
    progress, out = search(trials=1, replicates=2)
    progress.started(make(0))
    progress.finished(0, TrialState.COMPLETE, outcome(0, 2, 40.0))
    progress.started(make(1, replicate_of=0))
    assert "seed of 0" in drawn(progress)
    progress.finished(1, TrialState.COMPLETE, outcome(1, 2, 41.0))
    assert lines(out)[1].startswith("[1/1 trials] trial   0  complete")
    assert lines(out)[-1].startswith("[1/1 trials, 1 of at most 2 replicates] trial   1  complete")
    assert "2 complete, 0 stopped early, 0 failed, 0 running" in drawn(progress)


def test_on_a_terminal_finished_trials_stay_and_rungs_do_not(now: list[float]) -> None:
    progress, out = search(terminal=True)
    with progress:
        now[0] += 65
        progress.measured(0, outcome(0, 0, 80.0))
        progress.failed(0, "out of memory")
    assert "   1:05  trial   0  failed         out of memory\n" in out.getvalue()
    assert "promoted" not in out.getvalue()


@pytest.mark.parametrize(
    ("distance", "fid", "images", "shown"),
    [
        ("FD (digits)", 4.80, 16_000, "FD (digits) 4.80 at 1.77M MACs, 16k images"),
        ("FD (digits)", 16.47, 4_032, "FD (digits) 16.47 at 1.77M MACs, 4.03k images"),
        ("FD (imagenet-lite0)", 123.45, 200_000, "FD (imagenet-lite0) 123.45 at 1.77M MACs"),
    ],
)
def test_a_finished_trial_is_one_line_of_80_columns(
    distance: str, fid: float, images: int, shown: str, now: list[float]
) -> None:
    progress, out = search(terminal=True, width=80, distance=distance)
    progress.finished(7, TrialState.PRUNED, outcome(7, 0, fid, macs=1_770_000, images=images))
    (line,) = out.getvalue().splitlines()
    assert line == f"   0:00  trial   7  stopped early  {shown}"
    assert len(line) <= 80


def test_a_resumed_search_shows_what_earlier_runs_have_done() -> None:
    earlier = {TrialState.COMPLETE: 2, TrialState.FAIL: 1}
    progress, _ = search(done=3, counts=earlier, best=(1, 33.0, 800_000))
    progress.finished(3, TrialState.COMPLETE, outcome(3, 2, 40.0))
    text = drawn(progress)
    assert "4/6 trials" in text
    assert "3 complete, 0 stopped early, 1 failed, 0 running" in text
    assert "best FD (digits) 33.00 at 800k MACs (trial 1)" in text


def test_a_run_that_is_retried_does_not_count() -> None:
    progress, out = search(trials=2)
    progress.failed(0, "the run failed; retried as trial 1", again=True)
    progress.failed(1, "the run failed")
    assert lines(out) == [
        "[0/2 trials] trial   0  failed         the run failed; retried as trial 1",
        "[1/2 trials] trial   1  failed         the run failed",
    ]
    assert "0 complete, 0 stopped early, 1 failed, 0 running" in drawn(progress)


def test_images_of_earlier_runs_are_no_work_of_this_one(make: Any, now: list[float]) -> None:
    reports = {0: Report("training", 128, 256)}
    progress, _ = search(report=reports.get)
    progress.started(make(0, start_rung=1, rungs_before=2))
    drawn(progress)
    now[0] += 10
    reports[0] = Report("training", 148, 256)
    assert ", 2 images/s" in drawn(progress)


def test_the_forecast_counts_down_and_takes_trials_that_ended_as_examples() -> None:
    forecast = Forecast(images=100)
    assert forecast.expected == 100
    assert forecast.left(now=50.0, seen=10, remaining=390) is None, "the speed is not known"
    assert forecast.left(now=60.0, seen=20, remaining=380) == pytest.approx(380)
    assert forecast.left(now=70.0, seen=20, remaining=380) == pytest.approx(370), (
        "nothing is done: it counts down"
    )
    assert forecast.left(now=71.0, seen=30, remaining=370) == pytest.approx(369), "a little later: not shown"
    assert forecast.left(now=170.0, seen=40, remaining=360) == pytest.approx(1440), "much later"
    forecast.ended(25)
    forecast.ended(75)
    assert forecast.expected == pytest.approx(500 / 6)
    assert forecast.ahead(20, to_the_end=True) == 80
    assert forecast.ahead(20, to_the_end=False) == pytest.approx(500 / 6 - 20)
    assert forecast.ahead(90, to_the_end=False) == 10, "it is above the expectation"
    assert forecast.left(now=180.0, seen=100, remaining=0) == 0


def test_the_time_left_does_not_climb_from_trial_to_trial(make: Any, now: list[float]) -> None:
    """Trials of the same speed, of which half are stopped at the first rung."""
    reports: dict[int, Report] = {}
    progress, _ = search(report=reports.get, replicates=0)
    found = []
    for trial in range(6):
        progress.started(make(trial, protected=trial == 0))
        last = 256 if trial % 2 == 0 else 64
        for images in range(16, last + 1, 16):
            now[0] += 16
            reports[trial] = Report("training", images, 256)
            found += re.findall(r"about (\d+):(\d+) left", drawn(progress))
        state = TrialState.COMPLETE if last == 256 else TrialState.PRUNED
        progress.finished(trial, state, outcome(trial, 2 if last == 256 else 0, 40.0))
    left = [60 * int(minutes) + int(seconds) for minutes, seconds in found]
    climbs = [later - earlier for earlier, later in itertools.pairwise(left) if later > earlier]
    assert len(left) > 50
    assert sum(climbs) < 0.05 * left[0], "an estimate may be mended a little, late"
    assert left[-1] < 0.2 * left[0]
