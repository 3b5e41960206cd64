"""nas-sample: generate images."""

from __future__ import annotations

from typing import Literal

import click

from nas.cli.command import Command
from nas.cli.options import options
from nas.options import JsonOption, Location, Place, SampleSeedOption, option, variant

EXAMPLES = """
nas-sample student.safetensors -o grid.png
nas-sample student.safetensors -o grid.png --force --count 100 --columns 10 --seed 7 --psi 0.7
nas-sample student.safetensors -o images.npy --latents z.npy --noise const
nas-sample network-snapshot.pkl -o classes.png --classes 0,1,2,3 --columns 4
"""


class SampleOptions(JsonOption):
    """Which images, and the file to write."""

    checkpoint: Location = option(
        group="images", argument=True, help="Student or teacher, of any known format."
    )
    count: int = option(64, group="images", ge=1, help="Number of images.")
    columns: int = option(8, group="images", ge=1, help="Images in a row of the grid.")
    latents: Location | None = option(
        None, group="images", help="Latents z as .npy (N, latent_dim), instead of --count and --seed."
    )
    classes: Place = option(
        "",
        group="images",
        help="Classes for a conditional generator: 0,3,7, taken in turn, or a .npy.",
        shown="any",
    )
    seed: int = variant(SampleSeedOption, "seed", default=0, group="images")
    psi: float = option(
        1.0,
        group="images",
        ge=0,
        le=10,
        help="Truncation of styles (StyleGAN2 only): below 1, less variety; 0, the mean style.",
    )
    noise: Literal["random", "const", "none"] = option(
        "random", group="images", help="Noise inputs (StyleGAN2 only)."
    )
    output: Location = option(
        group="output", short="-o", help="File to write. .png: a grid; .npy: float32 (N, C, H, W)."
    )
    force: bool = option(False, group="output", off="", help="Replace the file if it exists.")


@click.command(cls=Command, examples=EXAMPLES)
@options(SampleOptions)
def main(asked: SampleOptions) -> None:
    """Generate images of CHECKPOINT, a student or a teacher of any known format, as .png or .npy."""
    import json

    from nas.checkpoints import check_output, draw, write
    from search_spaces import count_of

    output = asked.output
    check_output(output, asked.force)
    images = draw(
        asked.checkpoint,
        count=asked.count,
        latents=asked.latents,
        classes=asked.classes,
        seed=asked.seed,
        psi=asked.psi,
        noise=asked.noise,
    )
    write(images, output, asked.columns, asked.force)
    if asked.as_json:
        click.echo(
            json.dumps(
                {"output": str(output), "shape": list(images.shape)}
                | asked.model_dump(include={"seed", "psi", "noise"})
            )
        )
    else:
        click.echo(f"{output}: {count_of(len(images), 'image')} of {images.shape[2]}×{images.shape[3]} px")


if __name__ == "__main__":
    main()
