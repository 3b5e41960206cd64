"""A study as one object: what commands print as JSON and as tables."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from rich.console import Console

from nas.errors import StudyError
from nas.ranking import NoiseFloor
from nas.ranking.pareto import dominates
from nas.ranking.rank_correlation import rank_correlation
from nas.reporting import SearchReport, read_report, render, render_trust, trial_reports
from nas.reporting.finalists import _got_worse as got_worse
from nas.study import StudyStore
from nas.trials import TrialAttributes
from nas.workbench import Workbench
from tests.nas.studies import finished_study


def shown(found: SearchReport) -> str:
    out = io.StringIO()
    Console(file=out, width=300).print(render(found))
    return out.getvalue()


def test_the_short_form_of_architectures_has_a_legend_under_the_table(finished: SearchReport) -> None:
    assert "Short form: rgb3: image channels; z512: latent dimensions" in shown(finished)


def test_every_trial_is_there_with_its_state_costs_and_rungs(finished: SearchReport) -> None:
    assert [trial.number for trial in finished.trials] == sorted({trial.number for trial in finished.trials})
    assert [trial.state for trial in finished.trials] == ["COMPLETE", "COMPLETE", "PRUNED", "FAIL"]
    assert [[rung.rung for rung in trial.rungs] for trial in finished.trials] == [
        [0, 1, 2],
        [0, 1, 2],
        [0],
        [],
    ]
    for trial in finished.trials[:3]:
        assert trial.fid == trial.rungs[-1].fid
        assert trial.macs is not None
        assert 0 < trial.macs <= 100_000
        assert trial.reason is None
    failed = finished.trials[3]
    assert (failed.fid, failed.macs, failed.reason) == (None, None, "d_adversarial is nan after 32 images")


def test_only_complete_trials_are_on_the_front_or_the_best(finished: SearchReport) -> None:
    complete = finished.trials[:2]
    assert finished.best == min(complete, key=lambda trial: trial.fid or 0)
    assert finished.best in finished.front
    assert all(trial in complete for trial in finished.front)
    assert [trial.macs for trial in finished.front] == sorted(trial.macs or 0 for trial in finished.front)


def test_the_json_has_the_promised_keys(finished: SearchReport, warm_bench: Workbench) -> None:
    found = json.loads(finished.model_dump_json())
    assert {"study", "budget", "teacher", "space", "trials", "front", "best"} <= set(found)
    assert {"number", "state", "fid", "macs", "params", "architecture", "rungs"} <= set(found["trials"][0])
    assert found["budget"] == {"macs": 100_000, "params": None, "latency": None}
    assert found["teacher"]["name"] == "tiny"
    assert found["space"] == "stylegan2"
    assert found["data"] == {"name": "digits", "digest": warm_bench.task.digest}
    assert SearchReport.model_validate(found) == finished


def test_a_finalist_names_its_trial_of_the_search_as_the_study_does(tmp_path: Path) -> None:
    with StudyStore.open(f"sqlite:///{tmp_path}/study.db", "finalists") as store:
        attributes = TrialAttributes(architecture="m8", search_trial=7).stored()
        store.study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs=attributes))
        (finalist,) = trial_reports(store)
    assert json.loads(finalist.model_dump_json())["search_trial"] == attributes["search_trial"] == 7


def test_a_trial_runs_only_while_a_driver_does(tmp_path: Path) -> None:
    with StudyStore.open(f"sqlite:///{tmp_path}/study.db", "killed") as store:
        attributes = TrialAttributes(architecture="m8").stored()
        store.study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs=attributes))
        with store.lease():
            (running,) = trial_reports(store)
        (interrupted,) = trial_reports(store)
    assert (running.state, interrupted.state) == ("RUNNING", "INTERRUPTED")


@pytest.mark.parametrize(("finalists_of", "command"), [("", "nas-search"), ("digits", "nas-distill")])
def test_a_report_says_what_resumes_interrupted_trials(
    finished: SearchReport, finalists_of: str, command: str
) -> None:
    hint = f"Interrupted: the same {command} command resumes it."
    trials = [t.model_copy(update={"state": "INTERRUPTED"}) if t.reason else t for t in finished.trials]
    found = finished.model_copy(update={"trials": trials, "finalists_of": finalists_of})
    assert hint in shown(found)
    assert hint in shown(found.model_copy(update={"best": None}))
    assert "2 complete, 1 stopped early, 1 interrupted" in shown(found)
    assert "Interrupted" not in shown(finished)


def test_the_table_names_the_front_the_best_and_where_things_are(finished: SearchReport) -> None:
    text = shown(finished)
    assert finished.best is not None
    assert f"Best student: trial {finished.best.number}, FD (digits) {finished.best.fid:.2f}" in text
    assert "; 4 architectures: 2 complete, 1 stopped early, 1 failed." in text
    assert "FD (digits), 50 samples, against MACs (fvcore, batch 1)" in text
    assert f"{finished.folder}/trials" in text
    assert "baseline: uniform" in text


def test_the_latency_is_a_column_where_it_was_measured(finished: SearchReport) -> None:
    assert "latency" not in shown(finished)
    notes = {"latency": 0.0123, "latency_on": "cpu, 1 thread"}
    measured = {t.number: t.model_copy(update=notes) for t in finished.trials}
    assert finished.best is not None
    within = finished.model_copy(
        update={
            "trials": list(measured.values()),
            "front": [measured[t.number] for t in finished.front],
            "best": measured[finished.best.number],
        }
    )
    assert shown(within).splitlines()[2].split()[-1] == "latency"
    assert "parameters, 12.3ms (cpu, 1 thread);" in shown(within)
    assert shown(within).count("12.3ms") > len(within.front)
    assert json.loads(within.model_dump_json())["front"][0].items() >= notes.items()


def test_the_distance_before_training_is_a_column_and_training_in_vain_is_marked(
    finished: SearchReport,
) -> None:
    assert finished.best is not None
    assert finished.best.median is not None

    def started_from(distance: float) -> str:
        best = finished.best.model_copy(update={"fid_before": distance})
        others = [t for t in finished.trials if t.number != best.number]
        front = [best if t.number == best.number else t for t in finished.front]
        return shown(finished.model_copy(update={"trials": [best, *others], "front": front, "best": best}))

    assert f"{finished.best.median + 12:.2f}" in started_from(finished.best.median + 12)
    assert "no better than before training" not in started_from(finished.best.median + 12)
    assert "no better than before training" in " ".join(started_from(finished.best.median).split())


def test_a_study_without_a_complete_trial_says_so(finished: SearchReport) -> None:
    none = finished.model_copy(update={"best": None, "front": [], "trials": finished.trials[2:]})
    assert (
        shown(none).strip()
        == "no trial of study tiny is complete: 2 architectures: 1 stopped early, 1 failed"
    )


def test_runs_of_one_architecture_are_one_row_by_their_median(replicated: SearchReport) -> None:
    first, *further = [t for t in replicated.trials if t.number == 0 or t.replicate_of == 0]
    fids = [t.fid for t in (first, *further) if t.fid is not None]
    assert len(fids) == 3
    assert first.fids == fids
    assert first.median == sorted(fids)[1]
    assert first.fid == fids[0]
    assert [(t.fids, t.baseline) for t in further] == [([], first.baseline)] * 2
    assert all(t not in replicated.front for t in further)
    others = [t for t in replicated.trials if t.replicate_of is None and t is not first]
    assert [t.median for t in others] == [t.fid for t in others]
    points = {t.number: t.point for t in replicated.trials if t.fids}
    assert [t.number for t in replicated.front] == sorted(
        (n for n, p in points.items() if not any(dominates(q, p) for q in points.values())),
        key=lambda n: points[n],
    )


def test_replicates_are_no_trials_but_what_the_noise_is_known_by(replicated: SearchReport) -> None:
    assert replicated.replicates == 2
    assert replicated.noise == NoiseFloor.of(t.fids for t in replicated.trials if t.fids).sigma
    assert replicated.noise > 0
    text = shown(replicated)
    assert "; 3 architectures: 3 complete; 2 replicates in addition." in text
    noise = f"equal trainings: {math.expm1(replicated.noise):.0%} (2 replicates, and an assumption of 11%"
    assert noise in text
    (row,) = [cells for line in text.splitlines() if (cells := line.split())[:1] == ["0"] and len(cells) == 8]
    assert row[1] == f"{replicated.trials[0].median:.2f}"
    assert row[3] == "3", "seeds"
    assert sum("baseline: uniform, 100%" in line for line in text.splitlines()) == 1


def test_who_may_be_as_good_as_the_best_is_named(finished: SearchReport) -> None:
    assert "(an assumption of 11%; no architecture has a second seed yet)" in shown(finished)
    text = shown(finished.model_copy(update={"within_margin": [4, 9]}))
    assert "not significantly worse than the best: trials 4, 9." in text
    behind = next(t for t in finished.trials if t.fids and t != finished.best)
    text = shown(finished.model_copy(update={"within_margin": [behind.number], "front": [finished.best]}))
    assert text.count(behind.summary) == 1, "it has a row"
    assert "within the noise of the best" in " ".join(text.split("Best student")[0].split())
    assert "all others are significantly worse than the best." in shown(
        finished.model_copy(update={"within_margin": []})
    )


def test_a_first_training_that_the_noise_leaves_out_is_explained(finished: SearchReport) -> None:
    twice = [t.model_copy(update={"fids": [3.0, 4.0]}) for t in finished.trials if t.fids]
    text = shown(finished.model_copy(update={"trials": twice, "replicates": 1}))
    assert "(1 of 2 replicates: a first training that led to its replicates was likely lucky" in text
    assert "without a replicate" not in text


def test_a_single_architecture_is_compared_with_no_others(finished: SearchReport) -> None:
    assert finished.best is not None
    alone = finished.model_copy(update={"trials": [finished.best], "within_margin": []})
    assert "all others" not in shown(alone)


@pytest.mark.parametrize("layers", [1, 12])
def test_columns_are_whole_on_80_columns_however_long_architectures_are(
    finished: SearchReport, layers: int
) -> None:
    summary = " ".join(["z100n", *["t512k4s2p1bn.relu"] * layers])
    trials = [t.model_copy(update={"summary": summary, "fid_before": 123.45}) for t in finished.trials]
    by_number = {t.number: t for t in trials}
    assert finished.best is not None
    long = finished.model_copy(
        update={
            "trials": trials,
            "front": [by_number[t.number] for t in finished.front],
            "best": by_number[finished.best.number],
        }
    )
    out = io.StringIO()
    Console(file=out, width=80).print(render(long))
    lines = [line.split() for line in out.getvalue().splitlines()]
    headings = ["trial", "(digits)", "training", "seeds", "estimate", "MACs", "params", "MACs"]
    assert headings in lines
    for trial in long.front:
        (row,) = [line for line in lines if line[:1] == [str(trial.number)] and len(line) == len(headings)]
        assert (row[1], row[2]) == (f"{trial.median:.2f}", "123.45")
    assert "…" not in out.getvalue()
    assert " ".join(out.getvalue().split()).count(summary) == 2


def test_how_students_were_taught_is_said(finished: SearchReport) -> None:
    assert finished.best is not None
    images = finished.best.rungs[-1].images
    assert f"Recipe: {finished.recipe}; {images} images a training." in shown(finished)
    assert finished.recipe.startswith("weight-decay, KD weight 1 to 0.3, cosine")


def test_the_ramp_of_the_adversarial_weight_is_said(warm_bench: Workbench, tmp_path: Path) -> None:
    ramp = {"adversarial_start": 0.75, "adversarial_full": 1.0, "adversarial_weight": 0.1}
    found = finished_study(warm_bench, tmp_path, (None,), **ramp)
    says = "; adversarial weight 0 until 75% of the training, then rising to 0.1 at 100%"
    assert found.recipe.endswith(says)


def test_few_samples_are_cautioned_of_once(finished: SearchReport) -> None:
    assert shown(finished).count("Caution: FD (digits) over 50 samples is noisy and too high") == 1
    assert finished.best is not None
    last = finished.best.rungs[-1].model_copy(update={"fid_samples": 2_000})
    best = finished.best.model_copy(update={"rungs": [last]})
    assert "Caution" not in shown(finished.model_copy(update={"best": best}))


def test_few_held_out_samples_of_the_teacher_are_cautioned_of(finished: SearchReport) -> None:
    assert finished.best is not None
    last = finished.best.rungs[-1].model_copy(update={"fid_samples": 2_000})
    best = finished.best.model_copy(update={"rungs": [last]})
    few = finished.model_copy(update={"best": best, "data": finished.data | {"samples": "2000"}})
    assert "Caution: FD (digits) to only 400 images is noisy and too high" in shown(few)


def test_finalists_that_got_worse_are_named(replicated: SearchReport) -> None:
    def lines(*fids: float) -> list[str]:
        trial = replicated.trials[0]
        rungs = [rung.model_copy(update={"fid": fid}) for rung, fid in zip(trial.rungs, fids, strict=True)]
        return got_worse(replicated, [trial.model_copy(update={"rungs": rungs})])

    assert lines(3.0, 2.0, 1.0) == []
    (line,) = lines(3.0, 1591.75, 1801.15)[:1]
    assert line.startswith("Caution: trial 0 got worse: FD (digits) 3.00 after 64 images, 1801.15 after 256")


def test_rank_correlations_are_shown_or_said_to_be_of_too_few(finished: SearchReport) -> None:
    def trust(found: SearchReport) -> str:
        out = io.StringIO()
        Console(file=out, width=160).print(render_trust(found))
        return out.getvalue()

    assert "too few architectures, 2 of at least 10 trained to the end" in trust(finished)
    fids = [float(i) for i in range(12)]
    correlation = rank_correlation(4_000, fids, fids)
    assert correlation is not None
    text = trust(finished.model_copy(update={"correlations": [correlation]}))
    assert "4,000" in text
    assert ["4,000", "FD", "(digits)", "12", "1.00", "1.00"] in [line.split() for line in text.splitlines()]


def test_a_trial_that_does_not_exist_is_named(finished: SearchReport) -> None:
    assert finished.trial(finished.trials[2].number) == finished.trials[2]
    with pytest.raises(StudyError, match="study 'tiny' has no trial 999"):
        finished.trial(999)


def test_a_study_of_somebody_else_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(storage=url, study_name="other", directions=["minimize"] * 2)
    with (
        StudyStore.open(url, "other", create=False) as store,
        pytest.raises(StudyError, match="not made by nas-search"),
    ):
        read_report(store)
