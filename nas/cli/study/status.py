"""nas-study status: what a study does now, from another terminal than its search's."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from nas.cli.command import Command, echo, results
from nas.cli.options import options
from nas.cli.studies import open_asked
from nas.cli.study.place import NamedStudy
from nas.options import JsonOption, option

if TYPE_CHECKING:
    from pathlib import Path

    from nas.study import StudyStore
    from nas.upkeep import StudyStatus

EXAMPLES = """
nas-study status
nas-study status digits-2Mmacs --watch
nas-study status --json | jq '.running_trials[] | {trial, seconds_left}'
"""

SECONDS = 2.0  # between two looks of --watch


class StatusOptions(JsonOption, NamedStudy):
    """Which study is looked at, and how often."""

    watch: bool = option(
        False,
        group="output",
        off="",
        help="Look again every two seconds, until Ctrl-C; with --json an object a line.",
    )


@click.command(
    "status",
    cls=Command,
    examples=EXAMPLES,
    interrupted="nothing was written",
    short_help="Progress, workers, lease and disk of a study.",
)
@options(StatusOptions)
def status_command(asked: StatusOptions) -> None:
    """Show what a study does now: trials, running trainings, workers, the lease, disk, the last rung.

    It only reads, and does not disturb a search that runs. The exit code is 0 also when nothing runs.
    """
    from nas.upkeep import study_status

    store, folder = open_asked(asked)
    with store:
        if not asked.watch:
            _show(study_status(store, folder), as_json=asked.as_json)
            return
        with suppress(KeyboardInterrupt):  # how it is ended
            _watch(store, folder, as_json=asked.as_json)


def _watch(store: StudyStore, folder: Path, *, as_json: bool) -> None:
    """Show the study again and again."""
    from nas.database import DatabaseOutageError, LastingOutageError
    from nas.upkeep import study_status

    while True:
        try:
            found = study_status(store, folder)
        except (DatabaseOutageError, LastingOutageError) as error:  # it may answer at the next look
            echo(f"{store.url} does not answer ({error.reason}): looking again in {SECONDS:.0f} s", err=True)
            time.sleep(SECONDS)
            continue
        finally:
            store.release()  # no transaction stays open beside the search
        if as_json:
            echo(found.model_dump_json())
            sys.stdout.flush()
        else:
            if sys.stdout.isatty():
                click.clear()
            _show(found, as_json=False)
        time.sleep(SECONDS)


def _show(found: StudyStatus, *, as_json: bool) -> None:
    from nas.upkeep import render_status

    if as_json:
        results().print_json(found.model_dump_json())
    else:
        results().print(render_status(found))
