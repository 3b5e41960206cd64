"""The tables of "Compressing GANs" (arXiv 1902.00159): W-DCGANs of depth factor d, taught or trained alone.

    nas-teacher train --space dcgan --data mnist-idx3.gz --grey --resolution 28 --width 16 -o w16.safetensors
    python -m benchmarks.compressing_gans --teacher w16.safetensors --data mnist-idx3.gz --extractor digits \\
        --results mnist.jsonl --csv mnist.csv
    python -m benchmarks.compressing_gans --teacher w64.safetensors --data mnist-idx3.gz --extractor digits \\
        --ratios 2,4,8,16,32,64,128,300 --lengths steps --plot knee.png --results knee.jsonl
    python -m benchmarks.compressing_gans --choose w8.safetensors,w16.safetensors --data mnist-idx3.gz
    python -m benchmarks.compressing_gans --quick --json       # a random teacher of the digits: no result

Ways: `distance` is the paper's ‖T(z) - G(z)‖² alone, `joint α` is α·critic + (1 - α)·‖T(z) - G(z)‖², with the
paper's α, which weighs the critic; `alone` is the same network trained normally. All have the same random
start, data order and real images, and a critic of the teacher's size with a random start.

Lengths: `steps` gives every way --steps generator steps, each of the same averaging; `plateau` trains until
FD is flat (no new best by 2 % in three measurements), at most --most-steps, and keeps the best weights.

Figures are medians over seeds: FD, Inception Score, variance of the Laplacian (VoL, images in [0, 255]), and
what tells learning from memorising: the mean ‖T(z) - G(z)‖² for the latents of the teacher cache and for
fresh ones, and the distance of samples to their nearest training images (root mean square of pixels). `vs
alone` is the claim of a fixed budget: the ratio of FDs over paired seeds with its 95 % interval
(`benchmarks.paired`). With four sizes or more, `knee` is the ratio of compression beyond which FD rises
faster: the point of (log ratio, log FD) that is farthest below the line between the ends.

--choose measures teachers and takes the one of the best FD and Inception Score.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.compression import (
    DISTANCE,
    KINDS,
    LENGTHS,
    METRICS,
    about_teacher,
    best_teacher,
    joint,
    knee,
    random_teacher,
    train,
    widths_of_ratios,
)
from benchmarks.options import numbers, positive
from benchmarks.paired import ratio, verdict
from benchmarks.plots import Curve, draw
from benchmarks.results import Figures, Results, add_runs, do_missing, write_csv
from benchmarks.setting import add_setting, setting

NO_BUDGET = 10**12
SHOWN = ("fid", "is", "vol", "cached", "fresh", "nearest", "steps")


def parser() -> argparse.ArgumentParser:
    """The options."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_setting(asked)
    asked.add_argument("--choose", help="teachers to choose from, separated by commas")
    asked.add_argument("--widths", type=positive, default="2,4,8", help="depth factors d of students")
    asked.add_argument("--ratios", type=positive, help="compression ratios, instead of --widths")
    asked.add_argument("--alphas", type=numbers, default="0.9", help="weights of the critic in joint losses")
    asked.add_argument("--lengths", default=",".join(LENGTHS), help="steps, plateau, or both")
    asked.add_argument("--steps", type=int, default=10_000, help="generator steps of every training")
    asked.add_argument("--every", type=int, default=2_000, help="generator steps between measurements")
    asked.add_argument("--most-steps", type=int, default=60_000, help="generator steps until a plateau")
    add_runs(asked, seeds=3, of="run")
    asked.add_argument("--plot", type=Path, help="draw FD and VoL against the ratio; a PNG")
    return asked


def main() -> None:
    """Do what is missing of every size, way, length and seed, and print the table."""
    asked = parser()
    options = asked.parse_args()
    if not (options.quick or options.teacher or options.choose):
        asked.error("--teacher: give a W-DCGAN (nas-teacher train --space dcgan), or --quick")
    lengths = options.lengths.split(",")
    if unknown := [name for name in lengths if name not in LENGTHS]:
        asked.error(f"--lengths {unknown[0]}: choose from {', '.join(LENGTHS)}")
    if wrong := [alpha for alpha in options.alphas if not 0 < alpha < 1]:
        asked.error(
            f"--alphas {wrong[0]:g}: the paper's α, the critic's weight beside 1 - α of the distance: give "
            "numbers between 0 and 1"
        )
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(options, lengths, Path(scratch))
    if options.csv:
        write_csv(options.csv, found.pop("runs"))
    found.pop("runs", None)
    if options.plot:
        draw_knee(options.plot, found["rows"])
    if options.json:
        print(json.dumps(found))
        return
    show(found)


