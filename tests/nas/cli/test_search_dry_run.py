"""nas-search --dry-run: what a search would do, without training or writing."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.nas.cli.command_line import refused, result_of, run


def test_a_dry_run_shows_what_would_be_tried_and_writes_nothing(tmp_path: Path) -> None:
    result = run("nas-search", "--budget-macs", "2M", "--trials", 24, "--dry-run")
    assert result.exit_code == 0
    shown = (
        "Teacher: built-in digits",
        "Budget: 2M MACs",
        "smallest",
        "largest",
        "trials=24",
        "Time: about ",
    )
    for part in shown:
        assert part in result.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("--rungs 200,400", "Training: FD (digits) after 256, 448 images, 64 in a batch"),
        ("--rungs 100,300 --batch-size 50", "Training: FD (digits) after 100, 300 images, 50 in a batch"),
        ("--rungs 300 --share-weights", "Training: weights that all students share, 300 images"),
        ("--recipe dgl-gan", "Recipe: dgl-gan, KD weight 0, and 0.1 from 50% of the training on"),
        (
            "--recipe compressing-gans",
            "Recipe: compressing-gans, KD weight constant 1 (1 - α, where the paper's α weighs the critic)",
        ),
    ],
)
def test_a_dry_run_says_how_students_are_taught_in_whole_batches(asked: str, says: str) -> None:
    assert says in run("nas-search", "--budget-macs", "2M", *asked.split(), "--dry-run").stdout


def test_a_dry_run_says_when_the_budget_does_not_bind() -> None:
    result = run("nas-search", "--budget-macs", "5G", "--dry-run")
    assert "Budget: 5G MACs is above the teacher's 22.9M: searching below the teacher" in result.stdout


def test_a_dry_run_says_how_many_trials_are_the_samplers() -> None:
    said = run("nas-search", "--budget-macs", "2M", "--trials", 8, "--dry-run").stdout
    plan = "Trials: 8, of them 2 uniform-width baselines, 2 initial designs, 4 left to the sampler"
    assert f"{plan}; up to 2 replicates in addition" in said


def test_a_dry_run_as_json_is_one_object_of_proposals_that_fit() -> None:
    result = run("nas-search", "--budget-macs", "2M", "--budget-params", "60k", "--dry-run", "--json")
    shown = result_of(result.stdout)
    assert shown["budget"] == {"macs": 2_000_000, "params": 60_000, "latency": None}
    assert shown["study"] == "digits-2Mmacs-60kparams"
    assert len(shown["proposals"]) >= 4
    assert all(p["macs"] <= 2_000_000 and p["params"] <= 60_000 for p in shown["proposals"])
    assert shown["smallest"]["macs"] < shown["largest"]["macs"] == shown["teacher"]["macs"]


def test_a_dry_run_within_a_latency_measures_what_it_shows() -> None:
    result = run("nas-search", "--budget-latency", "10s", "--dry-run")
    assert "Budget: 10s of latency on cpu; study digits-10s-on-cpu" in result.stdout
    assert "latency on cpu, 1 thread" in result.stdout
    result = run("nas-search", "--budget-macs", "2M", "--budget-latency", "10s", "--dry-run", "--json")
    shown = result_of(result.stdout)
    assert shown["budget"] == {"macs": 2_000_000, "params": None, "latency": 10.0}
    for proposed in (shown["smallest"], shown["largest"], *shown["proposals"]):
        assert 0 < proposed["latency"] <= 10
        assert proposed["latency_on"] == "cpu, 1 thread"


def test_a_dry_run_says_how_many_candidates_train_at_a_time() -> None:
    flags = ("nas-search", "--budget-macs", "2M", "--dry-run", "--gpus-per-trial", 0)
    three = run(*flags, "--workers", 3).stdout
    assert "Execution: 3 candidates at a time, 1 CPU core and no GPU each" in three
    alone = run(*flags, "--trials", 1, "--replicates", 0).stdout
    assert "Execution: 1 candidate at a time, " in alone
    assert "workers=" not in alone, "nothing was asked for"
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        cluster = run(*flags, "--ray-address", address).stdout
    assert f"Execution: as many candidates at a time as {address} has room for" in cluster
    refused(f"--ray-address {address} does not answer", *flags, "--ray-address", address)
    for wrong in ("nowhere", "nowhere:x", ":6379"):
        refused(f"--ray-address {wrong}: give HOST:PORT", *flags, "--ray-address", wrong)
