"""A whole search, with a real Ray and a real SQLite file, on a few images."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from nas.budget import measure
from nas.config import SearchConfig
from nas.driver import prepare, record_facts, run_search
from nas.errors import StudyError
from nas.execution import CandidateTrial
from nas.reporting import SearchReport
from nas.study import StudyAttributes, StudyStore
from nas.trials import Proposer
from nas.workbench import Workbench
from search_spaces import FixedSuggest, get_family
from tests.nas.cli.command_line import result_of
from tests.nas.studies import finished_study

pytestmark = pytest.mark.slow

FLAGS = "--budget-macs 1M --rungs 128,256,512 --fid-samples 64 --teacher-cache-size 128 --batch-size 32"
FLAGS += " --workers 2 --replicates 0"


def test_a_search_of_the_digits_keeps_to_its_budget_and_is_resumed_by_the_same_command(commands: Any) -> None:
    command = ("nas-search", *FLAGS.split(), "--json", "--trials")
    done = commands.run(*command, 4)
    assert done.returncode == 0, done.stderr
    found = result_of(done.stdout)
    assert {"study", "budget", "teacher", "space", "trials", "front", "best"} <= set(found)
    assert found["study"] == "digits-1Mmacs"
    assert len(found["trials"]) == 4
    assert len({json.dumps(trial["architecture"]) for trial in found["trials"]}) == 4
    family = get_family(found["space"])
    for trial in found["trials"]:
        cost = measure(family.build(family.architecture.from_json(trial["architecture"])))
        assert (trial["macs"], trial["params"]) == (cost.macs, cost.params)
        assert cost.macs <= 1_000_000
        assert trial["state"] in ("COMPLETE", "PRUNED")
        assert len(trial["rungs"]) == 3 or trial["state"] == "PRUNED"
        assert trial["fid"] == trial["rungs"][-1]["fid"]
    assert [trial["baseline"] for trial in found["trials"]].count(None) == 3, "half are the sampler's"
    assert found["best"] in found["front"]
    assert "Teacher: built-in digits" in done.stderr
    assert "[4/4 trials] trial" in done.stderr
    measured = [
        line for line in done.stderr.splitlines() if re.search(r"trial +\d+  rung \d/3  FD \(digits\)", line)
    ]
    assert len(measured) == sum(len(trial["rungs"]) for trial in found["trials"]), "a line for each rung"
    assert all(line.endswith((": promoted", ": stopped", ": last rung")) for line in measured)
    assert "Traceback" not in done.stderr

    again = commands.run(*command, 4)
    assert (again.returncode, result_of(again.stdout)) == (0, found)  # also who trained what, and when

    more = commands.run(*command, 6)
    assert more.returncode == 0, more.stderr
    continued = result_of(more.stdout)
    assert continued["trials"][:4] == found["trials"]
    assert len(continued["trials"]) == 6
    assert "[6/6 trials] trial" in more.stderr
    assert commands.left_behind() == []


def test_a_search_of_a_budget_above_the_teacher_ends_with_a_student_and_the_teacher_beside_it(
    teacher_file: Path, tmp_path: Path
) -> None:
    bench = prepare(
        SearchConfig.of(
            budget_macs=5 * 10**9, teacher=teacher_file, data="digits", rungs=(64, 128), fid_samples=50,
            teacher_cache_size=64, batch_size=32, trials=4, workers=1, workdir=tmp_path, sampler="random",
            replicates=0,
        )
    )  # fmt: skip
    err = io.StringIO()
    found = run_search(bench, Console(file=err))
    assert "is above the teacher's 289k: searching below the teacher" in err.getvalue()
    assert found.below_teacher
    assert found.teacher_on_front == all(
        found.teacher["fid"] < found.estimates[student.number] for student in found.front
    )
    assert len(found.trials) == 4
    assert str(bench.space.largest()) not in {trial.summary for trial in found.trials}
    assert found.best in found.trials
    assert "uniform, 50% of the teacher" in {trial.baseline for trial in found.trials}


# What goes wrong in candidates


def unlucky(folder: Path) -> type[CandidateTrial]:
    """Candidates of which the first raises, the second dies once, the third each time, the fourth diverges.

    A class made in a function travels to Ray's workers by value: they can't import this file.
    """

    class Unlucky(CandidateTrial):
        def step(self) -> dict[str, Any]:
            assert self._candidate is not None
            trial = self._candidate.trial
            begun = folder / str(trial)
            again = begun.exists()
            begun.touch()
            place = sorted(int(path.name) for path in folder.iterdir()).index(trial)
            if place == 0:
                self._candidate.run = lambda rung: 1 / 0  # type: ignore[assignment,return-value]
            if place == 2 or (place == 1 and not again):
                os.kill(os.getpid(), signal.SIGKILL)
            if place == 3:
                self._candidate._resume()
                assert self._candidate._trainer is not None
                student = self._candidate._trainer.student
                torch.nn.init.constant_(next(student.parameters()), float("nan"))
            return super().step()

    return Unlucky


def test_candidates_that_raise_diverge_or_lose_their_worker_fail_alone(
    teacher_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "begun").mkdir()
    bench = prepare(
        SearchConfig.of(
            budget_macs=100_000, teacher=teacher_file, data="digits", rungs=(64, 128), fid_samples=50,
            teacher_cache_size=64, batch_size=32, trials=5, workers=1, workdir=tmp_path, sampler="random",
            replicates=0,
        )
    )  # fmt: skip
    err = io.StringIO()

    def run() -> SearchReport:
        return run_search(bench, Console(file=err), unlucky(tmp_path / "begun"))

    found = run()
    outcomes = [(trial.state, trial.reason) for trial in found.trials]
    assert outcomes[0][0] == "FAIL"
    reason, _, log = str(outcomes[0][1]).partition(" (see ")
    assert reason == "ZeroDivisionError: division by zero"
    assert "1 / 0" in Path(log.rstrip(")")).read_text()
    assert outcomes[1] == ("COMPLETE", None)  # tried again by another worker
    assert outcomes[2] == ("FAIL", "3 workers were lost; the last one died")
    assert outcomes[3][0] == "FAIL"
    assert "nan after" in str(outcomes[3][1])
    (again,) = (t for t in found.trials[4:] if t.summary == found.trials[3].summary)  # from another seed
    assert str(outcomes[3][1]).endswith(f"; retried as trial {again.number}")
    assert len(outcomes) == 6
    assert all(state in ("COMPLETE", "PRUNED") for state, _ in outcomes[4:])
    assert len({trial.summary for trial in found.trials}) == 5
    assert found.best is not None
    assert "failed         ZeroDivisionError: division by zero" in err.getvalue()
    assert run() == found  # what failed has been tried


def test_what_diverges_from_another_seed_too_has_failed(teacher_file: Path, tmp_path: Path) -> None:
    class Hopeless(CandidateTrial):
        def step(self) -> dict[str, Any]:
            assert self._candidate is not None
            if str(self._candidate.architecture) == hopeless:
                return {"failed": "d_r1 is nan after 32 images", "diverged": True, "done": True}
            return super().step()

    bench = prepare(
        SearchConfig.of(
            budget_macs=100_000, teacher=teacher_file, data="digits", rungs=(64, 128), fid_samples=50,
            teacher_cache_size=64, batch_size=32, trials=2, workers=1, workdir=tmp_path, sampler="random",
            replicates=0,
        )
    )  # fmt: skip
    whole = FixedSuggest({"budget_fraction": 1.0, **bench.space.uniform()})
    hopeless = str(bench.space.sample(whole, bench.config.budget.utilisation(bench.space)))
    err = io.StringIO()
    found = run_search(bench, Console(file=err), Hopeless)
    first, second = (trial for trial in found.trials if trial.summary == hopeless)
    assert (first.state, second.state) == ("FAIL", "FAIL")
    assert first.reason == f"d_r1 is nan after 32 images; retried as trial {second.number}"
    assert second.reason == "d_r1 is nan after 32 images"
    (other,) = (trial for trial in found.trials if trial.summary != hopeless)
    assert other.state == "COMPLETE"


# Replicates


def test_a_search_that_has_its_trials_resumes_when_more_seeds_are_asked_for(
    teacher_file: Path, tmp_path: Path
) -> None:
    request = SearchConfig.of(
        budget_macs=100_000, teacher=teacher_file, data="digits", rungs=(64, 128), fid_samples=50,
        teacher_cache_size=64, batch_size=32, trials=3, workers=1, workdir=tmp_path, sampler="random",
        replicates=0,
    )  # fmt: skip
    before = finished_study(prepare(request), tmp_path, (1, 1, 1))
    assert (len(before.trials), before.replicates) == (3, 0)
    more = prepare(request.model_copy(update={"replicates": 2}))
    after = run_search(more, Console(file=io.StringIO()))
    further = [trial for trial in after.trials if trial.replicate_of is not None]
    assert 1 <= len(further) <= 2
    assert further[0].replicate_of == before.trials[0].number
    assert further[0].state == "COMPLETE"
    assert further[0].fid != before.trials[0].fid
    assert 1 <= after.replicates <= len(further)  # noise is not estimated from first runs that were chosen
    assert [t.rungs for t in after.trials if t.replicate_of is None] == [t.rungs for t in before.trials]
    assert run_search(more, Console(file=io.StringIO())) == after


# Fewer trials than there are


def test_with_fewer_trials_what_was_interrupted_is_finished_and_nothing_added(
    teacher_file: Path, tmp_path: Path
) -> None:
    request = SearchConfig.of(
        budget_macs=100_000, teacher=teacher_file, data="digits", rungs=(64, 128), fid_samples=50,
        teacher_cache_size=64, batch_size=32, trials=2, workers=1, workdir=tmp_path, sampler="random",
    )  # fmt: skip
    bench = prepare(request)
    config = bench.config
    before = finished_study(bench, tmp_path, (1, 1))
    with StudyStore.open(config.storage_url, config.study) as store:  # a driver that is killed
        more = config.model_copy(update={"trials": 3})
        interrupted = Proposer(store, bench.space, config.budget.utilisation(bench.space), more).next()
        assert interrupted is not None
        unsampled = store.study.ask().number
    fewer = prepare(request.model_copy(update={"trials": 1}))
    err = io.StringIO()
    found = run_search(fewer, Console(file=err))
    assert found.trials[:2] == before.trials
    assert [t.number for t in found.trials[2:]] == [interrupted.trial]
    assert found.trial(interrupted.trial).state in ("COMPLETE", "PRUNED")
    assert "[3/3 trials] trial" in err.getvalue()
    with StudyStore.open(config.storage_url, config.study) as store:
        left = store.study.trials[unsampled]
        assert (left.state.name, left.user_attrs["reason"]) == (
            "FAIL",
            "interrupted before an architecture was chosen",
        )


# What goes wrong before


def test_a_study_is_not_resumed_with_other_extractor_weights(make_bench: Any) -> None:
    bench = make_bench()
    score = bench.teacher_score()
    other = dataclasses.replace(score, digest="f" * 16)
    bench.config.folder.mkdir(parents=True)
    with StudyStore.open(bench.config.storage_url, "tiny") as store:
        record_facts(store, bench, other, "bf16")
        record_facts(store, bench, score, "fp32")  # without trials, they give way
        store.study.ask()
        record_facts(store, bench, score, "fp32")
        fix = "give the same file by --extractor-weights, or use --study NAME"
        with pytest.raises(StudyError, match=f"extractor weights {score.digest}, not {'f' * 16}: {fix}"):
            record_facts(store, bench, other, "fp32")
        with pytest.raises(StudyError, match="belongs to the precision fp32, not bf16: give the same"):
            record_facts(store, bench, score, "bf16")


def test_an_extractor_that_does_not_exist_leaves_nothing_behind(commands: Any, tmp_path: Path) -> None:
    done = commands.run("nas-search", *FLAGS.split(), "--extractor", "magic")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [done.stderr.strip()]
    assert "no extractor 'magic': choose one of cifar-resnet, clip, digits" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_study_of_finalists_is_not_searched_in(make_bench: Any) -> None:
    bench = make_bench(study="finalists")
    bench.config.folder.mkdir(parents=True)
    with StudyStore.open(bench.config.storage_url, "finalists", identity=bench.identity) as store:
        StudyAttributes(finalists_of="tiny").write(store.study)
        failed = store.begin({"architecture": "a"})
        store.begin({"architecture": "a", "retry_of": failed})
    with pytest.raises(StudyError, match="holds the finalists of 'tiny': continue it with nas-distill"):
        run_search(bench, Console(file=io.StringIO()))
    with StudyStore.open(bench.config.storage_url, "finalists") as store:
        assert "retried_as" not in store.study.trials[failed].user_attrs, "nothing was written"


def test_finalists_are_not_trained_in_a_study_that_holds_a_search(make_bench: Any) -> None:
    bench = make_bench(study="tiny-final")
    bench.config.folder.mkdir(parents=True)
    with StudyStore.open(bench.config.storage_url, "tiny-final", identity=bench.identity) as store:
        store.study.ask()
    with pytest.raises(StudyError, match=r"'tiny-final' holds a search: .* give another --images"):
        run_search(bench, Console(file=io.StringIO()), finalists_of="tiny")
    with StudyStore.open(bench.config.storage_url, "tiny-final") as store:
        assert not StudyAttributes.from_study(store.study).finalists_of


def test_a_complete_study_that_is_run_again_says_that_nothing_is_left(
    warm_bench: Workbench, make_bench: Any, tmp_path: Path
) -> None:
    finished_study(warm_bench, tmp_path, (2,), trials=1, replicates=0)
    bench, err = make_bench(workdir=tmp_path, trials=1, replicates=0), io.StringIO()
    found = run_search(bench, Console(file=err, width=200))
    assert len(found.trials) == 1
    assert "Nothing left to train: all of --trials 1 are finished; raise it for more" in err.getvalue()
