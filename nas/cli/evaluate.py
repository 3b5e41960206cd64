"""nas-evaluate: measure a generator against real images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from nas.cli.command import Command, console, echo, results
from nas.cli.options import options
from nas.options import (
    MOST_IN_A_BATCH,
    MOST_SIDE,
    TRANSLATION_DATA,
    DeviceOption,
    FidOptions,
    ImageCount,
    ImageOptions,
    JsonOption,
    Location,
    Names,
    Place,
    QuietOption,
    SampleSeedOption,
    TranslationOptions,
    option,
    variant,
)

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLES = """
# repeats the study's result: same samples, seed and features as noted in the file
nas-evaluate student.safetensors

nas-evaluate student.safetensors --metrics fid,kid,is,prc,vol --fid-samples 50k
nas-evaluate student.safetensors --data images/ --extractor inception --extractor-weights inception.pth --json
nas-evaluate student.safetensors --data cifar.zip --extractor cifar-resnet --extractor-weights resnet20.th
nas-evaluate student.safetensors --data images/ --extractor features.pt --cache nas-runs/cache
nas-evaluate student.safetensors --latency cpu,onnxruntime
nas-evaluate student.safetensors --metrics fid,content,accuracy     # of a StarGAN, for every attribute
nas-evaluate student.safetensors --teacher ffhq256.pkl --cache samples/     # against samples of the teacher
"""


INTERRUPTED = "nothing was measured, and nothing written but what --cache keeps; run the same command again"


class EvaluateOptions(JsonOption, QuietOption, DeviceOption, SampleSeedOption, FidOptions):
    """What is measured, and on what."""

    checkpoint: Location = option(
        group="evaluation", argument=True, help="Student or teacher, of any known format."
    )
    metrics: str = option(
        "",
        group="evaluation",
        help="Metrics: any of fid,kid,is,prc,vol. Of translators also content (distance to the input); of "
        "pairs target and perceptual (distances to the target); of attributes accuracy.",
        shown="fid, and for translators all that go with the task",
    )
    latency: Names = option(
        (),
        group="evaluation",
        help="Time one image, too, on any of {choices}, beside the teacher that the file notes or --teacher; "
        "batch 1, one thread, after a warm-up.",
        choices="nas.budget:STOPWATCHES",
    )
    data: Place | None = variant(
        ImageOptions,
        "data",
        help='Images: a folder, zip or idx file, torchvision:CIFAR10, "digits", 1,797 handwritten ones, or '
        f'"teacher", held-out samples of the teacher. {TRANSLATION_DATA}',
        shown="as noted in the file",
    )
    task: str = variant(
        TranslationOptions, "task", default="", shown="as noted in the file, else by the family"
    )
    direction: Literal["A2B", "B2A"] | None = variant(
        TranslationOptions, "direction", shown="as noted in the file, else A2B"
    )
    attributes: Names = variant(
        TranslationOptions, "attributes", default=(), shown="as noted in the file, else all that the data has"
    )
    resolution: int | None = option(
        None,
        group="teacher and data",
        gt=0,
        le=MOST_SIDE,
        help="Side of the images in px, for translators, which work at any and whose files do not say it.",
        shown="the network's",
    )
    teacher: Location | None = option(
        None,
        group="evaluation",
        help="Teacher whose held-out samples take the place of real images. With --latency it is timed, and "
        "may stand beside --data.",
        shown="as noted in the file",
    )
    fid_samples: ImageCount | None = variant(
        FidOptions,
        "fid_samples",
        help="Generated images that every metric is measured on.",
        shown="as noted in the file, else by the data: 2k on the digits, else 10k",
    )
    extractor: Place | None = variant(
        FidOptions, "extractor", shown="as noted in the file, else by the data as in a search"
    )
    seed: int | None = variant(SampleSeedOption, "seed", shown="as noted in the file, else 0")
    batch_size: int | None = option(
        None,
        group="execution",
        ge=1,
        le=MOST_IN_A_BATCH,
        help="Images at a time.",
        shown="50, fewer above 256 px",
    )
    cache: Location | None = option(
        None,
        group="output",
        help="Folder to keep the real images in, decoded, and their features. That of a search, cache in its "
        "--workdir, has them already.",
    )


@click.command(cls=Command, examples=EXAMPLES, interrupted=INTERRUPTED)
@options(EvaluateOptions)
def main(asked: EvaluateOptions) -> None:
    """Measure CHECKPOINT against real images: FID, or FD in the extractor's features, and other metrics.

    Beside them it shows MACs and parameters.
    """
    import json

    from nas.budget import format_quantity
    from nas.checkpoints import evaluate
    from nas.progress import progress_bars

    names = [name.strip() for name in asked.metrics.split(",")] if asked.metrics else None
    how = asked.model_dump(exclude={"checkpoint", "metrics", "as_json", "quiet"})
    with progress_bars(console(quiet=asked.quiet)) as on_progress:
        found = evaluate(asked.checkpoint, metrics=names, on_progress=on_progress, **how)
    if asked.as_json:
        echo(json.dumps(found))
        return
    results().print(_table(found))
    if any(score["sets"] for score in found["metrics"].values()):
        results().print(_table_of_sets(found))
    for note in found["notes"]:
        echo(note)
    echo(
        f"{format_quantity(found['macs'])} MACs ({found['counter']}), "
        f"{format_quantity(found['params'])} parameters; measured on {found['device']}, "
        f"{found['batch_size']} images at a time"
    )
    for where, timing in found["latency"].items():
        median, low, high = (1e3 * timing[name] for name in ("median", "low", "high"))
        spread = f"quartiles {low:.3g} and {high:.3g}, {timing['runs']} runs"
        echo(f"One image: {median:.3g} ms on {where} ({spread}); batch 1, {timing['machine']}")
        if timing["teacher"] is not None:
            theirs = 1e3 * timing["teacher"]["median"]
            echo(f"  its teacher: {theirs:.3g} ms, {timing['ratio']:.2f} times the student's")


def _table(found: dict[str, Any]) -> Table:
    """One line for each value, with all that it depends on."""
    from rich.table import Table

    from nas.study import REAL_IMAGES

    against = found["data"] if found["compared_with"] == REAL_IMAGES else found["compared_with"]
    table = Table(title=f"{found['checkpoint']} against {against}", title_justify="left")
    for name in ("metric", "value", "generated", "real", "seed"):
        table.add_column(name, justify="left" if name == "metric" else "right")
    table.add_column("features (weights)", overflow="fold")
    table.add_column("settings", overflow="fold")
    scores = [("", score) for score in found["metrics"].values()]
    scores += [("held-out ", score) for score in found["held_out"].values()]
    for part, score in scores:
        digest = f" ({score['extractor_digest']})" if score["extractor_digest"] else ""
        features = f"{score['extractor']}{digest}" if score["extractor"] else "pixels"
        settings = ", ".join(f"{name}={value}" for name, value in score["settings"].items())
        conditions = [
            f"{score['samples']:,}",
            f"{score['real']:,}" if score["real"] else "-",
            str(score["seed"]),
            features,
            settings,
        ]
        for name, value in score["values"].items():
            shown = found["distance"] if name == "fid" else name
            table.add_row(part + shown, f"{value:.6g}", *conditions)
    return table


def _table_of_sets(found: dict[str, Any]) -> Table:
    """A line for each of several distributions, such as attributes, with the first value of every metric."""
    from rich.table import Table

    table = Table(title="Of each of them", title_justify="left")
    table.add_column("")
    rows: dict[str, list[str]] = {}
    for part, scores in (("", found["metrics"]), ("held-out\n", found["held_out"])):
        for score in scores.values():
            name = next(iter(score["values"]))
            shown = found["distance"] if name == "fid" else name
            table.add_column(part + shown, justify="right")
            for one, values in score["sets"].items():
                rows.setdefault(one, []).append(f"{values[name]:.6g}")
    for one, cells in rows.items():
        table.add_row(one, *cells)
    return table


if __name__ == "__main__":
    main()
