"""Settings of a search as a TOML file: read by `nas-search --config`, written into the study's folder."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from nas.errors import ConfigError
from nas.options import Option, nearest, options_of
from search_spaces.reading import written_whole


def read_toml(path: Path, model: type[BaseModel]) -> dict[str, Any]:
    """The options of `model` in a TOML file, as they stand there; keys may have hyphens, as flags do.

    Raises:
        ConfigError: the file can't be read, has an unknown key, or a value of another kind.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"--config {path} can't be read ({error}): correct it, or give another file"
        ) from error
    values = {name.replace("-", "_"): value for name, value in values.items()}
    known = {each.name: each for each in options_of(model)}
    for name, value in values.items():
        if name not in known:
            instead = nearest(name, known) or "; see --help"
            raise ConfigError(f"configuration {path} sets {name!r}, which does not exist{instead}")
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


def _wanted(option: Option, value: Any) -> str:
    """What to give instead of `value`, where TOML has another kind; a string is as on the command line."""
    if option.is_bool:
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(value, bool) or not isinstance(value, str | int | float | list):
        return f"{option.metavar}, as for {option.flag}"
    if isinstance(value, list) and not option.several:
        return f"one {option.metavar}, as for {option.flag}"
    if option.multiple and not isinstance(value, list):
        return "a list"
    return ""


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
