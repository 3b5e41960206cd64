"""Where compression ends, and which teacher is the best."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.compression import best_teacher, distances, knee
from nas.config import SearchConfig
from nas.workbench import Workbench

RATIOS = (2, 4, 8, 16, 32, 64)


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_the_knee_is_where_fd_begins_to_rise_faster(at: int) -> None:
    """FD is flat up to the knee, then doubles with the ratio."""
    fids = [10.0 * max(1.0, ratio / RATIOS[at]) for ratio in RATIOS]
    assert knee(list(zip(RATIOS, fids, strict=True))) == pytest.approx(RATIOS[at])


@given(st.floats(0.5, 3.0))
def test_a_power_law_has_no_knee(power: float) -> None:
    found = knee([(ratio, 10.0 * ratio**power) for ratio in RATIOS])
    assert found is None or found in [pytest.approx(ratio) for ratio in RATIOS]  # of rounding
    assert knee([(ratio, 10.0 * math.log(ratio)) for ratio in RATIOS]) is None, "it rises ever more slowly"


def test_fewer_than_four_sizes_show_no_knee_and_failed_ones_do_not_count() -> None:
    points = [(2, 10.0), (4, 10.0), (8, 80.0)]
    assert knee(points) is None
    assert knee([*points, (16, math.inf), (32, None)]) is None
    assert knee([*points, (16, 160.0)]) == pytest.approx(4)


def test_the_best_teacher_has_the_best_fd_and_inception_score() -> None:
    teachers = {
        "w8": {"fid": 30.0, "is": 5.0},
        "w16": {"fid": 20.0, "is": 6.0},
        "w32": {"fid": 25.0, "is": 4.0},
    }
    assert best_teacher(teachers) == "w16"
    assert best_teacher({"a": {"fid": 1.0, "is": 1.0}, "b": {"fid": 2.0, "is": 2.0}}) == "a", (
        "FD decides ties"
    )


def test_only_a_student_that_is_its_teacher_is_at_no_distance_from_it(tmp_path: Path) -> None:
    config = SearchConfig.of(budget_macs="2M", teacher_cache_size=64, fid_samples=100, workdir=tmp_path)
    bench = Workbench(config)
    teacher = bench.teacher.generator.eval()
    itself = distances(bench, teacher)
    other = distances(bench, bench.student(bench.space.smallest()).eval())
    for name in ("cached", "fresh"):
        assert other[name] > 20 * itself[name] >= 0, "but for the noise of layers"
    assert itself["nearest"] > 0
