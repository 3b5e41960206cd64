"""The table of recipes: paired seeds, marks, and runs that are done once."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import images_needed
from benchmarks.images_needed import OTHER
from benchmarks.images_needed import ROWS as IMAGES_NEEDED
from benchmarks.kd_schedules import AT_ONCE, CONSTANT, CONTROLS, SCHEDULES, TERMS
from benchmarks.kd_schedules import ROWS as KD_ROWS
from benchmarks.paired import ratio
from benchmarks.recipes import DEFAULT, ROWS
from benchmarks.results import Figures, Results, write_csv
from benchmarks.tables import refused, table
from distill.recipes import get_recipe

FDS = st.lists(st.floats(1.0, 100.0), min_size=2, max_size=8)
RUN = {"row": "default", "seed": 0, "teacher": Path("t.pt"), "extractor": None}


def test_finished_runs_are_found_again_by_what_defines_them(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    results = Results(path)
    assert RUN not in results
    results.add(RUN, {"fid": 1.5, "kid": None})
    results.add(RUN | {"seed": 1}, {"fid": 2.5, "kid": None})
    again = Results(path)
    assert again[{name: RUN[name] for name in reversed(RUN)}] == {"fid": 1.5, "kid": None}
    assert again[RUN | {"seed": 1}]["fid"] == 2.5
    assert RUN | {"seed": 2} not in again
    assert RUN | {"similarity": "pixel=1"} not in again, "other settings, another run"
    assert len(path.read_text().splitlines()) == 2


def test_a_run_that_was_killed_while_it_was_written_is_done_again(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    Results(path).add(RUN, {"fid": 1.5})
    path.write_text(path.read_text() + '{"run": {"row": "al')
    results = Results(path)
    assert RUN in results
    results.add(RUN | {"seed": 1}, {"fid": 2.5})
    again = Results(path)
    assert (again[RUN]["fid"], again[RUN | {"seed": 1}]["fid"]) == (1.5, 2.5)


def test_without_a_file_runs_are_kept_in_memory() -> None:
    results = Results(None)
    results.add(RUN, {"fid": 1.5})
    assert results[RUN] == {"fid": 1.5}


@given(FDS, st.floats(0.2, 5.0))
def test_a_ratio_that_is_the_same_for_every_seed_has_no_width(fds: list[float], factor: float) -> None:
    found = ratio([fd * factor for fd in fds], fds)
    assert found is not None
    assert (found.low, found.value, found.high) == pytest.approx((factor,) * 3)
    assert found.significant == (abs(math.log(factor)) > 1e-9) or factor == pytest.approx(1)


@given(FDS, st.randoms(use_true_random=False))
def test_swapping_rows_turns_the_ratio_around(fds: list[float], random: object) -> None:
    other = [fd * (1 + 0.1 * i) for i, fd in enumerate(fds)]
    one, two = ratio(other, fds), ratio(fds, other)
    assert one is not None
    assert two is not None
    assert (one.value, one.low, one.high) == pytest.approx((1 / two.value, 1 / two.high, 1 / two.low))
    assert one.significant == two.significant


def test_the_interval_is_that_of_a_paired_t_test() -> None:
    """Three log ratios 0, 0.1 and 0.2: mean 0.1, standard error 0.1 / √3, and 4.303 of them at 95 %."""
    found = ratio([1.0, math.exp(0.1), math.exp(0.2)], [1.0, 1.0, 1.0])
    assert found is not None
    assert math.log(found.value) == pytest.approx(0.1)
    assert math.log(found.high) - 0.1 == pytest.approx(4.303 * 0.1 / math.sqrt(3), rel=1e-3)
    assert not found.significant


def test_failed_seeds_are_left_out_and_one_seed_says_nothing() -> None:
    assert ratio([1.0, math.inf, 2.0], [1.0, 5.0, 2.0]) == ratio([1.0, 2.0], [1.0, 2.0])
    assert ratio([1.0], [2.0]) is None
    assert ratio([1.0, math.inf], [1.0, 1.0]) is None


def run(before: float, fid: float | None) -> Figures:
    rest = None if fid is None else 0.5
    return {"before": before, "fid": fid, "kid": rest, "recall": rest, "images_per_second": 100.0}


def test_rows_that_are_no_better_than_an_untrained_student_are_marked() -> None:
    rows = table(
        {
            DEFAULT: [run(20, 10), run(20, 11), run(20, 10.5)],
            "alone": [run(20, 30), run(20, 33), run(20, 31.5)],
            "start: random": [run(90, 22), run(90, None), run(90, 21)],
        },
        DEFAULT,
    )
    assert {name: row["useless"] for name, row in rows.items()} == {
        DEFAULT: False,
        "alone": True,
        "start: random": True,
    }
    assert rows["alone"]["ratio"] == pytest.approx([3.0, 3.0, 3.0])
    assert rows["alone"]["significant"]
    assert rows[DEFAULT]["ratio"] is None
    assert rows["start: random"]["failed"] == 1
    assert rows["start: random"]["kid"] == 0.5, "of the runs that ended"
    assert rows["alone"]["verdict"] == "higher"
    assert rows[DEFAULT]["verdict"] == ""
    assert rows["alone"]["detectable"] < 1e-6, "the ratios of all seeds are the same"


def test_rows_differ_from_the_default_in_what_their_settings_say() -> None:
    assert ROWS[DEFAULT] == {}
    others = [json.dumps(settings, sort_keys=True) for name, settings in ROWS.items() if "alone" not in name]
    assert len(set(others)) == len(others)


def test_orders_are_compared_in_distance_and_time_of_an_image() -> None:
    def run(fid: float, speed: float) -> Figures:
        return {"before": 100.0, "fid": fid, "images_per_second": speed}

    found = {row: [run(20.0, 50.0), run(30.0, 100.0)] for row in IMAGES_NEEDED}
    found["default"] = [run(10.0, 200.0), run(15.0, 400.0)]
    rows = images_needed.table(found)
    assert rows["default"] == {"before": 100.0, "fid": 12.5, "time": 0.25, "ratio": pytest.approx([0.5] * 3)}
    assert (rows[OTHER]["fid"], rows[OTHER]["time"], rows[OTHER]["ratio"]) == (25.0, 1.0, None)


def test_every_row_of_schedules_has_the_same_other_terms() -> None:
    """The adversarial term with one weight from the start; all students and discriminators start alike.

    That weight is the default where the term starts at once.
    """
    assert get_recipe("weight-decay").default_ramp_at_once.weight == AT_ONCE
    assert CONSTANT in KD_ROWS
    for name in SCHEDULES | CONTROLS | TERMS:
        settings = KD_ROWS[name]
        assert (settings["adversarial_start"], settings["adversarial_weight"]) == (0.0, AT_ONCE), name
    for name, settings in KD_ROWS.items():
        assert "inherit" not in settings, name
        assert settings.get("warm_discriminator", True) or name.endswith(", fresh")
    ends = [KD_ROWS[f"step {percent} %"]["kd_decay_end"] for percent in (90, 95, 99)]
    assert ends == [0.9, 0.95, 0.99]
    equal = ("step 90 %", "linear 0-90 %", "cosine 60-90 %", "exponential 0-90 %")
    assert {KD_ROWS[name]["kd_decay_end"] for name in equal} == {0.9}, "as many adversarial images at the end"


def test_a_row_that_needs_a_perceptual_distance_is_left_out_where_there_is_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = "L1 3 + perceptual 3 (CAGC, StyleKD)"
    assert refused(name, KD_ROWS[name])
    assert capsys.readouterr().err == f"{name}: there is no perceptual distance for these images\n"
    assert not refused(CONSTANT, KD_ROWS[CONSTANT])


def test_runs_are_written_as_lines_with_all_columns(tmp_path: Path) -> None:
    write_csv(tmp_path / "runs.csv", [{"row": "a", "fid": 1.0}, {"row": "b", "fid": None, "kid": 0.5}])
    assert (tmp_path / "runs.csv").read_text() == "row,fid,kid\na,1,\nb,,0.5\n"
