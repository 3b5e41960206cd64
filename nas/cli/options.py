"""Model fields as click options, and the values of click as objects of these models."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from nas.options import Option, Options, flag_of, options_of

CONFIG = "config"  # option that names a TOML file of the others


class ModelOption(click.Option):
    """An option of the command line with its group; its help is made when it is shown."""

    def __init__(self, option: Option) -> None:
        self.option = option
        names = [name for name in (option.short, option.flag) if name]
        kind: dict[str, Any] = {"multiple": option.multiple, "metavar": option.metavar}
        if option.is_bool:
            names = ["/".join((*names, option.off))] if option.off else names
            kind = {"is_flag": True}
        if option.bare:
            kind |= {"is_flag": False, "flag_value": option.bare}
        super().__init__([option.name, *names], default=None, type=_type(option), **kind)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Flags, and help with the default."""
        self.help = self.option.help()
        return super().get_help_record(ctx)


class ModelArgument(click.Argument):
    """An option that stands on the command line without a flag."""

    def __init__(self, option: Option) -> None:
        self.option = option
        super().__init__([option.name], type=click.UNPROCESSED, required=option.required)


def _type(option: Option) -> Any:
    return click.BOOL if option.is_bool else click.UNPROCESSED


def options(*models: type[Options], extra: Mapping[str, list[Option]] | None = None) -> Callable[..., Any]:
    """Decorate a command: it gets an object of each of `models`, from the command line and its TOML file.

    Args:
        models: what the command takes, in the order of its parameters.
        extra: further options by the parameter that gets their values, as a dictionary of those given.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @contextmanager
        def read(given: Mapping[str, Any]) -> Iterator[tuple[list[Options], dict[str, dict[str, Any]]]]:
            said = {name: value for name, value in given.items() if value not in (None, ())}
            _check_empty(said, shown)
            rest = {name: _of(said, [each.name for each in some]) for name, some in (extra or {}).items()}
            with _settings(models, said) as settings:
                yield [model.of(**_of(settings, model.model_fields)) for model in models], rest

        @functools.wraps(function)
        def call(**given: Any) -> Any:
            with read(given) as (made, rest):
                return function(*made, **rest)

        shown = [each for model in models for each in options_of(model)]
        shown += [each for some in (extra or {}).values() for each in some]
        parameters = [_parameter(each) for each in reversed(shown)]
        call.__click_params__ = parameters  # type: ignore[attr-defined]  # where click looks for them
        call.read = read  # type: ignore[attr-defined]  # values are checked as in a run, which does not begin
        return call

    return decorate


def _check_empty(said: Mapping[str, Any], shown: list[Option]) -> None:
    """Refuse options that are given as an empty text, most likely an unset variable of a script.

    Raises:
        ConfigError: with the flag.
    """
    for option in shown:
        value = said.get(option.name)
        if value == "" or (isinstance(value, tuple) and "" in value):
            from nas.errors import ConfigError  # PyTorch comes with it, which a --help does not need

            name = option.name.upper() if option.argument else option.flag
            raise ConfigError(f"{name} is empty: give a value, or leave it out")


def _parameter(option: Option) -> click.Parameter:
    if option.argument:
        return ModelArgument(option)
    return ModelOption(option)


def _of(values: Mapping[str, Any], names: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}


@contextmanager
def _settings(models: tuple[type[Options], ...], said: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Values of the command line over those of a TOML file; errors name keys for the file's values."""
    if CONFIG not in said:
        yield dict(said)
        return
    from nas.config import read_toml
    from search_spaces import UserError

    path = Path(said[CONFIG]).expanduser()
    in_file = read_toml(path, models[0])
    try:
        yield in_file | dict(said)
    except UserError as error:
        theirs = {name: value for name, value in in_file.items() if name not in said}
        error.args = (_with_keys(str(error), models[0], theirs, path),)
        raise


def _with_keys(message: str, model: type[BaseModel], values: Mapping[str, Any], path: Path) -> str:
    """`message` with the key and the file instead of the flag, for every option that the file sets."""
    for name, value in values.items():
        flag = re.escape(flag_of(model, name))
        given = "|".join(re.escape(written) for written in sorted({repr(value), str(value)}, key=len))
        said = re.compile(rf"(?<![\w-]){flag}(?![\w-])(?: ({given})(?![\w.]))?")
        message = said.sub(lambda found: _key(name, found[1], path), message)  # noqa: B023  # used at once
    return message


def _key(name: str, value: str | None, path: Path) -> str:
    return f"{name} = {value} in {path}" if value is not None else f"{name} in {path}"


def grouped(command: click.Command) -> dict[str, list[click.Parameter]]:
    """The options of `command` by their groups, in the order of `nas.options.GROUPS`."""
    from nas.options import GROUPS

    found: dict[str, list[click.Parameter]] = {group: [] for group in GROUPS}
    for parameter in command.params:
        if isinstance(parameter, ModelOption):
            found.setdefault(parameter.option.group, []).append(parameter)
    return {group: parameters for group, parameters in found.items() if parameters}
