"""nas-report: what a study found, and how far it can be believed."""

from __future__ import annotations

import click

from nas.cli.command import Command, results
from nas.cli.options import options
from nas.options import JsonOption, StudyOptions, option

EXAMPLES = """
nas-report
nas-report --study digits-5Gmacs
nas-report --architecture 7
nas-report --json | jq .front
"""


class ReportOptions(JsonOption, StudyOptions):
    """What `nas-report` shows."""

    architecture: int | None = option(
        None, group="output", help="Number of a trial: show its layers instead.", ge=0
    )


@click.command(cls=Command, examples=EXAMPLES)
@options(ReportOptions)
def main(asked: ReportOptions) -> None:
    """Show a study, also while it runs: front, best student, noise, rank correlations of the rungs.

    Of a study of finalists it shows what nas-distill prints: the distance of every seed, with intervals.
    """
    from nas.reporting import architecture_of, read_report, render, render_architecture, render_trust
    from nas.study import open_existing

    store, _ = open_existing(asked.workdir, asked.study, asked.storage)
    with store:
        found = read_report(store)
    out = results()
    if asked.architecture is not None:
        described = architecture_of(found, found.trial(asked.architecture))
        if asked.as_json:
            out.print_json(data=described.describe())
        else:
            out.print(render_architecture(described))
        return
    if asked.as_json:
        out.print_json(found.model_dump_json())
        return
    out.print(render(found, render_trust(found)))


if __name__ == "__main__":
    main()
