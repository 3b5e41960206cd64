"""The benchmark of a student's step trains with the trainer as it is."""

from __future__ import annotations

from benchmarks.student_step import Row, student_architecture


def test_a_row_takes_steps() -> None:
    row = Row("float32", {}, student_architecture(16, 2_000_000, 512), 2, "cpu")
    assert row.round(2) > 0
    assert row.trainer.images == 4
