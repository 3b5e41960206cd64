"""The command `nas-study` and the commands in it."""

from __future__ import annotations

import click

from nas.cli.command import Command, Group
from nas.cli.options import options
from nas.cli.studies import list_studies
from nas.cli.study.changes import copy_command, delete_command, gc_command
from nas.cli.study.place import StudiesOptions
from nas.cli.study.status import status_command
from nas.options import JsonOption

EXAMPLES = """
nas-study list
nas-study status --watch
nas-study gc digits-2Mmacs --keep front --dry-run
nas-study copy digits-2Mmacs --to-workdir /archive/runs
nas-study delete digits-2Mmacs
"""

LIST_EXAMPLES = """
nas-study list
nas-study list --storage postgresql+psycopg://nas@localhost/nas --json
"""


class ListOptions(JsonOption, StudiesOptions):
    """Which studies are listed."""


@click.group(cls=Group, examples=EXAMPLES, invoke_without_command=True)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Studies beside their search: what they do now, what they take, and what is kept of them."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@main.command("list", cls=Command, examples=LIST_EXAMPLES, short_help="List the studies, newest first.")
@options(ListOptions)
def list_command(asked: ListOptions) -> None:
    """List the studies of a work folder or of a database, the newest first, as nas-report --list does."""
    list_studies(asked.workdir, asked.storage, as_json=asked.as_json)


for command in (status_command, gc_command, delete_command, copy_command):
    main.add_command(command)
