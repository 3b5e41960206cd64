"""When knowledge distillation helps: one training, continued from several of its states with and without it.

    python -m benchmarks.forks --results forks.jsonl --plot forks.png     # the digits, 8 seeds
    python -m benchmarks.forks --teacher benchmarks/teachers/faces32.safetensors --data lfw_faces_64.zip \\
        --mirror --budget 3M --batch-size 32 --extractor imagenet-lite0 --results faces.jsonl
    python -m benchmarks.forks --quick --json                             # shows that it runs, nothing else

The thesis on weight decay (Liu 2024) says that similarity helps a student early and misguides it late. Each
seed trains the uniform-width student for --images, adversarially from the start, with a constant KD weight
(--trunk kd) or without KD (--trunk alone). At 0, 25, 50, 75 and 100 % of it, two trainings go on for
--continue images from the same state, weights and optimizers included: with KD and without. Neither has path
lengths. With --cold, student and discriminator start from random weights.

`Δ` is log FD with KD - log FD without it, after the continuation: below 0 KD helps. It is a mean over seeds
with its 95 % interval, and `says` what a paired t test does: helps, harms, or not detectable, with the least
effect that these seeds detect (power 80 %). `cosine` is that of the gradients of the KD terms and of the
adversarial term by the student's weights, each a mean over --batches batches of the state at the fork:
below 0 they pull against each other. --plot draws Δ against FD at the fork, --csv has a line for every fork.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.options import numbers
from benchmarks.paired import detectable, ratio
from benchmarks.plots import Curve, draw
from benchmarks.results import Figures, Results, add_runs, do_missing, write_csv
from benchmarks.setting import add_setting, alone, setting, uniform_student

TRUNKS = ("kd", "alone")
WITH, WITHOUT = "with", "without"
AT_ONCE = 0.3  # the default adversarial weight where the term starts at once
FROM_THE_START = {"adversarial_start": 0.0, "adversarial_full": 0.0, "adversarial_weight": AT_ONCE}
ADVERSARIAL = "g_adversarial"
AT_FORK = "FD at the fork (the training goes from right to left)"


def fork(run: Mapping[str, Any], settings: Mapping[str, Any]) -> Figures:
    """Train one seed and continue it from every fork; the figures are named `<what> <fraction>`."""
    import torch

    from distill.errors import NonFiniteImagesError, TrainingDivergedError
    from nas.config import SearchConfig
    from nas.workbench import Workbench

    torch.set_num_threads(1)
    length = run["images"] + run["continued"]
    cold = {"inherit": False, "warm_discriminator": False} if run["cold"] else {}
    asked = {**settings, **FROM_THE_START, **cold, "seed": run["seed"], "study": "forks"}
    asked |= {"kd_schedule": "constant", "rungs": (length,), "budget_macs": run["budget_macs"]}
    bench = Workbench(SearchConfig.of(**asked))
    bench.load_teacher_cache()
    taught, untaught = bench.recipe, alone(bench, paths=False)
    samples, seed = bench.config.fid_samples, 1_000 + run["seed"]

    def trainer(recipe: Any, state: Any = None) -> Any:
        bench.recipe = recipe
        made = bench.trainer(bench.student(uniform_student(bench)))
        if state is not None:
            made.load_state_dict(copy.deepcopy(state))  # optimizers would share their moments
        return made

    def distance(of: Any) -> float | None:
        try:
            return float(bench.fidelity.fid(of.ema, samples, seed).value)
        except NonFiniteImagesError:
            return None

    figures: Figures = {}
    trunk = trainer(taught if run["trunk"] == "kd" else untaught)
    try:
        for at in run["at"]:
            trunk.train(round(at * run["images"]))
            state = trunk.state_dict()
            figures[f"fid {at:g}"] = distance(trunk)
            figures[f"cosine {at:g}"] = cosine(trainer(taught, state), run["batches"])
            for name, recipe in ((WITH, taught), (WITHOUT, untaught)):
                branch = trainer(recipe, state)
                try:
                    branch.train(branch.images + run["continued"])
                    figures[f"{name} {at:g}"] = distance(branch)
                except TrainingDivergedError:
                    figures[f"{name} {at:g}"] = None
    except TrainingDivergedError:
        return figures
    return figures


def cosine(trainer: Any, batches: int) -> float:
    """The cosine of the gradients of KD and adversarial terms, each a mean over `batches` batches."""
    import torch

    weights = list(trainer.student.parameters())
    trainer.discriminator.requires_grad_(False)
    sums = [torch.zeros(sum(w.numel() for w in weights), dtype=torch.float64) for _ in range(2)]
    for _ in range(batches):
        terms = trainer.student_terms(trainer.kd_weight)
        kd = [term for name, term in terms.items() if name != ADVERSARIAL]
        for total, loss in zip(sums, (terms[ADVERSARIAL], sum(kd)), strict=True):
            found = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
            flat = [
                (torch.zeros_like(w) if g is None else g).flatten()
                for g, w in zip(found, weights, strict=True)
            ]
            total += torch.cat(flat).double().cpu()
    return float(torch.nn.functional.cosine_similarity(sums[0], sums[1], dim=0))


def table(runs: Mapping[int, Figures], forks: Sequence[float]) -> list[dict[str, Any]]:
    """A row for every fork: means over the seeds that have got there."""
    rows = []
    for at in forks:
        done = [run for run in runs.values() if run.get(f"{WITH} {at:g}") and run.get(f"{WITHOUT} {at:g}")]
        taught, other = ([run[f"{name} {at:g}"] or math.inf for run in done] for name in (WITH, WITHOUT))
        compared, least = ratio(taught, other), detectable(taught, other)
        logs = [math.log(a / b) for a, b in zip(taught, other, strict=True)]
        fids = [fid for run in done if (fid := run[f"fid {at:g}"]) is not None]
        cosines = [value for run in done if (value := run[f"cosine {at:g}"]) is not None]
        says = "too few seeds"
        if compared is not None and least is not None:
            says = f"not detectable (below {least:.1%})"
            if compared.significant:
                says = "helps" if compared.high < 1 else "harms"
        rows.append(
            {
                "at": at,
                "seeds": len(done),
                "fid": math.exp(statistics.fmean(map(math.log, fids))) if fids else None,
                "with": _geometric(taught),
                "without": _geometric(other),
                "delta": statistics.fmean(logs) if logs else None,
                "interval": compared and [math.log(compared.low), math.log(compared.high)],
                "cosine": statistics.fmean(cosines) if cosines else None,
                "cosine_range": [min(cosines), max(cosines)] if cosines else None,
                "says": says,
            }
        )
    return rows


def _geometric(values: Sequence[float]) -> float | None:
    return math.exp(statistics.fmean(map(math.log, values))) if values else None


def lines(runs: Mapping[int, Figures], forks: Sequence[float]) -> list[dict[str, Any]]:
    """A line for every seed and fork."""
    names = ("fid", WITH, WITHOUT, "cosine")
    found = []
    for seed, run in runs.items():
        for at in forks:
            line = {"seed": seed, "at": at} | {name: run.get(f"{name} {at:g}") for name in names}
            taught, other = line[WITH], line[WITHOUT]
            found.append(line | {"delta": math.log(taught / other) if taught and other else None})
    return found


def draw_forks(
    path: Path, runs: Mapping[int, Figures], rows: Sequence[Mapping[str, Any]], trunk: str
) -> None:
    """Δ log FD, and in a second picture the cosine, against FD at the fork: seeds, and means of forks."""
    every = lines(runs, [row["at"] for row in rows])
    for name, title, none in (
        ("delta", "log FD with KD - without", "no difference"),
        ("cosine", "cosine of KD and adversarial gradients", "orthogonal"),
    ):
        means = [(row["fid"], row[name]) for row in rows if row["fid"] and row[name] is not None]
        seeds = [(line["fid"], line[name]) for line in every if line["fid"] and line[name] is not None]
        curves = [Curve("seeds", seeds, joined=False), Curve("mean of a fork", means)]
        if seeds:
            curves.append(Curve(none, [(min(x for x, _ in seeds), 0.0), (max(x for x, _ in seeds), 0.0)]))
        file = path if name == "delta" else path.with_stem(f"{path.stem}-cosine")
        draw(file, curves, f"Forks of a training, {trunk}", AT_FORK, title, log_y=False)


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the table."""
    print(f"{'at':>5}{'seeds':>7}{'FD':>10}{'with':>10}{'without':>10}  {'Δ, 95 %':24}{'cosine':>8}  says")
    for row in rows:
        if not row["seeds"]:
            print(f"{row['at']:5.0%}{0:7}  no seed got there")
            continue
        figures = f"{row['fid']:10.2f}{row['with']:10.2f}{row['without']:10.2f}"
        interval = "({:+.3f} to {:+.3f})".format(*row["interval"]) if row["interval"] else ""
        delta = f"{row['delta']:+.3f} {interval}"
        print(f"{row['at']:5.0%}{row['seeds']:7}{figures}  {delta:24}{row['cosine']:8.3f}  {row['says']}")


