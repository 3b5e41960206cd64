"""Budgets: how a person writes one, and what fits into it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.teachers import load_teacher
from nas.budget import Budget, format_duration, format_quantity, parse_duration, parse_quantity
from nas.errors import BudgetError
from search_spaces import BELOW_TEACHER, WITHIN_BUDGET, RandomSuggest, SearchSpace


@pytest.fixture(scope="module")
def space(teacher_file: Path) -> SearchSpace:
    teacher = load_teacher(teacher_file)
    return teacher.family.space(teacher.generator.architecture)


# Quantities


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5G", 5_000_000_000),
        ("800M", 800_000_000),
        ("30k", 30_000),
        ("30K", 30_000),
        ("2T", 2_000_000_000_000),
        ("800000", 800_000),
        ("1.5M", 1_500_000),
        (".5k", 500),
        ("2.k", 2_000),
        ("2e6", 2_000_000),
        ("2E+6", 2_000_000),
        ("2.5e-1M", 250_000),
        ("+5G", 5_000_000_000),
        (" 5 G ", 5_000_000_000),
        ("1", 1),
    ],
)
def test_a_quantity_is_a_plain_or_scientific_number_with_an_optional_suffix(text: str, value: int) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("5X", "unknown suffix 'X'"),
        ("5g", "unknown suffix 'g'"),
        ("5GB", "unknown suffix 'GB'"),
        ("0", "at least 1"),
        ("0.4", "at least 1"),
        ("-5G", "at least 1"),
        ("1e999", "is too large"),
        ("nan", "is not a quantity"),
        ("inf", "is not a quantity"),
        ("many", "is not a quantity"),
        ("", "is not a quantity"),
        ("5,000", "is not a quantity"),
        ("5G 6G", "is not a quantity"),
    ],
)
def test_what_is_no_quantity_is_answered_with_the_value_and_an_example(text: str, says: str) -> None:
    with pytest.raises(BudgetError, match=says) as error:
        parse_quantity(text)
    assert repr(text) in str(error.value)
    assert "5G" in str(error.value)


@given(st.integers(1, 10**15))
def test_what_is_printed_reads_back_within_three_digits(value: int) -> None:
    assert math.isclose(parse_quantity(format_quantity(value)), value, rel_tol=0.0051)


@given(st.integers(1, 999), st.sampled_from(["", "k", "M", "G", "T"]))
def test_three_digits_with_a_suffix_are_printed_as_they_were_written(number: int, suffix: str) -> None:
    assert format_quantity(parse_quantity(f"{number}{suffix}")) == f"{number}{suffix}"


# Durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30ms", 0.03),
        ("250us", 250e-6),
        ("1.5s", 1.5),
        (".5ms", 0.5e-3),
        ("2e1ms", 0.02),
        ("+3ms", 0.003),
        (" 30 ms ", 0.03),
    ],
)
def test_a_duration_is_a_number_with_its_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0ms", "must be a time above zero"),
        ("-3ms", "must be a time above zero"),
        ("1e999s", "must be a time above zero"),
        ("30", "has no unit"),
        ("30 apples", "has the unknown unit 'apples'"),
        ("30MS", "has the unknown unit 'MS'"),
        ("nan", "is not a duration"),
        ("inf", "is not a duration"),
        ("", "is not a duration"),
        ("1s 20ms", "is not a duration"),
    ],
)
def test_what_is_no_duration_is_answered_with_the_value_and_an_example(text: str, says: str) -> None:
    with pytest.raises(BudgetError, match=says) as error:
        parse_duration(text)
    assert repr(text) in str(error.value)
    assert "30ms" in str(error.value)


@given(st.floats(1e-7, 1e4))
def test_a_duration_that_is_printed_reads_back_within_three_digits(seconds: float) -> None:
    assert math.isclose(parse_duration(format_duration(seconds)), seconds, rel_tol=0.0051)


@given(st.integers(1, 999), st.sampled_from(["us", "ms", "s"]))
def test_three_digits_with_a_unit_are_printed_as_they_were_written(number: int, unit: str) -> None:
    assert format_duration(parse_duration(f"{number}{unit}")) == f"{number}{unit}"


@given(st.text(max_size=8))
def test_any_text_is_a_duration_above_zero_or_refused(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except BudgetError:
        return
    assert 0 < seconds < math.inf


# What fits


def test_a_budget_below_the_smallest_student_names_what_is_needed(space: SearchSpace) -> None:
    needed = {"macs": space.macs(space.smallest()), "params": space.params(space.smallest())}
    for limit, value in needed.items():
        with pytest.raises(
            BudgetError, match=f"--budget-{limit} .* below the smallest student, {value:,}"
        ) as error:
            Budget(**{limit: value - 1}).utilisation(space)
        suggestion = parse_quantity(str(error.value).rpartition(" ")[2])
        assert Budget(**{limit: suggestion}).utilisation(space)(space.smallest()) <= 1


def test_exactly_the_smallest_student_fits(space: SearchSpace) -> None:
    smallest = space.smallest()
    assert Budget(space.macs(smallest), space.params(smallest)).utilisation(space)(smallest) == 1


def test_of_two_limits_the_fuller_one_counts(space: SearchSpace) -> None:
    largest = space.largest()
    macs, params = space.macs(largest), space.params(largest)
    assert Budget(macs, params // 2).utilisation(space)(largest) == pytest.approx(2, rel=0.01)
    assert Budget(macs // 4, params // 2).utilisation(space)(largest) == pytest.approx(4, rel=0.01)
    assert Budget(None, params).utilisation(space)(largest) == 1


def test_a_limit_above_the_largest_student_counts_as_its_cost(space: SearchSpace) -> None:
    largest, smallest = space.largest(), space.smallest()
    utilisation = Budget(10**15).utilisation(space)
    assert utilisation(largest) == 1
    assert utilisation(smallest) == space.macs(smallest) / space.macs(largest)


@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 1))
def test_every_proposal_keeps_to_both_limits(
    space: SearchSpace, seed: int, tight: float, small: float
) -> None:
    low, high = space.smallest(), space.largest()
    macs = round(space.macs(low) + tight * (space.macs(high) - space.macs(low)))
    params = round(space.params(low) + small * (space.params(high) - space.params(low)))
    proposed = space.sample(RandomSuggest(seed), Budget(macs, params).utilisation(space))
    assert space.macs(proposed) <= macs
    assert space.params(proposed) <= params


def test_limits_that_do_not_bind_are_said_so(space: SearchSpace) -> None:
    macs, params = space.macs(space.largest()), space.params(space.largest())
    teacher, parameters = format_quantity(macs), format_quantity(params)
    assert Budget(macs - 1, params - 1).slack(space) == ""
    below = Budget(5_000_000_000).slack(space)
    assert below == f"5G MACs is above the teacher's {teacher}: searching below the teacher"
    both = Budget(5_000_000_000, 8_000_000).slack(space)
    assert both == (
        f"5G MACs and 8M parameters are above the teacher's {teacher} and {parameters}: "
        "searching below the teacher"
    )
    one = Budget(5_000_000_000, params - 1).slack(space)
    assert one == f"5G MACs is above the teacher's {teacher}: that limit does not bind"


def test_a_budget_that_the_teacher_fits_is_searched_from_a_tenth_of_the_teacher(space: SearchSpace) -> None:
    macs, params = space.macs(space.largest()), space.params(space.largest())
    for budget in (Budget(macs), Budget(None, params), Budget(5 * macs, params)):
        assert budget.fractions(space) == BELOW_TEACHER
    for budget in (Budget(macs - 1), Budget(macs, params - 1), Budget(5 * macs, latency=9.0)):
        assert budget.fractions(space) == WITHIN_BUDGET


def test_a_budget_reads_as_a_sentence() -> None:
    assert str(Budget(5_000_000_000)) == "5G MACs"
    assert str(Budget(None, 8_000_000)) == "8M parameters"
    assert str(Budget(2_000_000, 8_000_000)) == "2M MACs and 8M parameters"
    assert str(Budget(2_000_000, latency=0.03)) == "2M MACs and 30ms of latency"


def test_a_budget_without_a_limit_is_refused_and_its_fields_named() -> None:
    with pytest.raises(ValueError, match=r"Budget\(\) has no limit: give macs, params or latency"):
        Budget()


def test_with_a_limit_to_latency_alone_the_teachers_macs_are_the_budget(space: SearchSpace) -> None:
    utilisation = Budget(latency=0.03).utilisation(space)
    assert utilisation(space.largest()) == 1


@pytest.mark.parametrize(
    ("count", "text"), [(5e9, "5G"), (63_333, "63.3k"), (999_999, "1M"), (950, "950"), (None, "?")]
)
def test_quantities_are_short_and_the_same_everywhere(count: float | None, text: str) -> None:
    assert format_quantity(count) == text
