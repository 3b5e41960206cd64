"""Types of options that several benchmarks have."""

from __future__ import annotations

import argparse
import math


def positive(given: str) -> list[int]:
    """The numbers in "2,4,8".

    Raises:
        argparse.ArgumentTypeError: one is no whole number of at least 1.
    """
    found = [int(part) if part.strip().isdecimal() else 0 for part in given.split(",")]
    if 0 in found:
        raise argparse.ArgumentTypeError(f"{given}: give whole numbers of 1 or more, such as 2,4,8")
    return found


def numbers(given: str) -> list[float]:
    """The numbers in "0.1,0.5".

    Raises:
        argparse.ArgumentTypeError: one is no finite number.
    """
    try:
        found = [float(part) for part in given.split(",")]
    except ValueError:
        found = [math.nan]
    if not all(map(math.isfinite, found)):
        raise argparse.ArgumentTypeError(f"{given}: give numbers, such as 0.1,0.5")
    return found
