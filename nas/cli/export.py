"""nas-export: write one student of a study to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nas.cli.command import Command, missing_folder
from nas.cli.options import options
from nas.cli.studies import open_asked
from nas.options import JsonOption, Location, Quantity, StudyOptions, option

if TYPE_CHECKING:
    from nas.reporting import TrialReport

EXAMPLES = """
nas-export --best -o student.safetensors
nas-export --trial 12 -o student.safetensors
nas-export --max-macs 3M -o small.safetensors --study digits-5Gmacs

# in Python:  student = nas.load_student("student.safetensors")
"""


class ExportOptions(JsonOption, StudyOptions):
    """Which student, and the file to write."""

    best: bool = option(
        False,
        group="students",
        off="",
        help="The best of the study, by posterior estimate.",
        shown="yes",
    )
    trial: int | None = option(
        None, group="students", ge=0, help="The student of this trial, by its number in nas-report --trials."
    )
    max_macs: Quantity | None = option(
        None, group="students", help="The best student of at most so many MACs, such as 3M."
    )
    output: Location = option(group="output", short="-o", help="File to write.")
    force: bool = option(False, group="output", off="", help="Replace the file if it exists.")


@click.command(
    cls=Command,
    examples=EXAMPLES,
    unnamed="--study",
    interrupted="nothing was written; run the same command again",
)
@options(ExportOptions)
def main(asked: ExportOptions) -> None:
    """Export a student: EMA weights, architecture, results and costs, in one safetensors file."""
    import json

    from nas.budget import format_quantity
    from nas.checkpoints import better_seed, choose, export_student
    from nas.errors import ConfigError
    from nas.reporting import comparison, read_report
    from nas.trials import STATES

    trial, max_macs, output = asked.trial, asked.max_macs, asked.output
    if sum((asked.best, trial is not None, max_macs is not None)) > 1:
        raise ConfigError("--best, --trial and --max-macs exclude each other: give one of them")
    made = missing_folder(output)
    store, folder = open_asked(asked)
    with store:
        found = read_report(store, folder)
    chosen = choose(found, trial=trial, max_macs=max_macs)
    metadata = export_student(found, chosen, folder, output, force=asked.force)
    if asked.as_json:
        described = {
            "output": str(output),
            "study": found.study,
            "teacher": found.teacher,
            "space": found.space,
        }
        click.echo(json.dumps(described | {"trial": chosen.model_dump(), "metadata": metadata}))
        return
    click.echo(
        f"{output}: trial {chosen.number} of {found.study}, {found.distance} {chosen.fid:.2f} "
        f"({int(metadata['fid_samples']):,} samples{_median(chosen)}), "
        f"{format_quantity(chosen.macs or 0)} MACs, "
        f"{format_quantity(chosen.params or 0)} parameters"
    )
    other = better_seed(found, chosen)
    if other is not None:
        click.echo(
            f"Another seed of its architecture has {found.distance} {other.fid:.2f}: --trial {other.number}"
        )
    for line in comparison(found.compared_with):
        click.echo(line)
    if made is not None:
        click.echo(f"note: the folder {made} is new", err=True)
    if chosen.state != "COMPLETE":
        click.echo(
            f"note: this trial is {STATES.get(chosen.state, chosen.state)}, its {found.distance} was taken "
            f"after {int(metadata['images']):,} images",
            err=True,
        )


def _median(trial: TrialReport) -> str:
    """The distance that reports show, where it is of several seeds."""
    return f"; median of {len(trial.fids)} seeds {trial.median:.2f}" if len(trial.fids) > 1 else ""


if __name__ == "__main__":
    main()
