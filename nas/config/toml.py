"""Settings of a search as a TOML file: read by `nas-search --config`, written into the study's folder."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from nas.errors import ConfigError
from nas.options import Option, nearest, options_of
from search_spaces import one_line, os_reason
from search_spaces.reading import read_text, written_whole


def read_toml(path: Path, model: type[BaseModel]) -> dict[str, Any]:
    """The options of `model` in a TOML file, as they stand there; keys may have hyphens, as flags do.

    Raises:
        ConfigError: the file can't be read, has an unknown key, or a value of another kind.
    """
    text = ""
    try:
        text = read_text(path)
        values = tomllib.loads(text, parse_float=_finite)
    except (OSError, ValueError, RecursionError) as error:  # ValueError: no TOML, no text, or too many digits
        raise ConfigError(
            f"--config {path} can't be read ({_reason(error)}): {_hint(text, error)}correct it, or give "
            "another file"
        ) from error
    values = {name.replace("-", "_"): value for name, value in values.items()}
    known = {each.name: each for each in options_of(model)}
    for name, value in values.items():
        if name not in known:
            if isinstance(value, dict):
                raise ConfigError(
                    f"{path} has a table [{one_line(name, 80)}]: write settings without tables, at the top"
                )
            instead = nearest(name, known) or "; see --help"
            raise ConfigError(
                f"configuration {path} sets {one_line(repr(name), 80)}, which does not exist{instead}"
            )
        wanted = _wanted(known[name], value)
        if wanted:
            raise ConfigError(f"{name} = {_shown(value)} in {path}: give {wanted}")
    return values


def write_toml(path: Path, values: Mapping[str, Any]) -> None:
    """Write `values`, without those that say nothing."""
    import tomli_w  # of an extra: the options of a search are shown without it

    said = {name: value for name, value in values.items() if value not in (None, "", [])}
    with written_whole(path) as file:
        file.write(tomli_w.dumps(said).encode())


def _reason(error: Exception) -> str:
    """Why a file can't be read, in words."""
    if isinstance(error, OSError):
        return os_reason(error)
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if not isinstance(error, tomllib.TOMLDecodeError):
        said = str(error)
        return "a number of too many digits" if said.startswith("Exceeds the limit") else said
    return _KEYS.sub(lambda found: ".".join(re.findall(r"'([^']*)'", found[0])), one_line(error))


def _hint(text: str, error: Exception) -> str:
    """What to write where the parser stops at a text without quotes, such as 2M."""
    place = _LINE.search(str(error))
    if not isinstance(error, tomllib.TOMLDecodeError) or place is None:
        return ""
    unquoted = _UNQUOTED.fullmatch(text.splitlines()[int(place[1]) - 1])
    if not unquoted:
        return ""
    return f'put quotes around text, {one_line(unquoted[1], 80)} = "{one_line(unquoted[2], 80)}", '


_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_UNQUOTED = re.compile(r"\s*([\w-]+)\s*=\s*([\w./~][\w./~:+-]*)\s*(?:#.*)?")
_KEYS = re.compile(r"\('[^']*',(?: '[^']*',?)*\)|\('[^']*'(?:, '[^']*')+\)")  # tuples, as tomllib names keys


def _finite(text: str) -> float | str:
    """The number `text`; its text, which the option's own check refuses, where it is none or has no end."""
    number = float(text)
    return number if math.isfinite(number) else text


MOST = 2**63  # TOML has integers of 64 bits; Python reads longer ones, and can't write the longest
_WORDS = {"INTEGER": "a whole number", "NUMBER": "a number", "PATH": "a path", "TEXT": "text"}


def _wanted(option: Option, value: Any) -> str:
    """What to give instead of `value`, where TOML has another kind; a string is as on the command line."""
    if option.is_bool:
        return "" if isinstance(value, bool) else "true or false"
    one = _WORDS.get(option.metavar, option.metavar)
    if isinstance(value, list) and not option.several:
        return f"one value, {one}, as for {option.flag}"
    if option.multiple and not isinstance(value, list):
        return "a list"
    values = value if isinstance(value, list) else [value]
    if any(isinstance(each, int) and abs(each) >= MOST for each in values):
        return "a smaller number"
    if not all(map(_is_plain, values)):
        return f"{'a list of ' if isinstance(value, list) else ''}{one}, as for {option.flag}"
    return ""


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name} = {_shown(item)}' for name, item in value.items())}}}"
    return str(value).lower() if isinstance(value, bool) else one_line(value, 80)
