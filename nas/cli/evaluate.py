"""nas-evaluate: measure a generator against real images."""

from __future__ import annotations

from pathlib import Path

import click

from nas.cli.command import Command, Quantity

EXAMPLES = """
# repeats the study's FID: same samples, seed and features as noted in the file
nas-evaluate student.safetensors

nas-evaluate student.safetensors --data images/ --fid-samples 50k --seed 1
nas-evaluate student.safetensors --data images/ --extractor inception --extractor-weights inception.pth --json
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--data", help="Folder or zip of images  [default: as noted in the file]")
@click.option(
    "--fid-samples",
    type=Quantity(),
    help="Images the FID is taken over  [default: as noted in the file, else 10k]",
)
@click.option(
    "--extractor", help="Features of the FID: digits or inception  [default: as noted, else by the data]"
)
@click.option("--extractor-weights", type=click.Path(path_type=Path), help="Weights file of the extractor.")
@click.option("--seed", type=click.IntRange(0), help="Of latents and noise  [default: as noted, else 0]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def main(
    checkpoint: Path,
    data: str | None,
    fid_samples: int | None,
    extractor: str | None,
    extractor_weights: Path | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """Measure CHECKPOINT: FID against real images, MACs and parameters."""
    import json

    from nas.budget import format_quantity
    from nas.evaluation import evaluate

    found = evaluate(
        checkpoint,
        data=data,
        fid_samples=fid_samples,
        extractor=extractor,
        extractor_weights=extractor_weights,
        seed=seed,
    )
    if as_json:
        click.echo(json.dumps(found))
        return
    click.echo(
        f"{checkpoint}: FID {found['fid']:.4f} ({found['fid_samples']} samples, {found['fid_extractor']} "
        f"features, seed {found['fid_seed']}, data {found['data']}), "
        f"{format_quantity(found['macs'])} MACs ({found['counter']}), "
        f"{format_quantity(found['params'])} parameters"
    )


if __name__ == "__main__":
    main()
