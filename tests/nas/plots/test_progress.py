"""Plots over images: hypervolume and KD weight."""

from __future__ import annotations

import math

import pytest

from distill.schedules import Schedule
from nas.plots import hypervolume_figure, kd_figure
from nas.reporting import SearchReport, TrialReport
from nas.study import RungRecord


def trial(number: int, macs: int, fid: float | None, **more: object) -> TrialReport:
    rungs = [] if fid is None else [RungRecord.model_construct(images=100, fid=fid)]
    known = {"number": number, "macs": macs, "fid": fid, "rungs": rungs, "state": "COMPLETE", "fids": []}
    return TrialReport.model_construct(**known | {"replicate_of": None} | more)


def test_the_hypervolume_grows_with_the_front_and_replicates_count_their_images_only() -> None:
    e = math.e
    trials = [
        trial(0, 1000, e**2 * 10),
        trial(1, 1000, e**2 * 10, replicate_of=0),
        trial(2, round(1000 * e**2), 10.0),
        trial(3, 1000, math.inf),
        trial(4, 1000, -0.5),
    ]
    (trace,) = hypervolume_figure(trials, "FID").data
    assert list(trace.x) == [100, 300]
    # scaled to [0, 1], of 1.1² in all: (0, 1) and then (1, 0) beside it
    assert list(trace.y) == pytest.approx([1.1 * 0.1 / 1.21, (1.1 * 0.1 + 0.1 * 1.0) / 1.21], abs=1e-3)


def test_nothing_is_drawn_of_nothing(finished: SearchReport) -> None:
    assert list(hypervolume_figure([], "FID").data[0].y) == []
    areas = list(hypervolume_figure(finished.trials, "FID").data[0].y)
    assert areas == sorted(areas)
    assert 0 < areas[-1] <= 1


def test_the_kd_weight_is_that_of_the_schedule() -> None:
    (trace,) = kd_figure(Schedule("linear", start=2.0, begin=0.0), 1000).data
    assert (trace.x[0], trace.y[0]) == (0, 2.0)
    assert (trace.x[50], trace.y[50]) == (500, 1.0)
    assert (trace.x[-1], trace.y[-1]) == (1000, 0.0)
