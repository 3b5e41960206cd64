"""nas-export: write one student of a study to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from nas.cli.command import Command, echo, missing_folder
from nas.cli.options import options
from nas.cli.studies import open_asked
from nas.options import (
    MOST_IN_A_BATCH,
    MOST_SIDE,
    ImageCount,
    JsonOption,
    Location,
    Names,
    Quantity,
    StudyOptions,
    option,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nas.checkpoints import Settings, Written
    from nas.reporting import TrialReport

EXAMPLES = """
nas-export --best -o student.safetensors
nas-export --trial 12 -o student.safetensors
nas-export --max-macs 3M -o small.safetensors --study digits-5Gmacs

# for ONNX Runtime; and several formats at once, into a folder
nas-export --best -o student.onnx
nas-export --best --format safetensors,onnx,pt2 -o exported/

# a checkpoint, of a student or a teacher, in another format
nas-export --checkpoint student.safetensors -o student.onnx --input w
nas-export --checkpoint teacher.pkl --format rosinality -o teacher.pt

# smaller, and what that costs in images and in distance
nas-export --best -o student-fp16.onnx --precision fp16

# in Python:  student = nas.load_student("student.safetensors")
"""


class ExportOptions(JsonOption, StudyOptions):
    """Which student, and the file to write."""

    best: bool = option(
        False,
        group="students",
        off="",
        help="The best of the study by posterior estimate; of trials tied with it, the one that a person "
        "chose in the dashboard.",
        shown="yes",
    )
    trial: int | None = option(
        None, group="students", ge=0, help="The student of this trial, by its number in nas-report --trials."
    )
    max_macs: Quantity | None = option(
        None, group="students", help="The best student of at most so many MACs, such as 3M."
    )
    checkpoint: Location | None = option(
        None,
        group="students",
        help="Write this checkpoint in another format, instead of a student of a study.",
    )
    resolution: int | None = option(
        None,
        group="students",
        ge=1,
        le=MOST_SIDE,
        help="With --checkpoint, side of the images in px of a translator, whose file does not say it.",
        shown="the network's",
    )
    formats: Names = option(
        (),
        group="output",
        flag="--format",
        help="Formats to write: {choices}.",
        shown="by the end of the file's name",
        choices="nas.checkpoints:FORMATS",
    )
    start: Literal["z", "w", "w+"] | None = option(
        None,
        group="output",
        flag="--input",
        help="What ONNX models and programs of StyleGAN2 start from: latents, a style, or a style for each "
        "layer.",
        shown="z",
    )
    batch: int | None = option(
        None,
        group="output",
        ge=1,
        le=MOST_IN_A_BATCH,
        help="Images that ONNX models, programs, LiteRT and Core ML models make at a time.",
        shown="any number; 1 of LiteRT and Core ML",
    )
    precision: Literal["fp32", "fp16", "int8"] = option(
        "fp32",
        group="output",
        help="Of ONNX models: fp16 halves weights, int8 makes convolutions of eight bits. Images and "
        "distance are compared with those in float32.",
    )
    fid_samples: ImageCount | None = option(
        None,
        group="output",
        ge=0,
        help="With --precision fp16 or int8: generated images that the distances before and after are taken "
        "over; 0 measures none.",
        shown="as noted in the checkpoint",
    )
    output: Location = option(
        group="output", short="-o", help="File to write; with several formats, a folder."
    )
    force: bool = option(False, group="output", off="", help="Replace files that exist.")

    def settings(self) -> Settings:
        """What formats of other runtimes need to know."""
        from nas.checkpoints import Settings

        return Settings(self.start or "", self.batch, self.precision, self.fid_samples)


@click.command(
    cls=Command,
    examples=EXAMPLES,
    unnamed="--study",
    interrupted="files that are there are complete; run the same command again",
)
@options(ExportOptions)
def main(asked: ExportOptions) -> None:
    """Export a student: EMA weights, architecture, results and costs.

    A .safetensors file is for the commands and for Python. ONNX models (.onnx) and programs of torch.export
    (.pt2) run without this project; their images are compared with PyTorch's before they are written.
    """
    from nas.errors import ConfigError

    given = (asked.best, asked.trial is not None, asked.max_macs is not None, asked.checkpoint is not None)
    if sum(given) > 1:
        raise ConfigError("--best, --trial, --max-macs and --checkpoint exclude each other: give one of them")
    if asked.checkpoint is not None:
        for name in sorted({"study", "workdir", "storage"} & asked.model_fields_set):
            raise ConfigError(f"--{name} does not go with --checkpoint, which needs no study: leave it out")
    elif asked.resolution is not None:
        raise ConfigError("--resolution goes with --checkpoint: a student of a study has the study's")
    made = missing_folder(asked.output)
    if asked.checkpoint is None:
        _export_trial(asked)
    else:
        _convert(asked, asked.checkpoint)
    if made is not None:
        echo(f"note: the folder {made} is new", err=True)


def _export_trial(asked: ExportOptions) -> None:
    """Write a student of the study, and say which."""
    import json

    from nas.budget import format_quantity
    from nas.checkpoints import better_seed, choose, export_student
    from nas.reporting import comparison, describe_tie_break, read_report
    from nas.trials import STATES

    store, folder = open_asked(asked)
    with store:
        found = read_report(store, folder)
    chosen = choose(found, trial=asked.trial, max_macs=asked.max_macs)
    exported = export_student(
        found,
        chosen,
        folder,
        asked.output,
        formats=asked.formats,
        settings=asked.settings(),
        force=asked.force,
    )
    metadata = exported.metadata
    if asked.as_json:
        described = {
            "output": str(asked.output),
            "files": [each.as_json() for each in exported.files],
            "study": found.study,
            "teacher": found.teacher,
            "space": found.space,
            "tie_break": None if found.tie_break is None else found.tie_break.model_dump(mode="json"),
        }
        echo(json.dumps(described | {"trial": chosen.model_dump(), "metadata": metadata}))
        return
    echo(
        f"{asked.output}: trial {chosen.number} of {found.study}, {found.distance} {chosen.fid:.2f} "
        f"({int(metadata['fid_samples']):,} samples{_median(chosen)}), "
        f"{format_quantity(chosen.macs or 0)} MACs, "
        f"{format_quantity(chosen.params or 0)} parameters"
    )
    _show_files(exported.files, asked.output)
    if found.tie_break is not None and asked.trial is None and chosen.number == found.tie_break.trial:
        echo(f"Tie-break: {describe_tie_break(found.tie_break)}")
    other = better_seed(found, chosen)
    if other is not None:
        echo(f"Another seed of its architecture has {found.distance} {other.fid:.2f}: --trial {other.number}")
    for line in comparison(found.compared_with):
        echo(line)
    if chosen.state != "COMPLETE":
        echo(
            f"note: this trial is {STATES.get(chosen.state, chosen.state)}, its {found.distance} was taken "
            f"after {int(metadata['images']):,} images",
            err=True,
        )


def _convert(asked: ExportOptions, path: Path) -> None:
    """Write a checkpoint in other formats."""
    import json
    from dataclasses import replace

    from nas.checkpoints import Export, write_checkpoint
    from search_spaces import load_checkpoint

    export = Export.of(asked.output, asked.formats, path.stem, force=asked.force)
    checkpoint = load_checkpoint(path)
    if asked.resolution is not None:
        generator = checkpoint.generator.at_resolution(asked.resolution)
        checkpoint = replace(checkpoint, generator=generator)
    files = write_checkpoint(checkpoint, export, asked.settings())
    if asked.as_json:
        described = {"output": str(asked.output), "files": [each.as_json() for each in files]}
        echo(json.dumps(described | {"space": checkpoint.family, "metadata": dict(checkpoint.metadata)}))
        return
    echo(f"{asked.output}: {checkpoint.metadata.get('name', path.stem)}, {checkpoint.generator.architecture}")
    _show_files(files, asked.output)


def _show_files(files: Sequence[Written], output: Path) -> None:
    """A line for each file, where there is more to say than its name."""
    for each in files:
        checked = ""
        if each.difference is not None:
            mean = f", {each.mean_difference:.1g} on average"
            checked = f", images as in PyTorch to {each.difference:.1g}{mean} ({each.runtime})"
        if checked or each.note or each.path != output:
            note = f"; {each.note}" if each.note else ""
            echo(f"{each.path}: {each.format}, {each.bytes / 1e6:.1f} MB{checked}{note}")
        if each.distances is not None:
            found = each.distances
            echo(
                f"{found.name} {found.before:.2f} in float32, {found.after:.2f} in {each.path.name} "
                f"({found.samples:,} samples, to {found.compared_with})"
            )


def _median(trial: TrialReport) -> str:
    """The distance that reports show, where it is of several seeds."""
    return f"; median of {len(trial.fids)} seeds {trial.median:.2f}" if len(trial.fids) > 1 else ""


if __name__ == "__main__":
    main()
