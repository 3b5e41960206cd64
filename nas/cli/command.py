"""What all commands share: how examples are shown, how quantities are read, how a user's error ends."""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from nas.budget import parse_duration, parse_quantity
from nas.errors import BudgetError, SearchError
from search_spaces import UserError

WRONG_REQUEST = 2
FAILED = 1
INTERRUPTED = 130

PIPE_WIDTH = 120


class Command(click.Command):
    """A command whose help ends with examples, and whose errors are one line on stderr.

    `interrupted` says what an interruption leaves; most commands go on where they were.
    """

    def __init__(
        self,
        *args: Any,
        examples: str = "",
        interrupted: str = "run the same command again to go on",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.context_settings = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
        self.examples, self.interrupted = examples, interrupted

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            formatter.write(
                "\n".join(f"  {line}".rstrip() for line in self.examples.strip().splitlines()) + "\n"
            )

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run as a program: 0 done, 1 it failed, 2 the request was wrong."""
        kwargs["standalone_mode"] = False
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # from service managers: end like Ctrl-C
        try:
            super().main(*args, **kwargs)
        except UserError as error:
            _leave(str(error), WRONG_REQUEST)
        except SearchError as error:
            _leave(str(error), FAILED)
        except click.ClickException as error:
            _leave(error.format_message(), WRONG_REQUEST)
        except (KeyboardInterrupt, click.Abort):
            _leave(f"interrupted; {self.interrupted}", INTERRUPTED)
        sys.exit(0)


class Group(Command, click.Group):
    """A command of several: the examples and errors of `Command`, and the commands in it."""


def _leave(message: str, code: int) -> None:
    line = " ".join(message.split())
    click.echo(f"{Path(sys.argv[0]).name}: {line}", err=True)
    sys.exit(code)


class Quantity(click.ParamType[int]):
    """A number with an optional suffix: 5G, 800M, 2.5e6."""

    name = "quantity"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The whole number that `value` stands for."""
        try:
            return value if isinstance(value, int) else parse_quantity(str(value))
        except BudgetError as error:
            self.fail(str(error), param, ctx)


class Duration(click.ParamType[float]):
    """A time with its unit: 30ms, 250us, 1.5s; in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds that `value` stands for."""
        try:
            return value if isinstance(value, float) else parse_duration(str(value))
        except BudgetError as error:
            self.fail(str(error), param, ctx)


class Gpus(click.ParamType[float | str]):
    """How many GPUs, or `auto`."""

    name = "gpus"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        """A number, or `auto`."""
        try:
            return value if value == "auto" else float(value)
        except ValueError:
            self.fail(f"{value}: give a number such as 0.5, or auto", param, ctx)


class Whole(click.IntRange):
    """A whole number of a range."""

    name = "whole number"


class FiniteFloat(click.FloatRange):
    """A number of a range; NaN, which is in no range and not outside either, is refused."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """`value` as a number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


class Quantities(click.ParamType[tuple[int, ...]]):
    """Several quantities: 4k,8k,16k."""

    name = "quantities"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The whole numbers that `value` stands for."""
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(Quantity().convert(part, param, ctx) for part in parts)


SEED = Whole(0, 2**63 - 1)  # what torch takes


def study_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name an existing study."""
    for option in (
        click.option("--storage", default="", help="SQLAlchemy URL  [default: SQLite in the study's folder]"),
        click.option(
            "--workdir", type=click.Path(path_type=Path), default=Path("nas-runs"), show_default=True
        ),
        click.option("--study", default="", help="Name of the study  [default: the newest in the workdir]"),
    ):
        function = option(function)
    return function


def console() -> Console:
    """Where progress goes: stderr."""
    return Console(stderr=True)


def results() -> Console:
    """Where results go: stdout, at a fixed width when it is no terminal."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
