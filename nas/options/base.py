"""Models of options: checked values, or one line that says what is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from nas.options.presentation import flag_of, options_of

Model = TypeVar("Model", bound=BaseModel)

SHOWN = 200  # characters of a value that an error names


class Options(BaseModel):
    """Options of a command. Values may be strings, as the command line has them."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_booleans(cls, values: Any) -> Any:
        """Python counts True as 1; where a number is asked for, it is a mistake."""
        known = {each.name: each for each in options_of(cls)}
        for name, value in values.items() if isinstance(values, Mapping) else ():
            if isinstance(value, bool) and name in known and not known[name].is_bool:
                raise ValueError(f"{known[name].flag} {str(value).lower()}: give a value, not true or false")
        return values

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Checked options; None is not given.

        Raises:
            ConfigError: a value outside its range, or an unknown name.
        """
        return validated(cls, {name: value for name, value in values.items() if value is not None})


def validated(model: type[Model], values: Mapping[str, Any]) -> Model:
    """`values` as a `model`.

    Raises:
        ConfigError: in one line, the first thing that is wrong: flag, value, and what to give.
    """
    from nas.errors import ConfigError  # PyTorch comes with it, which a --help does not need

    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError(_one_line(error, model)) from error


def nearest(name: str, known: Iterable[str]) -> str:
    """ "; did you mean …?" with that of `known` which is most like `name`; empty when none is like it."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {found[0]}?" if found else ""


def _one_line(error: ValidationError, model: type[BaseModel]) -> str:
    from search_spaces import one_line  # PyTorch comes with it, which a --help does not need

    first = error.errors()[0]
    if not first["loc"]:
        return _rule(first)
    name, given = str(first["loc"][0]), first["input"]
    flag = flag_of(model, name)
    if first["type"] == "missing":
        what = (model.model_fields[name].description or "").rstrip(".")
        return f"{flag} is missing: {what[:1].lower()}{what[1:]}"
    if first["type"] == "extra_forbidden":
        return f"{flag}: there is no such option{nearest(name, model.model_fields)}"
    rule = _rule(first)
    quoted = isinstance(given, str) and rule.startswith(one_line(repr(given), SHOWN))
    return f"{flag} {rule}" if quoted else f"{flag} {one_line(given, SHOWN)}: {rule}"


def _rule(error: Any) -> str:
    """What to give instead; the words of our own checks, or ours for pydantic's."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "int_parsing_size":
        return "give a smaller number"
    if kind in ("int_parsing", "int_type", "int_from_float"):
        return "give a whole number"
    if kind in ("float_parsing", "float_type"):
        return "give a number"
    if kind in ("bool_parsing", "bool_type"):
        return "give true or false"
    if kind in ("string_type", "path_type"):
        return "give text"
    if kind == "finite_number":
        return f"{str(error['input'])[:40]} is not a finite number: give one that is"
    for bound, words in (("ge", "of at least"), ("gt", "above"), ("le", "of at most"), ("lt", "below")):
        if bound in context:
            limit = context[bound]
            return f"give a number {words} {int(limit) if limit % 1 == 0 else limit}"
    message: str = error["msg"]
    return message.removeprefix("Value error, ").replace("Input should be", "give a value that is")
