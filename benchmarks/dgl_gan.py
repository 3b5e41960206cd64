"""DGL-GAN (arXiv 2112.06502): what a teacher's discriminator adds to a narrow GAN that trains no further.

    python -m benchmarks.dgl_gan --results digits.jsonl --snapshots stage-1/      # the digits, 8 seeds
    python -m benchmarks.dgl_gan --teacher benchmarks/teachers/cifar32.safetensors --data cifar10_train.zip \\
        --batch-size 50 --extractor cifar-resnet --extractor-weights resnet20.th --widths 1/2 \\
        --results cifar.jsonl --snapshots stage-1/
    python -m benchmarks.dgl_gan --quick --json                     # shows that it runs, nothing else

Stage I trains a narrow GAN alone from random weights, its discriminator as large as the teacher's, until FD
is flat: no new best by 2 % in three measurements, --every images apart, and --most images at the most. Its
best weights are kept in --snapshots. Stage II starts from them, with fresh optimizers, for --images images:
`alone` without the teacher, `α 0.1` and `α 0.5` with α·ℓ(D_T(G(z))), `adaptive` with the coefficient of every
image, max(0, -D_T(G(z))). Width 1 is the generator of the teacher, uncompressed, which trains on past the
teacher's end from the weights of both its networks. All rows have the same path-length regularisation, and
runs of a seed the same data order and latents.

Figures are medians over seeds: FD at the start and the end of stage II, Inception Score where the extractor
has classes. `vs alone` is the ratio of FDs over paired seeds with its 95 % interval, and what it says: lower,
higher, or not detectable, with the least effect that these seeds detect (power 80 %). `seeds for 5 %` are
those that would detect the 3 to 7 % of the public snapshots over a converged narrow GAN.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from benchmarks.options import numbers
from benchmarks.paired import detectable, ratio, seeds_needed, verdict
from benchmarks.results import Figures, Results, add_runs, do_missing, write_csv
from benchmarks.setting import add_setting, alone, setting

ALONE = "alone"
PUBLISHED = 0.05  # of FD: the middle of 3 to 7 %
NO_BUDGET = 10**15
LEAST_CHANNELS = 4
MULTIPLE = 8  # of a BigGAN's channels
FOLDER = "snapshots"  # a setting of the runs, but not of a search
SHOWN = ("before", "fid", "is")


def width_of(text: str) -> Fraction:
    """The fraction in "1/2".

    Raises:
        argparse.ArgumentTypeError: it is none above 0 and up to 1.
    """
    try:
        found = Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        found = Fraction(0)
    if not 0 < found <= 1:
        raise argparse.ArgumentTypeError(f"{text}: give fractions above 0 and up to 1, such as 1/2,1/4,1")
    return found


def rows_of(alphas: Sequence[float], *, signs: bool) -> dict[str, dict[str, Any]]:
    """Settings of a search, by the row's name; adaptive ones where logits have `signs`."""
    recipes = {"α": "dgl-gan", "adaptive": "dgl-gan-adaptive"} if signs else {"α": "dgl-gan"}
    constant = {"kd_schedule": "constant"}
    return {ALONE: {}} | {
        f"{name} {alpha:g}": {"recipe": recipe, "kd_weight_start": alpha, **constant}
        for name, recipe in recipes.items()
        for alpha in alphas
    }


def narrow(architecture: Any, width: Fraction) -> Any:
    """`architecture` with the channels of its convolutions times `width`; all else stays, as published.

    For StyleGAN2 mapping network and style width stay, for BigGAN latent, embedding and chunks; there
    channels are multiples of 8, as far as the teacher's are.
    """
    if hasattr(architecture, "blocks"):
        blocks = (
            replace(b, channels=max(LEAST_CHANNELS, round(b.channels * width))) for b in architecture.blocks
        )
        return replace(architecture, blocks=tuple(blocks))
    if hasattr(architecture, "channels"):
        unit = math.gcd(MULTIPLE, *architecture.channels)
        scaled = (max(unit, unit * round(c * width / unit)) for c in architecture.channels)
        return replace(architecture, channels=tuple(scaled))
    raise SystemExit(
        f"--teacher: DGL-GAN narrows StyleGAN2 and BigGAN generators, and this is {architecture}"
    )


def _bench(run: Mapping[str, Any], settings: Mapping[str, Any]) -> Any:
    from nas.config import SearchConfig
    from nas.workbench import Workbench

    uncompressed = Fraction(run["width"]) == 1
    asked = {name: value for name, value in settings.items() if name != FOLDER}
    asked |= {"rungs": (run["images"],), "seed": run["seed"], "study": "dgl", "budget_macs": NO_BUDGET}
    asked |= {"inherit": uncompressed, "warm_discriminator": uncompressed}
    return Workbench(SearchConfig.of(**asked))


def _trainer(bench: Any, run: Mapping[str, Any]) -> Any:
    whole = bench.teacher.generator.architecture
    return bench.trainer(bench.student(narrow(whole, Fraction(run["width"]))))


