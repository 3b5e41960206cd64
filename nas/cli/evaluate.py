"""nas-evaluate: measure a generator against real images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.cli.command import SEED, Command, Quantity, Whole, console, results

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLES = """
# repeats the study's FID: same samples, seed and features as noted in the file
nas-evaluate student.safetensors

nas-evaluate student.safetensors --metrics fid,kid,is,prc,vol --fid-samples 50k
nas-evaluate student.safetensors --data images/ --extractor inception --extractor-weights inception.pth --json
nas-evaluate student.safetensors --data cifar.zip --extractor cifar-resnet --extractor-weights resnet20.th
nas-evaluate student.safetensors --data images/ --extractor features.pt --cache real/
"""


INTERRUPTED = "nothing was measured, and nothing written but what --cache keeps; run the same command again"


@click.command(cls=Command, examples=EXAMPLES, interrupted=INTERRUPTED)
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--metrics", default="fid", show_default=True, help="Of fid,kid,is,prc,vol.")
@click.option(
    "--data",
    help="Images: a folder, zip or idx file, torchvision:NAME, or digits  [default: as noted in the file]",
)
@click.option(
    "--fid-samples",
    type=Quantity(),
    help="Images that every metric is taken over  [default: as noted in the file, else 10k]",
)
@click.option(
    "--extractor",
    help="Features: inception, clip, dinov2, cifar-resnet, digits, or a TorchScript file"
    "  [default: as noted, else by the data]",
)
@click.option("--extractor-weights", type=click.Path(path_type=Path), help="Weights file of the extractor.")
@click.option("--seed", type=SEED, help="Of latents and noise  [default: as noted, else 0]")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="[default: cuda where there is one]")
@click.option("--batch-size", type=Whole(1), help="Images at a time  [default: 50, fewer above 256 px]")
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to keep the real images in, decoded, and their features.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def main(checkpoint: Path, metrics: str, as_json: bool, **options: Any) -> None:
    """Measure CHECKPOINT: FID and other metrics against real images, MACs and parameters."""
    import json

    from nas.budget import format_quantity
    from nas.checkpoints import evaluate
    from nas.progress import progress_bars

    asked = [name.strip() for name in metrics.split(",")]
    with progress_bars(console()) as on_progress:
        found = evaluate(checkpoint, metrics=asked, on_progress=on_progress, **options)
    if as_json:
        click.echo(json.dumps(found))
        return
    results().print(_table(found))
    click.echo(
        f"{format_quantity(found['macs'])} MACs ({found['counter']}), "
        f"{format_quantity(found['params'])} parameters; measured on {found['device']}, "
        f"{found['batch_size']} images at a time"
    )


def _table(found: dict[str, Any]) -> Table:
    """One line for each value, with all that it depends on."""
    from rich.table import Table

    table = Table(title=f"{found['checkpoint']} against {found['data']}", title_justify="left")
    for name in ("metric", "value", "generated", "real", "seed"):
        table.add_column(name, justify="left" if name == "metric" else "right")
    table.add_column("features (weights)", overflow="fold")
    table.add_column("settings", overflow="fold")
    for score in found["metrics"].values():
        features = f"{score['extractor']} ({score['extractor_digest']})" if score["extractor"] else "pixels"
        settings = ", ".join(f"{name}={value}" for name, value in score["settings"].items())
        conditions = [
            str(score["samples"]),
            str(score["real"] or "-"),
            str(score["seed"]),
            features,
            settings,
        ]
        for name, value in score["values"].items():
            table.add_row(name, f"{value:.6g}", *conditions)
    return table


if __name__ == "__main__":
    main()
