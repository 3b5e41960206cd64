"""Forks of one training: the same state continues with and without knowledge distillation."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import forks
from benchmarks.forks import WITH, WITHOUT, draw_forks, fork, lines, table
from benchmarks.plots import Curve, draw
from benchmarks.results import Figures

AT = [0.0, 1.0]


def seeds(*effects: float) -> dict[int, Figures]:
    """Runs whose KD multiplies FD by an effect at the first fork, and by its inverse at the second."""
    return {
        seed: {
            "fid 0": 50.0,
            "fid 1": 10.0,
            "cosine 0": 0.5,
            "cosine 1": -0.25,
            f"{WITHOUT} 0": 40.0 + seed,
            f"{WITH} 0": (40.0 + seed) * effect,
            f"{WITHOUT} 1": 9.0 + seed,
            f"{WITH} 1": (9.0 + seed) / effect,
        }
        for seed, effect in enumerate(effects)
    }


def test_a_fork_says_whether_kd_helps_or_harms_from_there() -> None:
    first, last = table(seeds(0.80, 0.82, 0.78), AT)
    assert (first["says"], last["says"]) == ("helps", "harms")
    assert first["delta"] == pytest.approx(math.log(0.8 * 0.82 * 0.78) / 3)
    assert first["interval"][0] < first["delta"] < first["interval"][1] < 0
    assert last["delta"] == pytest.approx(-first["delta"])
    assert (first["fid"], first["cosine"], last["cosine"]) == (pytest.approx(50.0), 0.5, -0.25)


def test_what_seeds_can_not_tell_is_not_detectable() -> None:
    (row, _) = table(seeds(0.9, 1.1, 1.0), AT)
    assert row["says"].startswith("not detectable (below ")
    assert [each["says"] for each in table(seeds(0.5), AT)] == ["too few seeds"] * 2


def test_a_seed_that_failed_is_left_out_of_its_fork() -> None:
    runs = seeds(0.8, 0.82, 0.78)
    runs[1][f"{WITH} 1"] = None
    assert [row["seeds"] for row in table(runs, AT)] == [3, 2]
    assert [line["delta"] is None for line in lines(runs, AT)] == [False, False, False, True, False, False]


def test_forks_are_drawn_against_fd(tmp_path: Path) -> None:
    runs = seeds(0.8, 0.82, 0.78)
    draw_forks(tmp_path / "forks.png", runs, table(runs, AT), "trunk: kd")
    assert {path.name for path in tmp_path.iterdir()} == {"forks.png", "forks-cosine.png"}
    draw(tmp_path / "empty.png", [Curve("none", [(0.0, 1.0), (math.inf, 2.0)])], "t", "x", "y")
    assert (tmp_path / "empty.png").exists()


@pytest.mark.slow
def test_a_fork_leaves_the_forked_training_as_it_was(tmp_path: Path) -> None:
    """States are copies: a training that was forked on its way ends as one that was not."""
    torch.manual_seed(0)
    run = {"images": 128, "continued": 64, "seed": 0, "trunk": "kd", "cold": False, "batches": 1}
    run |= {"budget_macs": 2_000_000}
    settings = {"workdir": tmp_path, "fid_samples": 100}
    thrice, once = (fork({**run, "at": at}, settings) for at in ([0.0, 0.5, 1.0], [1.0]))
    assert {name: thrice[name] for name in once} == once
    assert thrice["with 0"] != thrice["without 0"]
    assert all(-1 <= (thrice[f"cosine {at}"] or 0) <= 1 for at in ("0", "0.5", "1"))


def test_a_fork_outside_the_training_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["forks", "--quick", "--at", "0,1.5"])
    with pytest.raises(SystemExit) as ended:
        forks.main()
    assert ended.value.code == 2
    assert "--at 1.5: give fractions of the training, from 0 to 1" in capsys.readouterr().err


@pytest.mark.slow
def test_the_script_resumes_and_writes_every_fork(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = ["--results", str(tmp_path / "runs.jsonl"), "--csv", str(tmp_path / "runs.csv")]
    monkeypatch.setattr(sys, "argv", ["forks", "--quick", "--json", "--at", "0,1", *kept])
    forks.main()
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(row["at"], row["seeds"]) for row in found["rows"]] == [(0.0, 2), (1.0, 2)]
    assert len((tmp_path / "runs.csv").read_text().splitlines()) == 5
    done = (tmp_path / "runs.jsonl").read_text()
    forks.main()
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == found
    assert (tmp_path / "runs.jsonl").read_text() == done
