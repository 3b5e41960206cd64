"""nas-sample: look at the images of a generator."""

from __future__ import annotations

from pathlib import Path

import click

from nas.cli.command import Command

EXAMPLES = """
nas-sample student.safetensors -o grid.png
nas-sample student.safetensors -o grid.png --count 100 --columns 10 --seed 7 --psi 0.7
nas-sample student.safetensors -o images.npy --latents z.npy --noise const
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
@click.option("--count", type=click.IntRange(1), default=64, show_default=True, help="Images.")
@click.option(
    "--columns", type=click.IntRange(1), default=8, show_default=True, help="Images in a row of the grid."
)
@click.option(
    "--latents",
    type=click.Path(path_type=Path),
    help="Latents z as .npy (N, latent_dim), instead of --count and --seed.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of latents and noise.")
@click.option("--psi", type=float, default=1.0, show_default=True, help="Truncation: below 1, less variety.")
@click.option("--noise", type=click.Choice(["random", "const", "none"]), default="random", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def main(
    checkpoint: Path,
    output: Path,
    count: int,
    columns: int,
    latents: Path | None,
    seed: int,
    psi: float,
    noise: str,
    as_json: bool,
) -> None:
    """Generate images of CHECKPOINT, a student or a teacher, as a grid (.png) or raw (.npy)."""
    import json

    from nas.sampling import draw, write

    images = draw(checkpoint, count=count, latents=latents, seed=seed, psi=psi, noise=noise)
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