def _metrics(bench: Any) -> tuple[str, ...]:
    return ("fid", "is") if bench.fidelity.extractor.has_logits else ("fid",)


def stage_one(run: Mapping[str, Any], settings: Mapping[str, Any]) -> Figures:
    """Train a narrow GAN alone until FD is flat, and save its best weights; width 1 is the teacher's."""
    import torch

    from distill.errors import NonFiniteImagesError, TrainingDivergedError
    from distill.stages import Measured, Plateau, Snapshot, train_until_flat

    torch.set_num_threads(1)
    bench = _bench(run, {**settings, "recipe": "dgl-gan"})
    bench.recipe = alone(bench)
    trainer, samples, seed = _trainer(bench, run), bench.config.fid_samples, 1_000 + run["seed"]

    def distance(ema: Any) -> float:
        try:
            return float(bench.fidelity.fid(ema, samples, seed).value)
        except NonFiniteImagesError:
            return math.inf

    measured, flat = list[Measured](), True
    if Fraction(run["width"]) == 1:
        trainer.train(0)
        best = Snapshot.of(trainer, distance(trainer.ema))
    else:
        try:
            plateau = Plateau(run["every"], run["images"])
            best, measured, flat = train_until_flat(trainer, distance, plateau)
        except TrainingDivergedError:
            return {"fid": None}
    best.save(_snapshot(settings, run))
    curve = {f"fid after {each.images}": each.distance for each in measured}
    return {"fid": best.distance, "images": float(best.images), "flat": float(flat), **curve}


def stage_two(run: Mapping[str, Any], settings: Mapping[str, Any]) -> Figures:
    """Go on from the weights of stage I with fresh optimizers."""
    import torch

    from distill.errors import NonFiniteImagesError, TrainingDivergedError
    from distill.stages import Snapshot

    torch.set_num_threads(1)
    changes = rows_of(run["alphas"], signs=True)[run["row"]]
    bench = _bench(run, {**settings, "recipe": "dgl-gan", **changes})
    if run["row"] == ALONE:
        bench.recipe = alone(bench)
    bench.load_teacher_cache()
    trainer = _trainer(bench, run)
    snapshot = Snapshot.load(_snapshot(settings, run))
    snapshot.begin(trainer)
    figures: Figures = {"before": snapshot.distance, "fid": None, "is": None}
    try:
        trainer.train(run["images"])
        scores = bench.fidelity.measure(
            trainer.ema, _metrics(bench), bench.config.fid_samples, 1_000 + run["seed"]
        )
    except (TrainingDivergedError, NonFiniteImagesError):
        return figures
    return figures | {name: score.values[name] for name, score in scores.items()}


def _snapshot(settings: Mapping[str, Any], run: Mapping[str, Any]) -> Path:
    width = str(run["width"]).replace("/", "-")
    return Path(settings[FOLDER], f"width-{width}-seed-{run['seed']}.pt")


def refuse(teacher: Path | None, asked: argparse.ArgumentParser) -> None:
    """End with one line if the teacher has no discriminator, or no architecture that can be narrowed."""
    from distill.teachers import load_teacher

    found = load_teacher(teacher)
    if found.discriminator is None:
        asked.error(
            f"--teacher {teacher}: DGL-GAN needs the teacher's discriminator, and there is none: give a "
            "teacher that holds both (nas-teacher import --discriminator joins two files)"
        )
    if not hasattr(found.generator.architecture, "blocks") and found.family.name != "biggan":
        asked.error(
            f"--teacher {teacher}: DGL-GAN narrows StyleGAN2 and BigGAN generators, and this is a "
            f"{found.family.name}: give another one"
        )


