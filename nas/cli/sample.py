"""nas-sample: look at the images of a generator."""

from __future__ import annotations

from pathlib import Path

import click

from nas.cli.command import SEED, Command, FiniteFloat, Whole

EXAMPLES = """
nas-sample student.safetensors -o grid.png
nas-sample student.safetensors -o grid.png --count 100 --columns 10 --seed 7 --psi 0.7
nas-sample student.safetensors -o images.npy --latents z.npy --noise const
nas-sample network-snapshot.pkl -o classes.png --classes 0,1,2,3 --columns 4
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help=".png: a grid; .npy: float32 (N, C, H, W).",
)
@click.option("--count", type=Whole(1), default=64, show_default=True, help="Images.")
@click.option("--columns", type=Whole(1), default=8, show_default=True, help="Images in a row of the grid.")
@click.option(
    "--latents",
    type=click.Path(path_type=Path),
    help="Latents z as .npy (N, latent_dim), instead of --count and --seed.",
)
@click.option(
    "--classes",
    default="",
    help="Of a conditional generator: 0,3,7, taken in turn, or a .npy  [default: any]",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of latents and noise.")
@click.option(
    "--psi",
    type=FiniteFloat(-10, 10),
    default=1.0,
    show_default=True,
    help="Truncation: below 1, less variety.",
)
@click.option("--noise", type=click.Choice(["random", "const", "none"]), default="random", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def main(
    checkpoint: Path,
    output: Path,
    count: int,
    columns: int,
    latents: Path | None,
    classes: str,
    seed: int,
    psi: float,
    noise: str,
    as_json: bool,
) -> None:
    """Generate images of CHECKPOINT, a student or a teacher of any known format, as .png or .npy."""
    import json

    from nas.checkpoints import check_output, draw, write

    check_output(output)
    images = draw(checkpoint, count=count, latents=latents, classes=classes, seed=seed, psi=psi, noise=noise)
    write(images, output, columns)
    if as_json:
        click.echo(
            json.dumps(
                {"output": str(output), "shape": list(images.shape), "seed": seed, "psi": psi, "noise": noise}
            )
        )
    else:
        click.echo(f"{output}: {len(images)} images of {images.shape[2]}×{images.shape[3]} px")


if __name__ == "__main__":
    main()
