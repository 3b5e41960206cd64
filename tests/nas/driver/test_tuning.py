"""Ray Tune's scratch folder goes with the process that made it, or with the next search."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

import pytest
from ray.tune.experiment import Trial

from nas.driver import tuning

KILLED = """
import os, signal, sys
from pathlib import Path
from distill.storage import scratch_folder
with scratch_folder(Path(sys.argv[1]), "nas-tune-"):
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Searcher:
    """Of a search that Tune has nothing to do for."""

    error = None

    def heeding_interrupts(self) -> Any:
        return tempfile.TemporaryFile()


def test_folders_of_killed_drivers_are_removed_and_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nas-tune-of-another-program").mkdir()
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen: list[list[Path]] = []

    class Tuner:
        def fit(self) -> None:
            seen.append(list(tmp_path.iterdir()))

    monkeypatch.setattr(tuning, "_tuner", lambda *_: Tuner())
    unused = cast(Any, None)
    tuning.tune_candidates(unused, cast(Any, Searcher()), unused, unused, unused, "")
    assert len(seen[0]) == 2, "the other program's, and this one's"
    assert [each.name for each in tmp_path.iterdir()] == ["nas-tune-of-another-program"]


def test_tune_keeps_no_statistics_of_a_trial_that_has_ended() -> None:
    trial = Trial("any", stub=True)
    for fid in (40.0, 30.0):
        trial.update_last_result({"fid": fid, "macs": 9, "training_iteration": 1})
    assert trial.metric_analysis["fid"]["min"] == 30.0
    before = len(trial.get_json_state()[1])
    tuning.ForgottenMetrics().on_trial_complete(1, [trial], trial)
    assert not trial.metric_analysis
    assert not trial.metric_n_steps
    assert trial.last_result["fid"] == 30.0
    assert len(trial.get_json_state()[1]) < before
