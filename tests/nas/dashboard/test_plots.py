"""What the plots and the note say."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nas.dashboard.note import note
from nas.plots import measured, pareto_figure, rung_figure
from nas.reporting import choose_best, interval_of, trial_reports
from nas.study import StudyAttributes, StudyStore
from tests.nas.dashboard.trials import finish


def traces(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


def test_the_front_is_of_finished_trials_within_the_budget_that_are_no_repeats(store: StudyStore) -> None:
    assert [t.number for t in choose_best(measured(trial_reports(store)), 2e6).front] == [0, 1, 3]
    assert [t.number for t in choose_best(measured(trial_reports(store))).front] == [0, 1, 3, 4]


def test_the_plot_tells_finished_stopped_baseline_front_and_best_apart(store: StudyStore) -> None:
    drawn = traces(pareto_figure(store, trial_reports(store), 2e6))
    assert list(drawn["finished"].y) == [40, 50, 35, 20]
    assert list(drawn["stopped early"].y) == [90]
    assert list(drawn["baseline"].y) == [60]
    assert (list(drawn["front"].x), list(drawn["front"].y)) == ([5e5, 1e6, 1.9e6, 2e6], [60, 40, 35, 35])
    assert list(drawn["best: trial 3"].y) == [35]


def test_finished_students_have_their_intervals_and_a_teacher_beyond_the_budget_is_a_line(
    store: StudyStore,
) -> None:
    reports = trial_reports(store)
    finished = traces(pareto_figure(store, reports, 2e6))["finished"]
    shown = [
        t for t in reports if t.median in finished.y and t.state == "COMPLETE" and t.replicate_of is None
    ]
    low, high = interval_of(next(t for t in shown if t.median == 40), reports)
    assert 0 < low < 40 < high
    assert finished.error_y.array[0] == pytest.approx(high - 40)
    assert finished.error_y.arrayminus[0] == pytest.approx(40 - low)
    teacher = {"macs": 4_000_000, "params": 10**6, "fid": 5.0}
    StudyAttributes(teacher_info=teacher, config={"budget_macs": 2_000_000}).write(store.study)
    line = traces(pareto_figure(store, reports, 2e6))["teacher: 5.00 at 4M MACs"]
    assert list(line.y) == [5.0, 5.0]
    assert list(line.x) == pytest.approx([0.98 * 4e5, 1.02 * 3e6])
    assert [trace.name for trace in pareto_figure(store, [], 2e6).data if len(trace.x)] == []


def test_before_a_student_is_finished_the_plot_says_so_up_to_the_budget(store: StudyStore) -> None:
    empty = pareto_figure(store, [], 2e6)
    assert "no student is finished yet" in [note.text for note in empty.layout.annotations]
    assert list(empty.layout.xaxis.range) == pytest.approx([0, 2.2e6])
    assert not empty.layout.yaxis.showticklabels
    full = pareto_figure(store, trial_reports(store), 2e6)
    assert "no student is finished yet" not in [note.text for note in full.layout.annotations]


def test_hovering_shows_what_a_trial_is(store: StudyStore) -> None:
    drawn = traces(pareto_figure(store, trial_reports(store), 2e6))
    text = drawn["best: trial 3"].text[0]
    for part in ("trial 3", "FD (digits) 35.00 (N = 2000)", "1.9M MACs", "63.3k parameters", "widths 8|3"):
        assert part in text
    assert "baseline uniform x0.25" in drawn["baseline"].text[0]
    assert "stopped at rung 1: a low-fidelity FD (digits)" in drawn["stopped early"].text[0]


def test_a_teacher_that_fits_the_budget_is_a_point_at_the_end_of_the_front(store: StudyStore) -> None:
    assert "teacher" not in traces(pareto_figure(store, trial_reports(store), 2e6))
    teacher = {"macs": 4_000_000, "params": 10**6, "fid": 5.0}
    StudyAttributes(teacher_info=teacher, config={"budget_macs": 2_000_000}).write(store.study)
    assert "teacher" not in traces(pareto_figure(store, trial_reports(store), 2e6)), "it does not fit"
    StudyAttributes(config={"budget_macs": 5_000_000}).write(store.study)
    drawn = traces(pareto_figure(store, trial_reports(store), 5e6))
    assert (list(drawn["teacher"].x), list(drawn["teacher"].y)) == ([4e6], [5.0])
    assert (drawn["front"].x[-2], drawn["front"].y[-2]) == (4e6, 5.0)
    assert drawn["best: trial 4"].y[0] == 20, "the best is a student"
    assert "| teacher | 5.00 | 4M | 1M | known, not trained again |" in note(store, trial_reports(store), 5e6)
    StudyAttributes(teacher_info=teacher | {"fid": 30.0}).write(store.study)
    drawn = traces(pareto_figure(store, trial_reports(store), 5e6))
    assert "teacher" in drawn
    assert 4e6 not in list(drawn["front"].x), "a student is better for less"
    assert "| teacher |" not in note(store, trial_reports(store), 5e6)


def test_the_budget_is_a_line_unless_it_is_out_of_the_picture(store: StudyStore) -> None:
    near = pareto_figure(store, trial_reports(store), 2e6)
    assert [line.x0 for line in near.layout.shapes] == [2e6]
    assert near.layout.annotations[0].text == "budget 2M"
    far = pareto_figure(store, trial_reports(store), 5e9)
    assert not far.layout.shapes
    assert far.layout.title.text == "FD (digits) against MACs (budget 5G), bars: 90 % intervals"


def test_wide_ranges_get_logarithmic_axes(store: StudyStore) -> None:
    assert pareto_figure(store, trial_reports(store), 2e6).layout.xaxis.type is None
    finish(store, 500, 50_000_000)
    figure = pareto_figure(store, trial_reports(store), 20e6)
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    assert figure.layout.annotations[0].x == pytest.approx(math.log10(20e6))


def test_the_driver_of_a_search_can_do_without_the_dashboard() -> None:
    """Optuna Dashboard brings scikit-learn's ensembles along, which take memory."""
    loaded = "import nas.driver, sys; print('optuna_dashboard' in sys.modules, 'plotly' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_an_empty_study_has_a_plot_and_a_note_too(empty: StudyStore) -> None:
    assert not traces(pareto_figure(empty, trial_reports(empty), 2e6))["finished"].x
    assert not rung_figure(empty, trial_reports(empty), 2e6).data
    assert "No student within 2M MACs is finished yet." in note(empty, trial_reports(empty), 2e6)