def parser() -> argparse.ArgumentParser:
    """The options."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_setting(asked)
    asked.add_argument("--widths", default="1/2,1/4,1", help="fractions of the teacher's channels")
    asked.add_argument(
        "--alphas", type=numbers, default="0.1,0.5", help="weights of the teacher's discriminator"
    )
    asked.add_argument("--adversarial", help="adversarial loss; the family's by default")
    asked.add_argument("--every", type=int, default=20_000, help="images between measurements of stage I")
    asked.add_argument("--most", type=int, default=600_000, help="images of stage I, at the most")
    asked.add_argument("--images", type=int, default=100_000, help="images of stage II")
    add_runs(asked, seeds=8, of="run of stage II")
    asked.add_argument("--snapshots", type=Path, help="folder of stage I's best weights, kept")
    return asked


def main() -> None:
    """Do what is missing of both stages, and print the table."""
    from search_spaces import UserError

    asked = parser()
    options = asked.parse_args()
    try:
        widths = [width_of(part) for part in options.widths.split(",")]
        if options.quick:
            if options.widths == asked.get_default("widths"):
                widths = [Fraction(1, 2), Fraction(1)]
            options.alphas = options.alphas[:1]
            options.seeds, options.every, options.most, options.images = 2, 64, 128, 128
        if wrong := [alpha for alpha in options.alphas if not alpha > 0]:
            asked.error(
                f"--alphas {wrong[0]:g}: the weight of the teacher's discriminator: give numbers above 0"
            )
        refuse(options.teacher, asked)
        with tempfile.TemporaryDirectory() as scratch:
            found = measure(options, widths, Path(scratch))
    except (UserError, argparse.ArgumentTypeError) as error:
        asked.error(str(error))
    runs = found.pop("runs")
    if options.csv:
        write_csv(options.csv, runs)
    if options.json:
        print(json.dumps(found))
        return
    show(found)


def measure(options: argparse.Namespace, widths: Sequence[Fraction], scratch: Path) -> dict[str, Any]:
    """The figures of both stages."""
    from distill.adversarial import get_adversarial
    from distill.teachers import load_teacher

    family = load_teacher(options.teacher).family
    loss = get_adversarial(options.adversarial or family.training.adversarial)
    published = get_adversarial(family.training.adversarial)
    rows = rows_of(options.alphas, signs=loss.sign_classifies and published.sign_classifies)
    compared = setting(options) | {"adversarial": options.adversarial}
    folder = options.snapshots or scratch
    folder.mkdir(parents=True, exist_ok=True)
    settings, results = compared | {FOLDER: folder}, Results(options.results)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    first = {
        ("stage I", str(width), seed): compared
        | {"stage": 1, "width": str(width), "seed": seed, "every": options.every, "images": options.most}
        for seed in seeds
        for width in widths
    }
    for run in first.values():  # finished, but its weights are gone: done again
        if run in results and not _snapshot(settings, run).exists():
            results.forget(run)
    do_missing(stage_one, first, settings, results, options.processes)
    second = {
        ("stage II", str(width), row, seed): compared
        | {"stage": 2, "width": str(width), "row": row, "seed": seed, "images": options.images}
        | {"alphas": list(options.alphas), "stage_one": first["stage I", str(width), seed]}
        for seed in seeds
        for width in widths
        for row in rows
        if results[first["stage I", str(width), seed]]["fid"] is not None
    }
    do_missing(stage_two, second, settings, results, options.processes)
    by_row: dict[tuple[str, str], dict[int, Figures]] = {}
    for (_, width, row, seed), run in second.items():
        by_row.setdefault((width, row), {})[seed] = results[run]
    return {
        "loss": loss.name,
        "seeds": list(seeds),
        "stage_one": [
            {"width": width, "seed": seed, **results[run]} for (_, width, seed), run in first.items()
        ],
        "rows": [row_of(*key, found, by_row[key[0], ALONE]) for key, found in by_row.items()],
        "runs": [
            {"width": width, "row": row, "seed": seed, **results[run]}
            for (_, width, row, seed), run in second.items()
        ],
    }


def row_of(
    width: str, row: str, found: Mapping[int, Figures], others: Mapping[int, Figures]
) -> dict[str, Any]:
    """Medians over seeds, and the comparison with going on alone."""
    fids = [_or_infinite(each["fid"]) for each in found.values()]
    reference = [_or_infinite(each["fid"]) for each in others.values()]
    compared = ratio(fids, reference) if row != ALONE else None
    values = {
        name: statistics.median(known)
        if (known := [x for e in found.values() if (x := e.get(name)) is not None])
        else None
        for name in SHOWN
    }
    return {
        "width": width,
        "row": row,
        **values,
        "fids": fids,
        "vs_alone": compared and [compared.value, compared.low, compared.high],
        "detectable": detectable(fids, reference) if compared else None,
        "seeds_for_published": seeds_needed(fids, reference, PUBLISHED) if compared else None,
        "verdict": verdict(fids, reference) if compared else "",
    }


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value


def show(found: Mapping[str, Any]) -> None:
    """Print the tables."""
    print(f"{found['loss']} loss, {len(found['seeds'])} paired seeds\n")
    for width in dict.fromkeys(each["width"] for each in found["stage_one"]):
        runs = [each for each in found["stage_one"] if each["width"] == width and each["fid"] is not None]
        if width != "1" and runs:
            images = statistics.median(each["images"] for each in runs)
            flat = sum(bool(each["flat"]) for each in runs)
            about = f"best FD after {images:,.0f} images; flat: {flat} of {len(runs)} seeds"
            print(f"stage I, width {width}: {about}")
    print(
        f"\n{'width':6}{'row':14}{'before':>9}{'FD':>9}{'IS':>7}  {'vs alone, 95 %':20}{'detectable':>11}  ",
        end="",
    )
    print(f"{'seeds for 5 %':15}says")
    for row in found["rows"]:
        values = "".join(
            f"{'' if row[name] is None else format(row[name], '.2f'):>{size}}"
            for name, size in zip(SHOWN, (9, 9, 7), strict=True)
        )
        compared = "{:.3f} ({:.3f}-{:.3f})".format(*row["vs_alone"]) if row["vs_alone"] else ""
        least = "" if row["detectable"] is None else f"{row['detectable']:.1%}"
        needed = "" if row["seeds_for_published"] is None else str(row["seeds_for_published"])
        print(
            f"{row['width']:6}{row['row']:14}{values}  {compared:20}{least:>11}  {needed:15}{row['verdict']}"
        )


if __name__ == "__main__":
    main()
