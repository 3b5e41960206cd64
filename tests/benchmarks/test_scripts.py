"""Benchmarks print their figures as JSON for machines."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import compressing_gans, long_search, proposals, similarity
from benchmarks.driver_overhead import FEWEST, study_part
from benchmarks.options import positive
from benchmarks.speed import fid_fraction
from nas.samplers import SAMPLERS
from search_spaces import Checkpoint, get_family, save_checkpoint
from tests.search_spaces.teachers import FROM_NOISE, TEACHERS


def figures(script: str, *options: str) -> dict[str, Any]:
    """What `--quick --json` prints on stdout."""
    command = [sys.executable, "-m", f"benchmarks.{script}", "--quick", "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
def test_step_throughput_tells_both_speeds_and_their_ratio() -> None:
    found = figures("step_throughput", "--case", "digits")
    (case,) = found["cases"]
    assert found["ratio"] == case["ratio"]
    speeds = case["images_per_second"], case["straightforward_images_per_second"]
    assert case["ratio"] == pytest.approx(speeds[0] / speeds[1])


@pytest.mark.slow
def test_proposals_tells_how_many_fit_a_second_and_how_rare_they_are() -> None:
    found = figures("proposals")
    assert found["per_second"] > 0
    assert 0.001 < found["feasible_fraction"] < 0.05  # the budget is that of one in a hundred
    assert found["rows"][0]["feasible_fraction"] == 1


def test_proposals_of_a_tpe_study_fit_where_they_are_scaled() -> None:
    _, rows = proposals.measure(0.1, draws=50, proposals=2, tpe_trials=2, rounds=1)
    assert {row.name: row.feasible_fraction for row in rows}["scaled to the budget, TPE"] == 1


def test_the_driver_is_measured_with_every_sampler(tmp_path: Path) -> None:
    url, names = f"sqlite:///{tmp_path / 'study.db'}", list(SAMPLERS)
    rows = list(study_part("SQLite", url, tmp_path, names, [8], measured=1, limit=0.0))
    assert [(row.sampler, row.trials, row.measured) for row in rows] == [(name, 8, FEWEST) for name in names]


@pytest.mark.slow
def test_fids_take_a_part_of_a_trial(tmp_path: Path) -> None:
    assert 0.01 < fid_fraction(str(tmp_path), rungs=(64, 128)) < 1


@pytest.mark.slow
def test_driver_overhead_tells_seconds_a_trial_by_the_size_of_the_study() -> None:
    found = figures("driver_overhead")
    assert list(found["by_trials"]) == ["10", "100"]
    assert found["seconds_per_trial"] == found["by_trials"]["100"] > 0
    assert found["with_tune_seconds_per_trial"] > 0


def test_a_long_search_is_seen_growing(tmp_path: Path) -> None:
    moments = long_search.search(tmp_path, None, trials=12, workers=0, sampler="random")
    assert moments[-1].trials == 12
    assert moments[-1].database_mb > 0
    assert moments[-1].memory_mb > 10


@pytest.mark.slow
def test_kd_schedules_tells_medians_and_ratios_by_budget_and_row(tmp_path: Path) -> None:
    found = figures("kd_schedules", "--rows", "^(none|constant)$", "--csv", str(tmp_path / "runs.csv"))
    assert found["seeds"] == [0, 1]
    assert list(found["budgets"]["2M"]) == ["none", "constant"]
    for row in found["budgets"]["2M"].values():
        low, high = row["interval"]
        assert low <= row["fid"] <= high
        assert sorted(row["fids"]) == pytest.approx([low, high])
    none = found["budgets"]["2M"]["none"]
    assert none["ratio"][1] <= none["ratio"][0] <= none["ratio"][2]
    assert none["verdict"]
    assert len((tmp_path / "runs.csv").read_text().splitlines()) == 5


@pytest.mark.slow
def test_recipes_tells_what_each_of_them_makes_of_the_same_images() -> None:
    found = figures("recipes")
    assert found["images"] == 256
    rows = found["budgets"]["2M"]
    assert rows.keys() == {"default", "alone"}
    assert len({row["fid"] for row in rows.values()}) == 2, "the teacher had a say"
    assert len({row["before"] for row in rows.values()}) == 1, "both start alike"
    for row in rows.values():
        assert row["useless"] == (row["fid"] >= row["before"])
        assert min(row["kid"], row["images_per_second"]) > 0
        assert 0 <= row["recall"] <= 1


@pytest.mark.slow
def test_compressing_gans_tells_every_size_way_and_length(tmp_path: Path) -> None:
    table, runs = tmp_path / "runs.csv", tmp_path / "runs.jsonl"
    options = ("--csv", str(table), "--results", str(runs), "--plot", str(tmp_path / "knee.png"))
    found = figures("compressing_gans", *options)
    ways = ["distance", "joint 0.9", "alone"]
    assert [(row["d"], row["length"], row["way"], row["params"]) for row in found["rows"]] == [
        (width, length, way, params)
        for width, params in ((1, 3_252), (2, 6_567))
        for length in ("steps", "plateau")
        for way in ways
    ]
    equal = [row for row in found["rows"] if row["length"] == "steps"]
    assert {row["steps"] for row in equal} == {6}, "generator steps, whatever the critic takes"
    for width in (1, 2):
        assert len({row["fid"] for row in equal if row["d"] == width}) == 3, "the teacher had a say"
    assert all(row["verdict"] for row in found["rows"] if row["way"] != "alone")
    assert all(row["fresh"] > 0 and row["cached"] > 0 and row["nearest"] > 0 for row in found["rows"])
    assert len(table.read_text().splitlines()) == 1 + 2 * len(found["rows"])
    assert (tmp_path / "knee.png").stat().st_size > 1_000
    done = runs.read_text()
    assert figures("compressing_gans", *options)["rows"] == found["rows"]
    assert runs.read_text() == done, "finished runs are not done again"


@pytest.mark.parametrize("widths", ["2,x", "0", "", "4,-2", "1.5"])
def test_a_depth_factor_that_is_none_is_refused_in_one_line(
    widths: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["compressing_gans", "--quick", f"--widths={widths}"])
    with pytest.raises(SystemExit) as ended:
        compressing_gans.main()
    assert ended.value.code == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.endswith(f"--widths: {widths}: give whole numbers of 1 or more, such as 2,4,8")


@pytest.mark.parametrize("alphas", ["0", "1", "1.5", "-0.5"])
def test_an_alpha_that_leaves_one_term_out_is_refused_with_the_papers_meaning(
    alphas: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["compressing_gans", "--quick", f"--alphas={alphas}"])
    with pytest.raises(SystemExit) as ended:
        compressing_gans.main()
    assert ended.value.code == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert f"--alphas {alphas}: the paper's α, the critic's weight beside 1 - α of the distance" in message


def test_depth_factors_are_separated_by_commas() -> None:
    assert positive("2, 4,16") == [2, 4, 16]


@pytest.mark.slow
def test_inheritance_tells_fids_of_every_start_along_the_training() -> None:
    found = figures("inheritance")
    assert found["images"] == [0, 256]
    for name in ("fids", "recalls"):
        assert {start: [len(run) for run in runs] for start, runs in found[name].items()} == {
            "magnitude": [2],
            "image difference": [2],
            "mapping only": [2],
            "random": [2],
        }
    assert all(fid > 0 for runs in found["fids"].values() for fid in runs[0])
    assert len({runs[0][0] for runs in found["fids"].values()}) == 4


@pytest.mark.parametrize("name", FROM_NOISE)
def test_a_student_of_the_teachers_size_is_as_like_it_as_can_be(name: str, tmp_path: Path) -> None:
    path = tmp_path / "teacher.safetensors"
    torch.manual_seed(0)
    save_checkpoint(Checkpoint(name, get_family(name).build(TEACHERS[name]).eval(), None, {}), path)
    assert similarity.measured(path, 1.0)["calibrated"] == pytest.approx(1.0, abs=1e-3)
    assert similarity.measured(path, 0.25)["calibrated"] < 0.999


@pytest.mark.slow
def test_images_needed_tells_what_an_image_takes_and_gives() -> None:
    rows = figures("images_needed")["rows"]
    assert rows["adversarial from the start"]["time"] == 1
    assert all(row["before"] > row["fid"] > 0 and row["time"] > 0 for row in rows.values())


@pytest.mark.slow
def test_relations_tell_time_memory_and_error_of_every_size() -> None:
    rows = figures("relations")
    assert [row["side"] for row in rows] == [32, 64]
    assert all(row["seconds"] > 0 and row["megabytes"] >= 0 and row["error"] < 1e-6 for row in rows)
