"""Benchmarks print their figures as JSON for machines."""

import json
import subprocess
import sys
from typing import Any

import pytest


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
    assert 0.001 < found["feasible_share"] < 0.05  # the budget is that of one in a hundred
    assert found["rows"][0]["feasible_share"] == 1


@pytest.mark.slow
def test_driver_overhead_tells_seconds_a_trial_by_the_size_of_the_study() -> None:
    found = figures("driver_overhead")
    assert list(found["by_trials"]) == ["10", "100"]
    assert found["seconds_per_trial"] == found["by_trials"]["100"] > 0
    assert found["with_tune_seconds_per_trial"] > 0
