"""nas-report: what a study found, and how far it can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nas.cli.command import Command, echo, results
from nas.cli.options import options
from nas.cli.studies import open_asked
from nas.options import JsonOption, Location, StudyOptions, option

if TYPE_CHECKING:
    from pathlib import Path

    from nas.reporting import SearchReport
    from nas.study import StudyStore

EXAMPLES = """
nas-report
nas-report --list
nas-report --trials
nas-report --study digits-5Gmacs
nas-report --architecture 7
nas-report --json | jq .front

# a page for people: plots, tables, samples
nas-report --html report.html
"""


class ReportOptions(JsonOption, StudyOptions):
    """What `nas-report` shows."""

    listed: bool = option(
        False,
        group="output",
        flag="--list",
        off="",
        help="List the studies of --workdir or --storage instead, the newest first.",
    )
    trials: bool = option(
        False, group="output", off="", help="List the study's trials instead, replicates among them."
    )
    architecture: int | None = option(
        None, group="output", help="Number of a trial: show its layers instead.", ge=0
    )
    html: Location | None = option(
        None,
        group="output",
        help="Write the study to this file instead, as a page with plots and pictures that needs no network.",
    )
    force: bool = option(False, group="output", off="", help="Replace the file of --html if it exists.")


@click.command(cls=Command, examples=EXAMPLES, unnamed="--study")
@options(ReportOptions)
def main(asked: ReportOptions) -> None:
    """Show a study, also while it runs: front, best student, noise, rank correlations of the rungs.

    Without --study it is the last searched one that has a complete trial. Of a study of finalists it shows
    what nas-distill prints: the distance of every seed, with intervals.
    """
    from nas.errors import ConfigError
    from nas.reporting import read_report

    chosen = {
        "--list": asked.listed,
        "--trials": asked.trials,
        "--architecture": asked.architecture is not None,
        "--html": asked.html is not None,
    }
    given = [flag for flag, value in chosen.items() if value]
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)} exclude each other: give one of them")
    if asked.force and asked.html is None:
        raise ConfigError("--force goes with --html: give that, too, or leave --force out")
    if asked.listed:
        _list(asked)
        return
    store, folder = open_asked(asked)
    with store:
        if asked.html is not None:
            _write(store, folder, asked.html, asked)
            return
        found = read_report(store, folder)
    _show(found, asked)


def _write(store: StudyStore, folder: Path, output: Path, asked: ReportOptions) -> None:
    """Write the page."""
    import json

    from nas.html import write_page

    size = write_page(store, folder, output, force=asked.force)
    if asked.as_json:
        echo(json.dumps({"output": str(output), "study": store.name, "bytes": size}))
        return
    echo(f"{output}: {store.name}, {size / 1e6:.1f} MB; open it in a browser")


def _list(asked: ReportOptions) -> None:
    """Print the studies."""
    import json

    from nas.errors import ConfigError
    from nas.reporting import render_studies, summarise
    from nas.study import open_all

    if asked.study:
        raise ConfigError(f"--study {asked.study}: --list shows all studies; leave one of them out")
    studies = []
    for store, folder in open_all(asked.workdir, asked.storage, lambda why: echo(f"note: {why}", err=True)):
        with store:
            studies.append(summarise(store, folder))
    if asked.as_json:
        results().print_json(json.dumps([each.model_dump() for each in studies]))
    else:
        results().print(render_studies(studies))


def _show(found: SearchReport, asked: ReportOptions) -> None:
    """Print a study, or the part of it that is asked for."""
    from nas.reporting import architecture_of, render, render_architecture, render_trials, render_trust

    out = results()
    if asked.architecture is not None:
        described = architecture_of(found, found.trial(asked.architecture))
        if asked.as_json:
            out.print_json(data=described.describe())
        else:
            out.print(render_architecture(described))
    elif asked.as_json:
        out.print_json(found.model_dump_json(include={"trials"} if asked.trials else None))
    elif asked.trials:
        out.print(render_trials(found))
    else:
        out.print(render(found, render_trust(found)))


if __name__ == "__main__":
    main()
