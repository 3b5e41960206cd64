"""Types of options that a user writes in a form of their own: 5G, 30ms, 4k,8k, ~/runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from nas.options.intervals import format_interval, parse_interval


@dataclass(frozen=True)
class Form:
    """How values are written: a word for the help, and a value as a user would write it."""

    metavar: str
    write: Callable[[Any], str] = str


def _quantity(value: Any) -> Any:
    from nas.budget import parse_quantity

    return _parsed(parse_quantity, value)


def _images(value: Any) -> Any:
    from nas.budget import parse_quantity

    return _parsed(partial(parse_quantity, such_as="4k"), value)


def _duration(value: Any) -> Any:
    from nas.budget import parse_duration

    return _parsed(parse_duration, value)


def _interval(value: Any) -> Any:
    return parse_interval(value) if isinstance(value, str) else value


def _parsed(parse: Callable[[str], Any], value: Any) -> Any:
    """`value` of a string; ValueError, which pydantic collects, where `parse` refuses it."""
    from nas.errors import BudgetError

    if not isinstance(value, str):
        return value
    try:
        return parse(value)
    except BudgetError as error:
        raise ValueError(str(error)) from error


def _count(value: Any) -> Any:
    try:
        return 0 if value == "0" else _quantity(value)
    except ValueError as error:
        raise ValueError("give a number such as 10k; 0 is none") from error


def _gpus(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("give a number such as 0.5, or auto")
    if value == "auto" or not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError as error:
        raise ValueError("give a number such as 0.5, or auto") from error


def _quantities(value: Any) -> Any:
    return tuple(value.split(",")) if isinstance(value, str) else value


def _numbers(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(value.split(","))
    return value if isinstance(value, tuple) else (value,)


def _joined(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in values)


def _names(value: Any) -> Any:
    return tuple(value.split(",")) if isinstance(value, str) and value else value or ()


def _term_weights(value: Any) -> Any:
    """The canonical form of "pixel=1,wavelet=0.5", so that equal weights are equal settings."""
    from distill.errors import RecipeError
    from distill.recipes import format_similarity, parse_similarity

    if not isinstance(value, str):
        return value
    try:
        return format_similarity(parse_similarity(value))
    except RecipeError as error:
        raise ValueError(str(error)) from error


def _expanded(value: Any) -> Any:
    """`~` and `~name` at the start of a path, and of each in a list, stand for a home folder."""
    if "\0" in str(value):
        raise ValueError("no path has a NUL character in it")
    if isinstance(value, str):
        return ",".join(map(os.path.expanduser, value.split(",")))
    return os.path.expanduser(value) if isinstance(value, Path) else value


def _in_short(value: float) -> str:
    from nas.budget import format_quantity

    return format_quantity(value)


Quantity = Annotated[int, BeforeValidator(_quantity), Form("QUANTITY", _in_short)]
"""A whole number, written 5G, 800M or 2e6."""

ImageCount = Annotated[int, BeforeValidator(_images), Form("QUANTITY", _in_short)]
"""A number of images, written 4k or 4000."""

Count = Annotated[int, BeforeValidator(_count), Form("QUANTITY", _in_short)]
"""A quantity of which 0 is none."""

Quantities = Annotated[
    tuple[Annotated[int, BeforeValidator(_images)], ...], BeforeValidator(_quantities), Form("QUANTITIES")
]
"""Several quantities: 4k,8k,16k."""

Names = Annotated[tuple[str, ...], BeforeValidator(_names), Form("NAME,...", ",".join)]
"""Several names: happy,sad."""

Numbers = Annotated[tuple[float, ...], BeforeValidator(_numbers), Form("NUMBER,...", _joined)]
"""Several numbers: 0.5,1."""

Duration = Annotated[float, BeforeValidator(_duration), Form("DURATION")]
"""Seconds, written 30ms, 250us or 1.5s."""

Interval = Annotated[float, BeforeValidator(_interval), Form("INTERVAL", format_interval)]
"""Seconds between two events, written 90s, 10min or 2h; 0 is never."""

Gpus = Annotated[float | Literal["auto"], BeforeValidator(_gpus), Form("NUMBER|auto")]
"""How many GPUs, a fraction of one, or `auto`."""

Location = Annotated[Path, BeforeValidator(_expanded), Form("PATH")]
"""A file or folder; `~` is expanded."""

Place = Annotated[str, BeforeValidator(_expanded), Form("TEXT")]
"""A name, or a path where `~` is expanded."""

TermWeights = Annotated[str, BeforeValidator(_term_weights), Form("TERM=WEIGHT,...")]
"""Terms of a loss with their weights: pixel=1,wavelet=0.5."""