def test_the_note_names_the_best_student_and_how_to_export_it(store: StudyStore, tmp_path: Path) -> None:
    text = note(store, trial_reports(store), 2e6)
    assert "**trial 3**, FD (digits) **35.00** (N = 2000), 1.9M MACs (fvcore), 63.3k parameters" in text
    where = f"--study digits --storage sqlite:///{tmp_path}/study.db"
    assert f"nas-export {where} --trial 3 -o student.safetensors" in text
    assert r"| 0 | 60.00 | 500k | 16.7k | `widths 8\|0` (uniform x0.25) |" in text
    assert "5 complete, 1 stopped early." in text


def test_the_note_calls_a_trial_interrupted_where_no_driver_runs_the_study(store: StudyStore) -> None:
    store.study.ask().set_user_attr("architecture", "widths 8|9")
    text = note(store, trial_reports(store), 2e6)
    assert "5 complete, 1 stopped early, 1 interrupted.\nInterrupted: the same nas-search" in text
    with store.lease():
        assert "1 stopped early, 1 running." in note(store, trial_reports(store), 2e6)


def test_the_note_names_a_study_that_is_elsewhere_as_a_shell_reads_it(tmp_path: Path) -> None:
    workdir = tmp_path / "my runs"
    with StudyStore.open(f"sqlite:///{workdir}/my digits/study.db", "my digits") as elsewhere:
        StudyAttributes(config={"workdir": str(workdir)}).write(elsewhere.study)
        finish(elsewhere, 40, 1_000_000)
        where = f"--study 'my digits' --workdir '{workdir}'"
        assert f"nas-export {where} --trial 0 -o student.safetensors" in note(
            elsewhere, trial_reports(elsewhere), 2e6
        )


def test_rungs_are_a_line_for_each_training_and_the_best_stands_out(store: StudyStore) -> None:
    replicate = finish(store, 34, 1_900_000, replicate_of=3)
    drawn = traces(rung_figure(store, trial_reports(store), 2e6))
    assert list(drawn["stopped early or running"].y) == [90, None]
    assert list(drawn["finished"].y) == [40, None, 50, None, 20, None, 34, None]
    assert list(drawn["baseline"].y) == [60, None]
    assert list(drawn["best: trial 3"].x) == [6400, None]
    assert f"trial {replicate}</b>, replicate of trial 3" in drawn["finished"].text[-2]