def parser() -> argparse.ArgumentParser:
    """The options."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_setting(asked)
    asked.add_argument("--budget", default="2M", help="MACs of the student")
    asked.add_argument("--trunk", choices=TRUNKS, default=TRUNKS[0], help="how the forked training is taught")
    asked.add_argument("--cold", action="store_true", help="start from random weights")
    asked.add_argument("--at", type=numbers, default="0,0.25,0.5,0.75,1", help="fractions of the training")
    asked.add_argument("--images", type=int, default=32_000, help="real images of the forked training")
    asked.add_argument("--continue", dest="continued", type=int, default=8_000, help="images after a fork")
    asked.add_argument("--batches", type=int, default=16, help="batches of the gradients that are compared")
    asked.add_argument(
        "--kd-weight-start", type=float, help="the constant KD weight; the recipe's by default"
    )
    asked.add_argument("--similarity", help="terms of KD with their weights, as of nas-search")
    add_runs(asked, seeds=8, of="seed and fork")
    asked.add_argument("--plot", type=Path, help="draw Δ and the cosine against FD at the fork; a PNG")
    return asked


def main() -> None:
    """Do the seeds that are missing, and print the table."""
    from nas.budget import parse_quantity

    asked = parser()
    options = asked.parse_args()
    if wrong := [at for at in options.at if not 0 <= at <= 1]:
        asked.error(f"--at {wrong[0]:g}: give fractions of the training, from 0 to 1")
    if options.quick:
        options.seeds, options.images, options.continued, options.batches = 2, 256, 128, 2
        options.at = options.at[:3]
    settings = setting(options)
    settings |= {"kd_weight_start": options.kd_weight_start, "similarity": options.similarity}
    results = Results(options.results)
    names = ("trunk", "cold", "at", "images", "continued", "batches")
    runs = {
        seed: settings
        | {name: getattr(options, name) for name in names}
        | {"seed": seed, "budget_macs": parse_quantity(options.budget), "script": "forks"}
        for seed in range(options.first_seed, options.first_seed + options.seeds)
    }
    do_missing(fork, runs, settings, results, options.processes)
    found = {seed: results[run] for seed, run in runs.items()}
    rows = table(found, options.at)
    if options.csv:
        write_csv(options.csv, lines(found, options.at))
    if options.plot:
        draw_forks(options.plot, found, rows, f"trunk: {options.trunk}")
    if options.json:
        print(json.dumps({"trunk": options.trunk, "seeds": list(runs), "rows": rows}))
        return
    print(f"{options.images:,} images, {options.continued:,} after each fork; trunk: {options.trunk}\n")
    show(rows)


if __name__ == "__main__":
    main()
