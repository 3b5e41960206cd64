"""What a student may cost: "5G", "30ms" ─► Budget, and what fits into it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from nas.errors import BudgetError
from search_spaces import BELOW_TEACHER, WITHIN_BUDGET, BudgetFractions, SearchSpace, Utilisation, one_line

SUFFIXES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
PER_SECOND = {"us": 10**6, "ms": 10**3, "s": 1}
_NUMBER = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)")


def parse_quantity(text: str, such_as: str = "5G") -> int:
    """ "5G", "1.5M", "2e6" or "800000" as a whole number; errors suggest one `such_as` this.

    Raises:
        BudgetError: not a number, an unknown suffix, or less than one.
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise BudgetError(
            f"{_quoted(text)} is not a quantity: write a number with an optional k, M, G or T, such as "
            f"{such_as}"
        )
    number, suffix = match.groups()
    if suffix not in SUFFIXES:
        raise BudgetError(
            f"{_quoted(text)} has the unknown suffix {_quoted(suffix)}: use k, M, G or T, such as {such_as}"
        )
    value = float(number) * SUFFIXES[suffix]
    if not math.isfinite(value):
        raise BudgetError(f"{_quoted(text)} is too large: write a smaller number, such as {such_as}")
    if value < 1:
        raise BudgetError(f"{_quoted(text)} must be a number of at least 1, such as {such_as}")
    return round(value)


def _quoted(text: str) -> str:
    return one_line(repr(text), 200)


def format_quantity(value: float | None, digits: int = 3) -> str:
    """1_920_000 ─► "1.92M": three significant digits, or `digits`; "?" for what is not known."""
    if value is None:
        return "?"
    for suffix, factor in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if value >= 0.9995 * factor:
            return f"{value / factor:.{digits}g}{suffix}"
    return f"{value:.{digits}g}"


def parse_duration(text: str) -> float:
    """ "30ms", "250us" or "1.5s" in seconds.

    Raises:
        BudgetError: not a number, no unit or an unknown one, or not above zero.
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise BudgetError(f"{_quoted(text)} is not a duration: write a number with us, ms or s, such as 30ms")
    number, unit = match.groups()
    if unit not in PER_SECOND:
        wrong = f"the unknown unit {_quoted(unit)}" if unit else "no unit"
        raise BudgetError(f"{_quoted(text)} has {wrong}: use us, ms or s, such as 30ms")
    seconds = float(number) / PER_SECOND[unit]
    if not math.isfinite(seconds) or seconds <= 0:
        raise BudgetError(f"{_quoted(text)} must be a time above zero, such as 30ms")
    return seconds


def format_duration(seconds: float | None) -> str:
    """0.03 ─► "30ms": three significant digits; "?" for what is not known."""
    if seconds is None:
        return "?"
    unit = next((unit for unit in ("s", "ms") if seconds * PER_SECOND[unit] >= 0.9995), "us")
    return f"{seconds * PER_SECOND[unit]:.3g}{unit}"


@dataclass(frozen=True)
class Budget:
    """Upper limits for one student, at least one; None is no limit.

    MACs are fvcore's at batch 1, mapping included. MACs and parameters fit by construction; a latency can
    only be measured, see `nas.budget.latency_budget`.

    Raises:
        BudgetError: no limit is given; it is a ValueError, too.
    """

    macs: int | None = None
    params: int | None = None
    latency: float | None = None  # seconds for one image

    def __post_init__(self) -> None:
        if self.macs is None and self.params is None and self.latency is None:
            raise BudgetError(
                "Budget() has no limit: give macs, params or latency (in seconds), such as "
                "Budget(macs=5_000_000_000)"
            )

    def __str__(self) -> str:
        limits = [f"{format_quantity(self.macs)} MACs"] if self.macs else []
        limits += [f"{format_quantity(self.params)} parameters"] if self.params else []
        limits += [f"{format_duration(self.latency)} of latency"] if self.latency else []
        return " and ".join(limits)

    def utilisation(self, space: SearchSpace) -> Utilisation:
        """The fraction of this budget that an architecture uses: the largest of its limits', without latency.

        A limit above the largest student counts as that student's cost: a budget fraction then means
        something, whether the limit binds or not.

        Raises:
            BudgetError: not even the smallest architecture fits.
        """
        self.check_smallest(space)
        largest = space.largest()
        macs = min(self.macs or math.inf, space.macs(largest))
        params = min(self.params, space.params(largest)) if self.params else None

        def utilisation(architecture: Any) -> float:
            full = space.macs(architecture) / macs
            return full if params is None else max(full, space.params(architecture) / params)

        return utilisation

    def check_smallest(self, space: SearchSpace) -> None:
        """Raise BudgetError where not even the smallest student fits."""
        self.require(space, space.smallest(), "the smallest student")

    def binds(self, macs: int, params: int) -> bool:
        """Whether a teacher of these costs does not fit, or may not: its latency is not known."""
        above = (self.macs or math.inf) < macs or (self.params or math.inf) < params
        return above or self.latency is not None

    def fractions(self, space: SearchSpace) -> BudgetFractions:
        """The budget fractions to search: where the teacher itself fits, a tenth of it to the whole."""
        largest = space.largest()
        bound = self.binds(space.macs(largest), space.params(largest))
        return WITHIN_BUDGET if bound else BELOW_TEACHER

    def slack(self, space: SearchSpace) -> str:
        """A sentence for the user on the limits that do not bind, and what that means; empty if all do."""
        largest = space.largest()
        macs, params = space.macs(largest), space.params(largest)
        slack = [
            (f"{format_quantity(limit)} {unit}", format_quantity(teacher))
            for limit, teacher, unit in ((self.macs, macs, "MACs"), (self.params, params, "parameters"))
            if limit is not None and limit >= teacher
        ]
        if not slack:
            return ""
        limits, teacher = (" and ".join(each) for each in zip(*slack, strict=True))
        verb = "is" if len(slack) == 1 else "are"
        alone = "that limit does not bind" if self.binds(macs, params) else "searching below the teacher"
        return f"{limits} {verb} above the teacher's {teacher}: {alone}"

    def require(self, space: SearchSpace, cheapest: Any, name: str) -> None:
        """Raise BudgetError where `cheapest`, called `name` in the message, does not fit."""
        for flag, limit, needed, unit in (
            ("--budget-macs", self.macs, space.macs(cheapest), "MACs"),
            ("--budget-params", self.params, space.params(cheapest), "parameters"),
        ):
            if limit is not None and limit < needed:
                raise BudgetError(
                    f"{flag} {format_quantity(limit)} is below {name}, {needed:,} {unit}: "
                    f"give at least {_round_up(needed)}"
                )


def _round_up(value: int) -> str:
    """A short quantity that is not below `value`."""
    for suffix, factor in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if value >= factor:
            return f"{math.ceil(value / factor * 10) / 10:g}{suffix}"
    return str(value)
