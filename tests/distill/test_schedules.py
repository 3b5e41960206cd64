"""Every shape of schedule obeys the same laws."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from distill.errors import RecipeError
from distill.schedules import SHAPES, STAIRS, Ramp, Schedule

FALLING = sorted(set(SHAPES) - {"constant"})
UNMOVED = sorted(set(FALLING) - {"adaptive"})  # by the discriminator's gap
fractions = st.floats(0, 1)
weights = st.floats(0, 100)


@st.composite
def schedules(draw: st.DrawFn, shapes: list[str] = FALLING) -> Schedule:
    begin, finish = sorted([draw(fractions), draw(fractions)])
    assume(begin < finish)
    end, start = sorted([draw(weights), draw(weights)])
    return Schedule(draw(st.sampled_from(shapes)), start, end, begin, finish)


def near(value: float) -> object:
    return pytest.approx(value, rel=1e-12, abs=1e-12)


@given(schedules(), fractions)
def test_a_schedule_is_at_start_until_it_begins(schedule: Schedule, gap: float) -> None:
    assume(schedule.begin > 0)
    for progress in (0.0, schedule.begin / 2, math.nextafter(schedule.begin, 0)):
        assert schedule(progress, gap) == schedule.start


@given(schedules())
def test_a_schedule_begins_at_start(schedule: Schedule) -> None:
    assert schedule(schedule.begin) == near(schedule.start)


@given(schedules(), fractions, st.floats(0, 10))
def test_a_schedule_is_exactly_at_its_end_from_its_finish_on(
    schedule: Schedule, beyond: float, gap: float
) -> None:
    for progress in (schedule.finish, schedule.finish + beyond * (1 - schedule.finish), 1.0):
        assert schedule(progress, gap) == schedule.end


@given(schedules(UNMOVED), fractions, fractions)
def test_a_schedule_never_rises_from_a_start_above_its_end(
    schedule: Schedule, one: float, other: float
) -> None:
    early, late = sorted([one, other])
    assert schedule(early) >= schedule(late) - 1e-12 * schedule.start


@given(schedules(), fractions, st.floats(0, 10))
def test_a_schedule_stays_between_its_ends(schedule: Schedule, progress: float, gap: float) -> None:
    slack = 1e-12 * schedule.start
    assert schedule.end - slack <= schedule(progress, gap) <= schedule.start + slack


@given(schedules([*FALLING, "constant"]), fractions, st.floats(0, 10))
def test_the_bounds_hold_all_along_a_training(schedule: Schedule, progress: float, gap: float) -> None:
    assume(progress < 1)
    least, most = schedule.bounds
    slack = 1e-12 * most
    assert least - slack <= schedule(progress, gap) <= most + slack


@pytest.mark.parametrize(
    ("schedule", "bounds"),
    [
        (Schedule("constant", start=0.5, end=2.0), (0.5, 0.5)),
        (Schedule("step", start=0.0, end=0.1, finish=0.9), (0.0, 0.1)),
        (Schedule("step", start=0.0, end=0.1, finish=1.0), (0.0, 0.0)),
        (Schedule("linear", start=0.0, end=0.1, finish=1.0), (0.0, 0.1)),
        (Schedule("adaptive", start=3.0, end=1.0), (1.0, 3.0)),
    ],
)
def test_bounds_leave_out_what_no_step_of_a_training_has(
    schedule: Schedule, bounds: tuple[float, float]
) -> None:
    assert schedule.bounds == bounds


@given(weights, weights, fractions, fractions)
def test_constant_stays_where_it_starts(start: float, end: float, progress: float, gap: float) -> None:
    assert Schedule("constant", start, end)(progress, gap) == start


@given(schedules(UNMOVED), fractions, st.floats(0, 10))
def test_only_adaptive_looks_at_the_gap(schedule: Schedule, progress: float, gap: float) -> None:
    assert schedule(progress, gap) == schedule(progress)


@given(st.floats(0, 0.59), st.floats(0, 10))
def test_adaptive_follows_the_gap_up_to_one(progress: float, gap: float) -> None:
    assert Schedule("adaptive", 3.0, 1.0, begin=0.0)(progress, gap) == near(1.0 + 2.0 * min(1.0, gap))


@pytest.mark.parametrize(
    ("shape", "quarter", "half", "three_quarters"),
    [
        ("constant", 4.0, 4.0, 4.0),
        ("linear", 3.0, 2.0, 1.0),
        ("cosine", 2 + math.sqrt(2), 2.0, 2 - math.sqrt(2)),
        ("exponential", 4 * math.exp(-1.25), 4 * math.exp(-2.5), 4 * math.exp(-3.75)),
        ("step", 4.0, 4.0, 4.0),
        ("staircase", 3.0, 2.0, 1.0),
        ("adaptive", 4.0, 4.0, 4.0),
    ],
)
def test_shapes_have_the_values_that_their_names_promise(
    shape: str, quarter: float, half: float, three_quarters: float
) -> None:
    schedule = Schedule(shape, 4.0, 0.0, begin=0.2, finish=0.6)
    values = [schedule(0.2 + part * 0.4) for part in (0.2501, 0.5001, 0.7501)]
    assert values == pytest.approx([quarter, half, three_quarters], abs=0.01)


def test_every_shape_is_tested_by_value() -> None:
    (mark,) = (
        m
        for m in test_shapes_have_the_values_that_their_names_promise.pytestmark  # type: ignore[attr-defined]
        if m.name == "parametrize"
    )
    assert {case[0] for case in mark.args[1]} == set(SHAPES)


def test_the_staircase_has_its_steps() -> None:
    schedule = Schedule("staircase", 1.0, 0.0, 0.0, 1.0)
    assert len({schedule(i / 1000) for i in range(1000)}) == STAIRS


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"shape": "wavy"}, "--kd-schedule wavy: choose one of constant, linear"),
        ({"start": -1.0}, "-1 to 0: give --kd-weight-start and --kd-weight-end of at least 0"),
        ({"end": -0.5}, "1 to -0.5"),
        ({"start": math.nan}, "nan to 0"),
        ({"end": math.inf}, "1 to inf"),
        ({"begin": 0.6, "finish": 0.6}, "from 0.6 to 0.6"),
        ({"begin": -0.1}, "from -0.1 to 1"),
        ({"finish": 1.1}, "from 0.6 to 1.1"),
        ({"finish": math.nan}, "from 0.6 to nan"),
    ],
)
def test_an_impossible_schedule_is_refused_with_what_was_given(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(RecipeError) as error:
        Schedule(**wrong)  # type: ignore[arg-type]
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Schedule(), "1 to 0, cosine, from 60% to 100% of the training"),
        (Schedule("constant", start=0.5), "constant 0.5"),
        (
            Schedule("step", start=0.0, end=0.1, begin=0.0, finish=0.5),
            "0, and 0.1 from 50% of the training on",
        ),
    ],
)
def test_a_schedule_is_described_in_words(schedule: Schedule, words: str) -> None:
    assert str(schedule) == words


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 10), st.floats(0, 1))
def test_the_adversarial_weight_is_zero_then_rises_then_stays(
    one: float, other: float, weight: float, progress: float
) -> None:
    begin, full = sorted((one, other))
    ramp = Ramp(begin, full, weight)
    assert 0 <= ramp(progress) <= weight
    if progress >= full:
        assert ramp(progress) == weight
    elif progress <= begin:
        assert ramp(progress) == 0
    assert ramp.is_on(progress) or ramp(progress) == 0
    assert ramp(progress) <= ramp(min(1.0, progress + 0.1))


@pytest.mark.parametrize(
    ("ramp", "words"),
    [
        (Ramp(), "1"),
        (Ramp(0.5, 0.5, 0.1), "0 until 50% of the training, 0.1 from then on"),
        (Ramp(0.75, 1.0, 0.1), "0 until 75% of the training, then rising to 0.1 at 100%"),
    ],
)
def test_a_ramp_reads_as_its_parts(ramp: Ramp, words: str) -> None:
    assert str(ramp) == words


def test_an_adversarial_weight_without_a_ramp_is_full_from_the_start() -> None:
    assert Ramp()(0.0) == 1.0
    assert Ramp().is_on(0.0)
    assert not Ramp(weight=0.0).is_on(1.0)


@pytest.mark.parametrize("wrong", [(0.5, 0.4, 1.0), (-0.1, 0.5, 1.0), (0.5, 1.1, 1.0), (math.nan, 1.0, 1.0)])
def test_a_ramp_outside_the_training_is_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(RecipeError, match="0 <= --adversarial-start <= --adversarial-full <= 1"):
        Ramp(*wrong)
