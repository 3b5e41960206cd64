"""Columns that tables of trials share."""

from __future__ import annotations

from nas.reporting.columns import told_apart


def test_equal_short_forms_of_different_costs_get_a_further_digit() -> None:
    assert told_apart([10_121_984, 10_148_352, 5_000_000, 5_000_000]) == {
        10_121_984: "10.12M",
        10_148_352: "10.15M",
        5_000_000: "5M",
    }
    assert set(told_apart([10_121_000, 10_124_000]).values()) == {"10.121M", "10.124M"}
