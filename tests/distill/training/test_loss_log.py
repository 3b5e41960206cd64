"""The log of a training."""

from __future__ import annotations

import csv
from pathlib import Path

from distill.training import LossLog, Progress


def test_each_loss_has_a_column_and_rows_differ_from_the_last(tmp_path: Path) -> None:
    first, second = {"g_pixel": 2.0, "d_real": 0.5}, {"g_pixel": 1.0, "d_real": 0.25, "d_r1": 0.125}
    steps = ((64, 6.0, first), (128, 6.0, first), (192, 6.0, second), (256, 5.5, second))
    with LossLog(tmp_path / "losses.csv") as log:
        for step in steps:
            log.note(Progress(*step))
    with (tmp_path / "losses.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["images", "kd_weight", "g_pixel", "d_real", "d_r1"],
        ["64", "6", "2", "0.5", ""],
        ["192", "6", "1", "0.25", "0.125"],
        ["256", "5.5", "1", "0.25", "0.125"],
    ]


def test_what_was_noted_before_an_error_is_in_the_file(tmp_path: Path) -> None:
    try:
        with LossLog(tmp_path / "log.csv") as log:
            log.note(Progress(64, 1.0, {"g": 3.0}))
            raise RuntimeError
    except RuntimeError:
        pass
    assert (tmp_path / "log.csv").read_text().splitlines() == ["images,kd_weight,g", "64,1,3"]


def test_a_link_is_replaced_and_what_it_leads_to_is_left(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "log.csv").symlink_to(tmp_path / "victim")
    with LossLog(tmp_path / "log.csv") as log:
        log.note(Progress(64, 1.0, {"g": 3.0}))
    assert (tmp_path / "victim").read_text() == "precious"
    assert (tmp_path / "log.csv").read_text().splitlines() == ["images,kd_weight,g", "64,1,3"]
