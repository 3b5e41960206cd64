"""nas-dashboard: look at a study in the browser."""

from __future__ import annotations

from pathlib import Path

import click

from nas.cli.command import Command, Whole, study_options

EXAMPLES = """
nas-dashboard
nas-dashboard --study digits-5Gmacs --port 8123
nas-dashboard --storage postgresql+psycopg://nas@localhost/nas
"""


@click.command(cls=Command, examples=EXAMPLES)
@study_options
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=Whole(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option(
    "--allow-remote", is_flag=True, help="Listen on another --host than this machine: nobody has to log in."
)
def main(study: str, workdir: Path, storage: str, host: str, port: int, allow_remote: bool) -> None:
    """Show a study in Optuna Dashboard: trials, Pareto plot with the budget, samples beside the teacher's.

    It can be open while a search runs. There is no log-in, so it listens on this machine only.
    """
    from nas.dashboard import Publisher, serve
    from nas.reporting import read_report
    from nas.study import open_existing

    store, folder = open_existing(workdir, study, storage)
    with store:
        found = read_report(store)

        def ready(url: str) -> None:
            click.echo(f"{found.study}: {url}  (Ctrl-C ends it)", err=True)

        with Publisher(store, found.budget["macs"]):
            serve(store.storage, folder / "artifacts", host, port, allow_remote=allow_remote, ready=ready)


if __name__ == "__main__":
    main()
