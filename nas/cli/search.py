"""nas-search: find small student generators within a budget."""

from __future__ import annotations

import click

from distill.recipes import RECIPES
from distill.schedules import SHAPES
from nas.cli.command import (
    Command,
    Duration,
    FiniteFloat,
    Gpus,
    Quantities,
    Quantity,
    Whole,
    console,
    results,
)

EXAMPLES = """
# handwritten digits, everything built in
nas-search --budget-macs 5G
nas-search --budget-macs 2M --trials 24

# your own teacher and images
nas-search --budget-macs 5G --teacher teacher.safetensors --data images/ --trials 60

# no image may take longer than 30 ms on this machine's GPU
nas-search --budget-macs 5G --budget-latency 30ms --latency-on cuda

# what would be tried, in seconds
nas-search --budget-macs 800M --budget-params 3M --dry-run

# first what another search has found
nas-report --study digits-2Mmacs --json | jq '[.front[].architecture]' > found.json
nas-search --budget-macs 5G --enqueue found.json

# stopped or killed: the same command goes on
nas-search --budget-macs 2M --trials 24
"""


def _from_toml(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        from pathlib import Path

        from nas.config import read_toml

        ctx.default_map = read_toml(Path(value))


@click.command(cls=Command, examples=EXAMPLES)
@click.option(
    "--config",
    callback=_from_toml,
    is_eager=True,
    expose_value=False,
    help="TOML file with any of these settings; flags win.",
)
@click.option(
    "--budget-macs", type=Quantity(), help="Most MACs for one image (fvcore, batch 1): 5G, 800M, 2e6."
)
@click.option("--budget-params", type=Quantity(), help="Most parameters: 8M.")
@click.option(
    "--budget-latency",
    type=Duration(),
    help="Longest that one image may take, as measured on this machine: 30ms, 250us.",
)
@click.option(
    "--latency-on",
    help="Where that is measured: cpu, cuda or onnxruntime; on a CPU, one thread counts  [default: cpu]",
)
@click.option(
    "--teacher", type=click.Path(), help="Checkpoint of the teacher  [default: the built-in digits teacher]"
)
@click.option(
    "--data",
    help="Images: a folder, zip or idx file, torchvision:CIFAR10  [default: digits, 1,797 handwritten ones]",
)
@click.option("--space", help="Family that the teacher is to be of, as a check  [default: any]")
@click.option("--resolution", type=Whole(), help="Px that its images are to have, as a check  [default: any]")
@click.option("--mirror/--no-mirror", default=None, help="Show images flipped left to right, too.")
@click.option("--trials", type=Whole(), help="Architectures to train, baselines included  [default: 12]")
@click.option(
    "--rungs",
    type=Quantities(),
    help="Images seen when a candidate is judged, in whole batches  "
    "[default: 4k,8k,16k on the digits, 50k,100k,200k]",
)
@click.option(
    "--reduction-factor", type=FiniteFloat(), help="One in this many goes on to the next rung  [default: 2]"
)
@click.option(
    "--significance",
    type=FiniteFloat(),
    help="Width of a tie at a rung, in standard errors of the forecast that FIDs there are of the last; 0 "
    "knows no ties  [default: 1.5]",
)
@click.option(
    "--replicates",
    type=Whole(),
    help="Further seeds in all, where they may change the answer  [default: a quarter of --trials]",
)
@click.option("--seeds", type=Whole(), help="Of one architecture, at most  [default: 3]")
@click.option("--sampler", help="gp, tpe, nsga2 or random  [default: gp]")
@click.option(
    "--enqueue",
    type=click.Path(),
    multiple=True,
    help="JSON file of an architecture, or of a list of them, to try first; may be repeated.",
)
@click.option(
    "--share-weights/--no-share-weights",
    default=None,
    help="Train one slimmable student and read candidates out; nas-distill the best then  [default: no]",
)
@click.option("--warm-start", help="An earlier study of this workdir or storage: its front is tried first.")
@click.option(
    "--recipe",
    help=f"How students are taught: {', '.join(RECIPES)}  [default: {next(iter(RECIPES))}]",
)
@click.option(
    "--kd-schedule",
    help=f"How the weight of the teacher's terms, the KD weight, changes: {', '.join(SHAPES)}  "
    "[default: by the recipe, see --dry-run]",
)
@click.option(
    "--kd-weight-start", type=FiniteFloat(), help="KD weight at the start  [default: by the recipe]"
)
@click.option("--kd-weight-end", type=FiniteFloat(), help="KD weight at the end  [default: by the recipe]")
@click.option(
    "--kd-decay-start",
    type=FiniteFloat(),
    help="Fraction of the training after which it starts to change  [default: by the recipe]",
)
@click.option(
    "--kd-decay-end",
    type=FiniteFloat(),
    help="Fraction of the training from which on it is at its end  [default: by the recipe]",
)
@click.option(
    "--r1-gamma",
    type=FiniteFloat(),
    help="StyleGAN2: weight of R1  [default: 0.0002 · resolution² / batch size, at least 0.3]",
)
@click.option("--batch-size", type=Whole(), help="Images a step  [default: 64]")
@click.option(
    "--inherit/--no-inherit",
    default=None,
    help="Start students from the teacher's weights  [default: inherit]",
)
@click.option(
    "--warm-discriminator/--fresh-discriminator",
    default=None,
    help="Start from the teacher's discriminator  [default: warm]",
)
@click.option(
    "--teacher-cache-size",
    type=Quantity(),
    help="Teacher images made once for all candidates  [default: 10k]",
)
@click.option(
    "--lpips-weights",
    type=click.Path(),
    help="TorchScript f(x, y) -> (N,): a perceptual distance beside the L1 of images  [default: none]",
)
@click.option(
    "--precision", help="fp32, bf16, fp16 or auto  [default: auto, bf16 on a GPU and fp32 on a CPU]"
)
@click.option("--micro-batch", type=Whole(), help="Images in memory at a time  [default: the batch]")
@click.option(
    "--compile/--no-compile", default=None, help="Compile networks: faster after a slow start  [default: no]"
)
@click.option(
    "--checkpoint-activations/--no-checkpoint-activations",
    default=None,
    help="Make the student's activations twice instead of keeping them: less memory  [default: no]",
)
@click.option(
    "--extractor",
    help="Features of the FID: inception, clip, dinov2, cifar-resnet, digits, or a TorchScript file"
    "  [default: by the data]",
)
@click.option(
    "--extractor-weights", type=click.Path(), help="Weights file of the extractor  [default: download]"
)
@click.option(
    "--fid-samples", type=Quantity(), help="Images an FID is taken over  [default: 2k on the digits, 10k]"
)
@click.option(
    "--rung-samples",
    type=Quantity(),
    help="The same before the last rung, where fewer will do; notes KIDs, too  [default: --fid-samples]",
)
@click.option("--seed", type=Whole(), help="Of everything random  [default: 0]")
@click.option(
    "--workers", type=Whole(), help="Candidates trained at a time  [default: one per GPU, or per core]"
)
@click.option(
    "--gpus-per-trial",
    type=Gpus(),
    help="Share of a GPU for a candidate; auto measures how many go on one  [default: 1 where there is one]",
)
@click.option("--ray-address", help="Running Ray cluster, such as ray-head:6379  [default: this machine]")
@click.option("--study", help="Name of the study  [default: teacher, data and budget]")
@click.option("--storage", help="SQLAlchemy URL of the study  [default: SQLite in the study's folder]")
@click.option(
    "--workdir", type=click.Path(), help="Folder of everything that is written  [default: nas-runs]"
)
@click.option("--dry-run", is_flag=True, help="Show settings, budget and a few proposals; train nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def main(dry_run: bool, as_json: bool, **flags: object) -> None:
    """Search student generators that fit a budget, distill each from the teacher, keep the Pareto front.

    Architectures are proposed so that they fit, distilled with a knowledge-distillation weight that falls,
    ranked by FID, and recorded in a SQL study. Run the same command again to resume.
    """
    from functools import partial

    from nas.config import SearchConfig
    from nas.driver import prepare, run_search
    from nas.errors import SearchError
    from nas.execution import preview_search, read_warm_start, warm_start_architectures
    from nas.progress import progress_bars
    from nas.reporting import render
    from nas.trials import Proposer

    out = results()
    with progress_bars(console()) as on_progress:
        asked = SearchConfig.of(**flags)
        bench = prepare(asked, dry_run=dry_run, on_progress=on_progress, decode=False)
        given = read_warm_start(bench)
        bench.load_data()
    if dry_run:
        shown = preview_search(bench, warm_start_architectures(given, bench))
        out.print_json(shown.model_dump_json()) if as_json else out.print(shown.render())
        return
    report = run_search(bench, console(), trials=partial(Proposer, warm_start=given, latency=bench.latency))
    out.print_json(report.model_dump_json()) if as_json else out.print(render(report))
    if report.best is None:
        raise SearchError(f"no trial of study {report.study} is complete: see the reasons with nas-dashboard")


if __name__ == "__main__":
    main()
