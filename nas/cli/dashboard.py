"""nas-dashboard: show a study in the browser."""

from __future__ import annotations

import os

import click

from nas.cli.command import Command, echo
from nas.cli.options import options
from nas.cli.studies import open_asked
from nas.options import StudyOptions, option

EXAMPLES = """
nas-dashboard
nas-dashboard --study digits-5Gmacs --port 8123
nas-dashboard --storage postgresql+psycopg://nas@localhost/nas
NAS_DASHBOARD_TOKEN=$(openssl rand -hex 16) nas-dashboard --host 0.0.0.0
"""


class DashboardOptions(StudyOptions):
    """Where `nas-dashboard` listens."""

    host: str = option("127.0.0.1", group="page", help="Address to listen on.")
    port: int = option(8080, group="page", ge=0, le=65535, help="Port to listen on; 0 takes a free one.")
    token: str = option(
        "",
        group="page",
        help="Show studies only to those who have this token of at least 16 characters. Other users of the "
        "machine see it among the running commands, but not in the variable NAS_DASHBOARD_TOKEN.",
        shown="of NAS_DASHBOARD_TOKEN, if set",
    )
    allow_remote: bool = option(
        False,
        group="page",
        off="",
        help="Listen on another --host than this machine without a token: there is no log-in.",
    )


@click.command(cls=Command, examples=EXAMPLES, unnamed="--study")
@options(DashboardOptions)
def main(asked: DashboardOptions) -> None:
    """Show studies in Optuna Dashboard: trials, Pareto plot with the budget, samples beside the teacher's.

    It opens on the last searched study that has a complete trial, or on --study; its list has all studies of
    the work folder or database. It can be open while a search runs. Without a token there is no log-in, so it
    listens on this machine only.
    """
    from nas.dashboard import VARIABLE, board_with, serve

    store, folder = open_asked(asked)
    with board_with(store, folder, asked.workdir, asked.storage) as board:

        def ready(url: str) -> None:
            asks = "; it asks for the token" if token else ""
            echo(f"{store.name}: {url}  all studies: {url}dashboard  (Ctrl-C ends it){asks}", err=True)

        token = asked.token or os.environ.get(VARIABLE, "")
        serve(board, asked.host, asked.port, token=token, allow_remote=asked.allow_remote, ready=ready)


if __name__ == "__main__":
    main()