def measure(options: argparse.Namespace, lengths: Sequence[str], scratch: Path) -> dict[str, Any]:
    """All figures: of the teacher, and a row for every size, length and way."""
    settings = setting(options) | {"budget_params": NO_BUDGET, "workdir": scratch / "work"}
    found: dict[str, Any] = {}
    widths, seeds = options.widths, range(options.first_seed, options.first_seed + options.seeds)
    if options.quick:
        widths, seeds = [1, 2], range(2)
        options.steps, options.every, options.most_steps = 6, 3, 6
        settings |= {"teacher": random_teacher(scratch / "teacher.safetensors"), "data": "digits"}
    if options.choose:
        teachers = {
            name: about_teacher(settings | {"teacher": Path(name)}) for name in options.choose.split(",")
        }
        found["teachers"], found["chosen"] = teachers, best_teacher(teachers)
        settings["teacher"] = Path(found["chosen"])
    found["teacher"] = teacher = about_teacher(settings)
    if options.ratios:
        widths = widths_of_ratios(settings, options.ratios)
    ways = [DISTANCE, *map(joint, options.alphas), KINDS[-1]]
    settings_of_runs = {name: value for name, value in settings.items() if name != "workdir"}
    if options.quick:
        settings_of_runs["teacher"] = "random"
    sizes = {"steps": options.steps, "plateau": options.most_steps}
    runs = {
        (width, length, way, seed): settings_of_runs
        | {"width": width, "length": length, "way": way, "seed": seed, "steps": sizes[length]}
        | ({"every": options.every} if length == "plateau" else {})
        for seed in seeds
        for width in widths
        for length in lengths
        for way in ways
    }
    results = Results(options.results)
    do_missing(train, runs, settings, results, options.processes)
    by_row: dict[tuple[int, str, str], list[Figures]] = {}
    for (width, length, way, _), run in runs.items():
        by_row.setdefault((width, length, way), []).append(results[run])
    found["rows"] = rows = [
        row_of(key, figures, by_row[(*key[:2], KINDS[-1])], teacher) for key, figures in by_row.items()
    ]
    found["runs"] = [
        dict(zip(("d", "length", "way", "seed"), name, strict=True)) | results[run]
        for name, run in runs.items()
    ]
    found["knees"] = {
        f"{way}, {length}": knee(
            [(r["ratio"], r["fid"]) for r in rows if (r["way"], r["length"]) == (way, length)]
        )
        for length in lengths
        for way in ways
    }
    return found | {"seeds": list(seeds), "steps": options.steps}


def row_of(
    key: tuple[int, str, str], figures: list[Figures], alone: list[Figures], teacher: Mapping[str, float]
) -> dict[str, Any]:
    """Medians over seeds, and the comparison with the same size and length trained alone."""
    width, length, way = key
    fids, others = _fids(figures), _fids(alone)
    compared = ratio(fids, others) if way != KINDS[-1] else None
    params = int(figures[0]["params"] or 0)
    return {
        "d": width,
        "length": length,
        "way": way,
        "params": params,
        "ratio": teacher["params"] / params,
        **{name: _median(figures, name) for name in SHOWN},
        "flat": sum(bool(each.get("flat")) for each in figures),
        "fids": fids,
        "vs_alone": compared and [compared.value, compared.low, compared.high],
        "verdict": verdict(fids, others) if compared else "",
    }


def _fids(figures: Sequence[Figures]) -> list[float]:
    return [float("inf") if (fid := each["fid"]) is None else fid for each in figures]


def _median(figures: Sequence[Figures], name: str) -> float | None:
    values = [value for each in figures if (value := each.get(name)) is not None]
    return statistics.median(values) if values else None


def draw_knee(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """FD, and VoL below it, against the ratio of compression; one line for every way."""
    for metric, title in (("fid", "FD"), ("vol", "VoL")):
        curves = [
            Curve(
                f"{way}, {length}",
                [(r["ratio"], r[metric]) for r in rows if (r["way"], r["length"]) == (way, length)],
            )
            for way, length in dict.fromkeys((r["way"], r["length"]) for r in rows)
        ]
        file = path if metric == "fid" else path.with_stem(f"{path.stem}-vol")
        draw(file, curves, f"{title} against compression", "parameters of teacher / student", title)


def show(found: Mapping[str, Any]) -> None:
    """Print the table."""
    teacher = found["teacher"]
    for name, each in found.get("teachers", {}).items():
        chosen = ", chosen" * (name == found["chosen"])
        print(f"{name}: {each['params']:,.0f} parameters, FD {each['fid']:.2f}, IS {each['is']:.2f}{chosen}")
    figures = ", ".join(f"{name} {teacher[name]:.2f}" for name in (*METRICS, "nearest"))
    print(
        f"{len(found['seeds'])} seeds; the teacher: {teacher['params']:,.0f} parameters, {figures}; real ",
        end="",
    )
    print(f"images: vol {teacher['vol_real']:.2f}\n")
    heads = "".join(f"{name:>10}" for name in SHOWN)
    print(f"{'d':>4}{'parameters':>12}{'ratio':>7}  {'length':9}{'way':12}{heads}  vs alone, 95 %")
    for row in found["rows"]:
        values = "".join(f"{'' if row[name] is None else format(row[name], '.2f'):>10}" for name in SHOWN)
        head = f"{row['d']:4}{row['params']:12,}{row['ratio']:6.0f}:1  {row['length']:9}{row['way']:12}"
        compared = "{:.2f} ({:.2f}-{:.2f}) ".format(*row["vs_alone"]) if row["vs_alone"] else ""
        print(f"{head}{values}  {compared}{row['verdict']}")
    for name, at in found["knees"].items():
        if at:
            print(f"knee, {name}: {at:.0f}:1")


if __name__ == "__main__":
    main()
