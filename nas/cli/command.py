"""What all commands share: how their help is laid out, and how a user's error ends."""

from __future__ import annotations

import inspect
import json
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.cli.options import grouped
from nas.cli.start import INTERRUPTED, raise_again
from nas.extras import missing_extra
from nas.printable import printable

if TYPE_CHECKING:
    from pydantic import BaseModel

    from nas.config import SearchConfig
    from nas.progress import Terminal

WRONG_REQUEST = 2
FAILED = 1

WIDTH = 110  # of help, in a pipe and at most
PIPE_WIDTH = 120


def _show_versions(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        click.echo(", ".join(f"{name} {version(name)}" for name in ("nas-students", "torch")))
        context.exit()


VERSION = click.Option(
    ["--version"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_versions,
    help="Show the versions of this package and of PyTorch, and exit.",
)


class Command(click.Command):
    """A command whose help is grouped and ends with examples, and whose errors are one line on stderr.

    `interrupted` says what an interruption leaves; most commands resume. `unnamed` is the option that a value
    without an option most likely belongs to.
    """

    def __init__(
        self,
        *args: Any,
        examples: str = "",
        interrupted: str = "run the same command again to resume",
        unnamed: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.context_settings = {"help_option_names": ["-h", "--help"], "max_content_width": WIDTH}
        if not sys.stdout.isatty():
            self.context_settings["terminal_width"] = WIDTH
        self.examples, self.interrupted, self.unnamed = examples, interrupted, unnamed

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Values by option; refuses both flags of a pair, and values of no option with the one they lack."""
        for parameter in self.params:
            given = [flag for flag in (*parameter.opts, *parameter.secondary_opts) if flag in args]
            if not set(parameter.secondary_opts).isdisjoint(given) and len(given) > 1:
                raise click.UsageError(f"{' and '.join(given)} exclude each other: give one of them")
        if isinstance(self, click.Group):
            return super().parse_args(ctx, args)
        ctx.allow_extra_args = True
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            known = {flag for parameter in self.params for flag in parameter.opts}
            if error.option_name != "--device" or "--gpus-per-trial" not in known:
                raise
            raise click.UsageError(
                "there is no --device here: give --gpus-per-trial, 0 for the CPU, or leave it out"
            ) from error
        if rest and not ctx.resilient_parsing:
            hint = f"did you mean {self.unnamed} {rest[0]}?" if self.unnamed else "leave it out"
            raise click.UsageError(f"{rest[0]} stands without an option: {hint}")
        return rest

    def help_lines(self) -> list[str]:
        """What it does, a line for each paragraph."""
        paragraphs = inspect.cleandoc(self.help or "").split("\n\n")
        return [" ".join(paragraph.split()) for paragraph in paragraphs]

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its options, and those that every command has."""
        return [VERSION, *super().get_params(ctx)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Options below the headings of their groups, then those that every command has."""
        groups = grouped(self)
        of_all = {"--help", "--version"}
        groups["other"] = [each for each in self.get_params(ctx) if of_all.intersection(each.opts)]
        for group, parameters in groups.items():
            records = [record for each in parameters if (record := each.get_help_record(ctx))]
            if records:
                with formatter.section(group.capitalize()):
                    formatter.write_dl(records, col_max=36)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            formatter.write(
                "\n".join(f"  {line}".rstrip() for line in self.examples.strip().splitlines()) + "\n"
            )

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run as a program: 0 done, 1 it failed, 2 the request was wrong."""
        kwargs["standalone_mode"] = False
        try:
            raise_again()
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # service managers: end like Ctrl-C
            super().main(*args, **kwargs)
        except click.ClickException as error:
            _leave(error.format_message(), WRONG_REQUEST)
        except (KeyboardInterrupt, click.Abort):
            asked = kwargs.get("args") or (args[0] if args and args[0] else sys.argv)
            leaves = "nothing was written" if "--dry-run" in asked else self.interrupted
            _leave(f"interrupted; {leaves}", INTERRUPTED)
        except ModuleNotFoundError as error:
            missing = missing_extra(error)
            if missing is None:
                raise
            _leave(missing, WRONG_REQUEST)
        except Exception as error:  # what is no user's error is raised again below
            from nas.errors import SearchError  # imports PyTorch, which a --help does not need
            from search_spaces import UserError

            if not isinstance(error, UserError | SearchError):
                raise
            _leave(str(error), WRONG_REQUEST if isinstance(error, UserError) else FAILED)
        sys.exit(0)


class Group(Command, click.Group):
    """A command of several: the examples and errors of `Command`, and the commands in it."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Its options, then its commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


def missing_folder(output: Path) -> Path | None:
    """The first folder on the way to the file `output` that does not exist; None where all do."""
    missing = [folder for folder in output.parents if not folder.exists()]
    return missing[-1] if missing else None


def _leave(message: str, code: int) -> None:
    line = " ".join(message.split())
    echo(f"{Path(sys.argv[0]).name}: {line}", err=True)
    sys.exit(code)


def console(*, quiet: bool = False, as_events: bool = False) -> Terminal:
    """Where progress goes: stderr. Text is printed as it is: names that users give are no markup.

    Args:
        quiet: only warnings are said.
        as_events: stdout receives an event a line. Where it is a terminal, too, these are all that is shown.
    """
    from nas.progress import EventLog, Terminal

    return Terminal(
        stderr=True,
        force_interactive=None if sys.stderr.isatty() else False,  # colours may be forced on a file
        only_warnings=quiet or (as_events and sys.stdout.isatty()),
        events=EventLog(sys.stdout) if as_events else None,
    )


def end(terminal: Terminal, event: str, found: BaseModel) -> None:
    """Give programs that read the events of `terminal` the last one: the fields of what was `found`."""
    assert terminal.events is not None
    terminal.events.write_fields(event, **json.loads(found.model_dump_json()))


def results() -> Terminal:
    """Where results go: stdout, at a fixed width when it is no terminal; text as in `console`."""
    from nas.progress import Terminal

    return Terminal(width=None if sys.stdout.isatty() else PIPE_WIDTH)


@contextmanager
def shown_live(config: SearchConfig, port: int | None, console: Terminal) -> Iterator[Callable[[str], None]]:
    """The dashboard of the study of `config` for the block, where `--dashboard` gives a `port`.

    The block gets a function to call with the study's name once it is in the database.

    Raises:
        ConfigError: the port can't be used.
        ModuleNotFoundError: a package of the dashboard is missing.
    """
    if port is None:
        yield lambda study: None
        return
    from nas.dashboard import dashboard_process
    from nas.progress import say

    def said(line: str) -> None:
        say(console, line, dated=False)

    with dashboard_process(port, config.workdir, config.storage, said) as on_open:
        yield on_open


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print lines for people, as they are; `err`: on stderr. Names in them can't move a terminal's cursor."""
    click.echo(printable(text), err=err, nl=nl)


def folder_of_commands() -> str:
    """Folder that the user called this command in, where the shell does not find it without."""
    called = Path(sys.argv[0])
    return f"{called.parent}/" if called.name.startswith("nas-") and not shutil.which(called.name) else ""
