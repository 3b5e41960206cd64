"""A person's choice among tied trials, in words. Statistics do not depend on it."""

from __future__ import annotations

from collections.abc import Sequence

from nas.printable import printable
from nas.reporting.report import SearchReport
from nas.study import TieBreak


def tie_break_lines(found: SearchReport) -> list[str]:
    """What a person chose, and whether it still counts, in a line; none where nobody did."""
    made = found.tie_break
    if made is None:
        return []
    said = f"Tie-break: {describe_tie_break(made)}"
    if found.choice == made.trial:
        return [f"{said}; nas-export takes it."]
    return [f"{said}; it is not tied with the best any more, so nas-export takes the best."]


def describe_tie_break(made: TieBreak) -> str:
    """Which trial was chosen, from which, when, by whom and why; without control characters."""
    who = f" by {printable(made.by)}" if made.by else ""
    why = f": {' '.join(printable(made.reason).split())}" if made.reason else ""
    return (
        f"trial {made.trial} was chosen among the tied {trial_numbers(made.tied)} at "
        f"{made.time:%Y-%m-%d %H:%M %Z}{who}{why}"
    )


def trial_numbers(numbers: Sequence[int]) -> str:
    """ "trials 3, 7"."""
    return f"{'trial' if len(numbers) == 1 else 'trials'} {', '.join(map(str, numbers))}"
