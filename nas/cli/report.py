"""nas-report: what a study found, and how far it can be believed."""

from __future__ import annotations

from pathlib import Path

import click

from nas.cli.command import Command, Whole, results, study_options

EXAMPLES = """
nas-report
nas-report --study digits-5Gmacs
nas-report --architecture 7
nas-report --json | jq .front
"""


@click.command(cls=Command, examples=EXAMPLES)
@study_options
@click.option("--architecture", type=Whole(0), metavar="TRIAL", help="Show one trial's layers instead.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
def main(study: str, workdir: Path, storage: str, architecture: int | None, as_json: bool) -> None:
    """Show a study, also while it runs: front, best student, noise, ties, rank correlations of the rungs."""
    from nas.reporting import architecture_of, read_report, render, render_architecture, render_trust
    from nas.study import open_existing

    store, _ = open_existing(workdir, study, storage)
    with store:
        found = read_report(store)
    out = results()
    if architecture is not None:
        described = architecture_of(found, found.trial(architecture))
        if as_json:
            out.print_json(data=described.describe())
        else:
            out.print(render_architecture(described))
        return
    if as_json:
        out.print_json(found.model_dump_json())
        return
    out.print(render(found))
    out.print(render_trust(found))


if __name__ == "__main__":
    main()
