"""nas-teacher: train a teacher, look into a checkpoint, or bring a foreign one into our format."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.cli.command import Command, FiniteFloat, Group, Quantity, Whole, console, results
from search_spaces import FAMILIES

if TYPE_CHECKING:
    from nas.progress import TeacherProgress

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

# stopped or killed: the same command goes on
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

FILE = click.Path(path_type=Path)
OUTPUT = click.Path(path_type=Path, dir_okay=False)
POSITIVE = Whole(1)


@click.group(cls=Group, examples=EXAMPLES, invoke_without_command=True)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Teachers: the big generators that students learn from."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@main.command(cls=Command, examples=TRAIN_EXAMPLES, short_help="Train one from images.")
@click.option(
    "--data",
    required=True,
    help='Images: a folder, zip or idx file, torchvision:NAME, or "digits", 1,797 handwritten ones.',
)
@click.option("-o", "--output", type=OUTPUT, required=True, help="Teacher to write, .safetensors.")
@click.option(
    "--space",
    type=click.Choice(sorted(FAMILIES)),
    default="stylegan2",
    show_default=True,
    help="Family of the networks, and so of the students.",
)
@click.option(
    "--resolution",
    type=POSITIVE,
    help="Side of the images, px: StyleGAN2 16 to 1024 and BigGAN 32 to 256, powers of two; DCGAN 16, 28, "
    "32, 64, 128  [default: 16 for digits]",
)
@click.option("--grey", is_flag=True, help="Train on grey images  [default: only the digits]")
@click.option("--mirror/--no-mirror", default=False, help="Show images flipped left to right, too.")
@click.option("--name", default="", help="What the teacher is called  [default: as the file]")
@click.option(
    "--images", type=Quantity(), default="5M", show_default=True, help="Real images to show in all."
)
@click.option("--batch-size", type=POSITIVE, default=32, show_default=True, help="Images a step.")
@click.option(
    "--micro-batch",
    type=Whole(0),
    default=0,
    help="Images in memory at a time  [default: the batch]",
)
@click.option(
    "--channels-base",
    type=POSITIVE,
    help="StyleGAN2: width of a layer times side of its images  [default: 16384]",
)
@click.option("--channels-max", type=POSITIVE, help="StyleGAN2: most channels of a layer  [default: 512]")
@click.option("--latent-dim", type=POSITIVE, help="StyleGAN2: dimensions of z and of w  [default: 512]")
@click.option("--mapping-layers", type=POSITIVE, help="StyleGAN2: depth of the mapping  [default: 8]")
@click.option(
    "--width",
    type=POSITIVE,
    help="DCGAN, BigGAN: what all widths are multiples of  [default: as published]",
)
@click.option(
    "--lr",
    type=FiniteFloat(0, min_open=True),
    help="Of both networks  [default: as published, 2e-3 for StyleGAN2]",
)
@click.option(
    "--r1-gamma",
    type=FiniteFloat(0),
    help="StyleGAN2: weight of R1  [default: 0.0002 · resolution² / batch size]",
)
@click.option(
    "--path-weight",
    type=FiniteFloat(0),
    help="StyleGAN2: weight of path-length regularisation  [default: 2]",
)
@click.option(
    "--augment",
    type=click.Choice(["ada", "fixed", "none"]),
    help="Of what the discriminator sees: adaptive (few images last longer), always alike, or none"
    "  [default: ada; none for DCGAN]",
)
@click.option(
    "--augment-p",
    type=FiniteFloat(0, 1),
    default=0.2,
    show_default=True,
    help="Probability of each transformation with --augment fixed.",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16", "fp16"]),
    default="auto",
    show_default=True,
    help="Of the networks' arithmetic; auto is bf16 on a GPU, fp32 on a CPU.",
)
@click.option(
    "--compile/--no-compile", default=False, help="Compile the networks: faster after a slow start."
)
@click.option(
    "--checkpoint-activations/--no-checkpoint-activations",
    default=False,
    help="Make activations twice instead of keeping them: less memory, more time.",
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--seed", type=Whole(0, 2**32 - 1), default=0, show_default=True, help="Of everything random.")
@click.option(
    "--snapshot",
    type=Quantity(),
    default="200k",
    show_default=True,
    help="Images between checkpoints with FID.",
)
@click.option(
    "--extractor",
    help="Features of the FID: inception, clip, dinov2, cifar-resnet, digits, or a TorchScript file"
    "  [default: digits for the digits, else inception]",
)
@click.option("--extractor-weights", type=FILE, help="Weights file of the extractor  [default: download]")
@click.option("--fid-samples", type=click.UNPROCESSED, default="10k", show_default=True, help="0: no FID.")
@click.option("--dry-run", is_flag=True, help="Show what would be trained; train and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def train(dry_run: bool, as_json: bool, fid_samples: str, **flags: Any) -> None:
    """Train a teacher from images: generator (EMA) and discriminator in one file, ready for nas-search.

    Losses, rates and regularisation are as published for the --space: --dry-run shows them. Beside the
    output, a folder keeps the state, a log and sample grids. Run the same command again to go on after a
    stop.
    """
    import json

    from nas.budget import parse_quantity
    from nas.errors import BudgetError, ConfigError
    from nas.progress import TeacherProgress, progress_bars
    from nas.teacher import TeacherRequest, TeacherRun

    try:
        count = 0 if str(fid_samples) == "0" else parse_quantity(str(fid_samples))
    except BudgetError as error:
        raise ConfigError(f"--fid-samples {fid_samples}: give a number such as 10k; 0 is none") from error
    err = console()
    with progress_bars(err) as on_progress:
        request = TeacherRequest(fid_samples=count, **flags)
        wanted = TeacherRun.prepare(request, dry_run=dry_run, on_progress=on_progress)
    if dry_run:
        click.echo(json.dumps(wanted.settings()) if as_json else "\n".join(wanted.lines()))
        return
    with TeacherProgress(err, wanted.request.images, wanted.lines()) as progress, _stoppable(progress):
        outcome = wanted.run(progress)
    if not outcome.finished:
        raise KeyboardInterrupt
    best, output = outcome.best, wanted.request.output
    if as_json:
        click.echo(json.dumps(wanted.settings() | outcome.summary()))
    elif best is None or best.fid is None:
        click.echo(f"{output}: trained on {outcome.images} images")
    else:
        samples = f"{best.fid_samples} samples"
        click.echo(f"{output}: FID {best.fid:.4f} ({samples}) after {best.images} of {outcome.images} images")


@main.command(cls=Command, examples=INFO_EXAMPLES, short_help="Show what a checkpoint holds and costs.")
@click.argument("checkpoint", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def info(checkpoint: Path, as_json: bool) -> None:
    """Show what CHECKPOINT holds: architecture, MACs, parameters, discriminator, metadata."""
    from nas.reporting import render_architecture
    from nas.teacher import describe

    found = describe(checkpoint)
    click.echo(found.model_dump_json() if as_json else "\n".join(found.lines()))
    if not as_json:
        results().print(render_architecture(found.architecture))


@main.command(
    "import", cls=Command, examples=IMPORT_EXAMPLES, short_help="Write one of another format in our own."
)
@click.argument("checkpoint", type=FILE)
@click.option("-o", "--output", type=OUTPUT, required=True, help="File to write, .safetensors.")
@click.option(
    "--discriminator", type=FILE, help="File of its discriminator, where that is not in CHECKPOINT."
)
@click.option(
    "--name", default="", help="What the teacher is called  [default: as in the file, else its name]"
)
@click.option("--force", is_flag=True, help="Replace the output.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as one JSON object.")
def import_(
    checkpoint: Path, output: Path, discriminator: Path | None, name: str, force: bool, as_json: bool
) -> None:
    """Write the generator of CHECKPOINT, and its discriminator if there is one, in our own format."""
    from nas.teacher import describe, import_teacher

    written = import_teacher(checkpoint, output, discriminator=discriminator, name=name, force=force)
    if as_json:
        click.echo(describe(output).model_dump_json())
        return
    critic = "with" if written.discriminator is not None else "without"
    click.echo(f"{output}: {written.family} {written.metadata['name']}, {critic} discriminator")


@contextmanager
def _stoppable(progress: TeacherProgress) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM ends the training after its step; another one ends the program at once."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def once(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if not progress.training:
            raise KeyboardInterrupt
        click.echo("stopping after this step or measurement, to keep what was trained", err=True)
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
