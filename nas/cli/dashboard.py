"""nas-dashboard: show a study in the browser."""

from __future__ import annotations

import click

from nas.cli.command import Command
from nas.cli.options import options
from nas.cli.studies import open_asked
from nas.options import StudyOptions, option

EXAMPLES = """
nas-dashboard
nas-dashboard --study digits-5Gmacs --port 8123
nas-dashboard --storage postgresql+psycopg://nas@localhost/nas
"""


class DashboardOptions(StudyOptions):
    """Where `nas-dashboard` listens."""

    host: str = option("127.0.0.1", group="page", help="Address to listen on.")
    port: int = option(8080, group="page", ge=0, le=65535, help="Port to listen on; 0 takes a free one.")
    allow_remote: bool = option(
        False, group="page", off="", help="Listen on another --host than this machine: there is no log-in."
    )


@click.command(cls=Command, examples=EXAMPLES)
@options(DashboardOptions)
def main(asked: DashboardOptions) -> None:
    """Show a study in Optuna Dashboard: trials, Pareto plot with the budget, samples beside the teacher's.

    It can be open while a search runs. There is no log-in, so it listens on this machine only.
    """
    from nas.dashboard import Publisher, serve
    from nas.reporting import read_report

    store, folder = open_asked(asked)
    with store:
        found = read_report(store, folder)

        def ready(url: str) -> None:
            click.echo(f"{found.study}: {url}  (Ctrl-C ends it)", err=True)

        with Publisher(store, found.budget["macs"]):
            serve(
                store.storage,
                folder / "artifacts",
                asked.host,
                asked.port,
                allow_remote=asked.allow_remote,
                ready=ready,
            )


if __name__ == "__main__":
    main()
