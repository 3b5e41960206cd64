"""nas-teacher: train a teacher, describe a checkpoint, or import a third-party one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from nas.cli.command import Command, Group, console, echo, missing_folder, results
from nas.cli.options import options
from nas.options import DryRunOption, JsonOption, Location, Option, QuietOption, option, options_of
from nas.teacher import TeacherRequest
from search_spaces import FAMILIES, Checkpoint

if TYPE_CHECKING:
    from distill.teachers import Outcome
    from nas.progress import TeacherProgress
    from nas.teacher import TeacherRun

EXAMPLES = """
nas-teacher train --data faces.zip --resolution 256 --mirror -o faces.safetensors
nas-teacher info faces.safetensors
nas-teacher import ffhq256.pkl -o ffhq256.safetensors
"""

TRAIN_EXAMPLES = """
nas-teacher train --data faces.zip --resolution 256 --mirror -o faces.safetensors
nas-teacher train --data faces.zip --resolution 256 -o faces.safetensors --dry-run

# on a small GPU
nas-teacher train --data faces/ --resolution 512 -o faces.safetensors --micro-batch 8 --checkpoint-activations

# stopped or killed: the same command resumes
nas-teacher train --data faces.zip --resolution 256 --mirror -o faces.safetensors
"""

INFO_EXAMPLES = """
nas-teacher info teacher.safetensors
nas-teacher info teacher.safetensors --json
"""

IMPORT_EXAMPLES = """
nas-teacher import ffhq256.pkl -o ffhq256.safetensors
nas-teacher import ffhq256.pkl -o ffhq256.safetensors --name ffhq-256 --force

# BigGAN-PyTorch keeps its networks in two files
nas-teacher import G_ema.pth --discriminator D.pth -o imagenet128.safetensors
"""


class TrainOutput(JsonOption, QuietOption, DryRunOption):
    """What is done with the settings of a training."""


class InfoOptions(JsonOption):
    """Which file to look into."""

    checkpoint: Location = option(group="output", argument=True, help="Checkpoint of any known format.")


class ImportOptions(JsonOption):
    """What to import, and where to."""

    checkpoint: Location = option(group="output", argument=True, help="Checkpoint of any known format.")
    discriminator: Location | None = option(
        None, group="teacher and data", help="File of its discriminator, where that is not in CHECKPOINT."
    )
    name: str = option(
        "", group="output", help="Name of the teacher.", shown="as in the file, else the file's name"
    )
    output: Location = option(group="output", short="-o", help="File to write, .safetensors.")
    force: bool = option(False, group="output", off="", help="Replace the output.")


def sizes() -> list[Option]:
    """The sizes of the networks, of every family: families that have a size of one name share the flag."""
    found: dict[str, Option] = {}
    for family in FAMILIES.values():
        for each in options_of(family.options, "networks"):
            text, default = f"{family.name}: {each.text}", each.default
            if _in_several(each.name):
                default = f"{family.name} {default}"
            if each.name in found:
                text = f"{found[each.name].text} {text}"
                default = f"{found[each.name].default}; {default}"
            found[each.name] = replace(each, text=text, default=default)
    return list(found.values())


def _in_several(name: str) -> bool:
    """Whether more than one family has the size `name`."""
    return sum(name in family.options.model_fields for family in FAMILIES.values()) > 1


@click.group(cls=Group, examples=EXAMPLES, invoke_without_command=True)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Teachers: the big generators that students learn from."""
    if ctx.invoked_subcommand is None:
        echo(ctx.get_help())


@main.command(cls=Command, examples=TRAIN_EXAMPLES, short_help="Train one from images.")
@options(TeacherRequest, TrainOutput, extra={"sizes": sizes()})
def train(asked: TeacherRequest, output: TrainOutput, sizes: dict[str, Any]) -> None:
    """Train a teacher from images: generator (EMA) and discriminator in one file, ready for nas-search.

    Losses, rates and regularisation are as published for the --space: --dry-run shows them. Beside the
    output, a folder keeps the state, a log and sample grids. Run the same command again to resume.
    """
    import json

    from nas.progress import TeacherProgress, progress_bars
    from nas.teacher import TeacherRun

    err = console(quiet=output.quiet)
    with progress_bars(err) as on_progress:
        request = asked.model_copy(update={"sizes": sizes})
        wanted = TeacherRun.prepare(request, dry_run=output.dry_run, on_progress=on_progress)
    if output.dry_run:
        echo(json.dumps(wanted.settings()) if output.as_json else "\n".join(wanted.lines()))
        return
    progress = TeacherProgress(err, wanted.request.images, wanted.lines(), wanted.distance)
    with progress, _stoppable(progress):
        outcome = wanted.run(progress)
    if not outcome.finished:
        raise KeyboardInterrupt
    best, file = outcome.best, request.output
    if output.as_json:
        echo(json.dumps(wanted.settings() | outcome.summary()))
    elif best is None or best.fid is None:
        echo(f"{file}: trained on {outcome.images:,} images{_whole(wanted, outcome)}")
    else:
        samples = f"{best.fid_samples:,} samples"
        measured = f"{wanted.distance} {best.fid:.4f} ({samples})"
        seen = f"{best.images:,} of {outcome.images:,} images{_whole(wanted, outcome)}"
        echo(f"{file}: {measured} after {seen}")


@main.command(cls=Command, examples=INFO_EXAMPLES, short_help="Show what a checkpoint holds and costs.")
@options(InfoOptions)
def info(asked: InfoOptions) -> None:
    """Show what CHECKPOINT holds: architecture, MACs, parameters, discriminator, metadata."""
    from nas.reporting import render_architecture
    from nas.teacher import describe

    found = describe(asked.checkpoint)
    echo(found.model_dump_json() if asked.as_json else "\n".join(found.lines()))
    if not asked.as_json:
        results().print(render_architecture(found.architecture))


@main.command(
    "import", cls=Command, examples=IMPORT_EXAMPLES, short_help="Write one of another format in our own."
)
@options(ImportOptions)
def import_(asked: ImportOptions) -> None:
    """Write the generator of CHECKPOINT, and its discriminator if there is one, in our own format."""
    from nas.teacher import describe, import_teacher

    output, made = asked.output, missing_folder(asked.output)
    written = import_teacher(
        asked.checkpoint, output, discriminator=asked.discriminator, name=asked.name, force=asked.force
    )
    if asked.as_json:
        echo(describe(output).model_dump_json())
        return
    having = "with" if written.discriminator is not None else "without"
    echo(f"{output}: {written.family} {written.metadata['name']}, {having} discriminator{_weights(written)}")
    if made is not None:
        echo(f"note: the folder {made} is new", err=True)


def _whole(wanted: TeacherRun, outcome: Outcome) -> str:
    """Why the images are more than were asked for, where they are."""
    asked = wanted.request.images
    return f" ({asked:,} were asked for: whole steps)" if outcome.images != asked else ""


def _weights(written: Checkpoint) -> str:
    """Which of a file's weights were taken, where it is another project's file."""
    network, kind = (written.metadata.get(key) for key in ("source_network", "source_weights"))
    return f"; weights of {network}: {kind}" if network and kind else ""


@contextmanager
def _stoppable(progress: TeacherProgress) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM ends the training after its step; another one ends the program at once."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def once(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if not progress.training:
            raise KeyboardInterrupt
        echo("stopping after this step or measurement, to keep what was trained", err=True)
        progress.end()

    for number in before:
        signal.signal(number, once)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    main()
