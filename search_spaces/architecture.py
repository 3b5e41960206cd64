"""What a network looks like, without its weights: the base of every family's architectures."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self, TypeAlias

from pydantic import ConfigDict, TypeAdapter, ValidationError

from search_spaces.errors import ArchitectureError, one_line

MAX_SIZE = 2**17  # of every channel, side and class: the widest published layer has a tenth of it
MAX_ITEMS = 1_000  # of every list
MAX_DEPTH = 8  # of nested lists

Row: TypeAlias = dict[str, str]
"""A layer of a network in words: column ─► value. All rows of an architecture have the same columns."""


@dataclass(frozen=True)
class Architecture:
    """What a network looks like, without its weights: frozen, hashable, JSON in and out.

    `str(architecture)` is a short canonical form: equal for equal architectures only. `legend` explains
    it in one line; `describe()` lists the layers as a table.
    """

    legend: ClassVar[str] = ""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")  # dataclasses inside need it too

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` turns back into an equal architecture."""
        return asdict(self)

    def describe(self) -> list[Row]:
        """A row for each layer or resolution, from the inputs to the output; here a row for each field."""
        return [{"field": name, "value": str(value)} for name, value in self.to_json().items()]

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | str) -> Self:
        """Read and check what `to_json` wrote; a field that is left out has its default, if it has one.

        Raises:
            ArchitectureError: a field is missing, unknown or out of its range, or a size is beyond that of
                any network: its costs could not even be computed.
        """
        try:
            parsed = json.loads(values) if isinstance(values, str) else dict(values)
            _check_sizes(parsed, MAX_DEPTH)
            architecture = TypeAdapter(cls).validate_python(parsed)
        except (ValidationError, ValueError, TypeError, RecursionError) as error:
            reason = _reason(error) if isinstance(error, ValidationError) else one_line(error, 300)
            raise ArchitectureError(f"not a {cls.__name__}: {reason}") from error
        return architecture


def _check_sizes(value: Any, depth: int) -> None:
    """Raise ValueError for numbers, lists and nesting that no architecture has."""
    if isinstance(value, int | float) and not abs(value) <= MAX_SIZE:
        raise ValueError(f"{one_line(value, 40)} is not a size of a network: give at most {MAX_SIZE:,}")
    if isinstance(value, Mapping | list | tuple):
        if depth == 0:
            raise ValueError("its values are nested too deeply")
        if len(value) > MAX_ITEMS:
            raise ValueError(f"a list of {len(value):,} values: give at most {MAX_ITEMS:,}")
        for item in value.values() if isinstance(value, Mapping) else value:
            _check_sizes(item, depth - 1)


def _reason(error: ValidationError) -> str:
    """The first thing that is wrong, in one line: where, what, and the value that was given."""
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"]) or "all of it"
    return f"{where}: {one_line(first['msg'], 300)} (given: {reprlib.repr(first['input'])})"
