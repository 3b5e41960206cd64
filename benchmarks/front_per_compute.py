"""How good a front each strategy finds for the images it trains on, replayed on the tabular benchmark.

    python -m benchmarks.front_per_compute
    python -m benchmarks.front_per_compute --replays 500 --json
    python -m benchmarks.front_per_compute --only ours --only "Optuna GP"
    python -m benchmarks.front_per_compute --quick

The table holds every architecture of a small space, distilled from several seeds by the service itself
(benchmarks/tabular/distill_all.py). A replay draws the seeds of trainings; the other seeds give the
ground truth, so that no strategy gains from lucky results. Hypervolume is computed in (log FID, log MACs) for
the reported front at its true FIDs, as a fraction of the true front's. The reference point lies a tenth of
the range beyond the worst FID and the most expensive architecture. Replays with the same seeds have the same
ground truth: figures are means over such splits, with 95 % intervals over splits, for this one table.

Replays have one worker. Seconds are those of trainings and FIDs in the table. The time of proposals is left
out, and so are retries of failed runs, for which the table has no other outcome.

Ours asks for as many trials as the images would pay for without halving, as `--trials 40` does, and ends with
them; the others continue until the images are used up. Two defaults of the service, `--sampler gp` and
`--significance`, were chosen on this very table, with other replays of it. ASHA is its stopping
variant: a candidate is judged once. The shared weights were trained once: their interval is that of the
students distilled afterwards.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.tabular.figures import (
    BASIS,
    Replayed,
    figures,
    finite,
    lines,
    ranking_lines,
    rankings,
    volume_fraction,
)
from benchmarks.tabular.grid import Grid
from benchmarks.tabular.replay import World
from benchmarks.tabular.strategies import BUDGET, STRATEGIES
from benchmarks.tabular.synthetic import write_synthetic
from benchmarks.tabular.table import TABLE, Table, read_table, shared_beside
from nas.budget import Budget
from search_spaces import Utilisation

TRIALS = 40  # of random search, all trained to the end: the images of every strategy
LEAST_SEEDS = 2  # one that strategies see, one that is the truth
TOP = 0.05  # of the architectures: a good choice is among them
QUICK = {"replays": 2, "trials": 12}


@cache
def searched() -> tuple[Grid, Utilisation]:
    """The table's space and its utilisation."""
    from distill.teachers import load_teacher

    teacher = load_teacher()
    space = teacher.family.space(teacher.generator.architecture)
    return Grid(space), Budget(BUDGET).utilisation(space)


@cache
def loaded(path: Path) -> tuple[Table, Any, Utilisation]:
    """The table, its space and its utilisation."""
    return read_table(path), *searched()


def one(name: str, seed: int, path: Path, trials: int = TRIALS) -> Replayed:
    """One replay of a strategy, for as many images as `trials` trainings to the end see."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    table, space, utilisation = loaded(path)
    world = World.drawn(table, space, utilisation, np.random.default_rng(seed), max(1, table.seeds // 2))
    answers = list(STRATEGIES[name].answers(world, seed, trials * table.images[-1]))
    best = answers[-1].best
    rank = sum(fid < world.truth[best] for fid in world.truth.values()) if best else math.inf
    return Replayed(
        [answer.images for answer in answers],
        [answer.seconds for answer in answers],
        [volume_fraction(world, answer.front) for answer in answers],
        best,
        rank + 1 <= TOP * len(world.truth),
        tuple(sorted(world.observed)),
    )


def replay_all(
    path: Path, names: Sequence[str], replays: int, trials: int, seed: int, processes: int
) -> dict[str, list[Replayed]]:
    """The replays of the strategies called `names`."""
    found: dict[str, list[Replayed]] = {name: [] for name in names}
    with ProcessPoolExecutor(
        processes, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        asked = [
            (name, pool.submit(one, name, seed + i, path, trials)) for name in found for i in range(replays)
        ]
        for done, (name, job) in enumerate(asked, start=1):
            found[name].append(job.result())
            print(f"\r{done} of {len(asked)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


def what_is_missing(path: Path) -> str | None:
    """Why the table can't be replayed yet, and the command that completes it."""
    quick = "--quick replays a small synthetic one"
    if not path.exists():
        return f"there is no {path}: python -m benchmarks.tabular.distill_all makes it, in hours; {quick}"
    if (complete := read_table(path).seeds) < LEAST_SEEDS:
        return (
            f"{path} is complete for {complete} seed(s), {LEAST_SEEDS} are needed: "
            f"python -m benchmarks.tabular.distill_all resumes it; {quick}"
        )
    if not (shared := shared_beside(path)).exists():
        return f"there is no {shared}: python -m benchmarks.tabular.share_weights makes it"
    return None


def main() -> None:
    """Replay every strategy and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--replays", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument(
        "--only",
        action="append",
        choices=STRATEGIES,
        metavar="STRATEGY",
        help=f"replay this one, and {BASIS}; may be repeated",
    )
    parser.add_argument("--quick", action="store_true", help="a few replays of a small synthetic table")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.quick and (missing := what_is_missing(options.table)):
        parser.error(missing)
    with tempfile.TemporaryDirectory() as scratch:
        path, replays, trials = options.table, options.replays, TRIALS
        if options.quick:
            path, replays, trials = (
                write_synthetic(Path(scratch, "synthetic.csv"), *searched()),
                *QUICK.values(),
            )
        names = [name for name in STRATEGIES if not options.only or name in (BASIS, *options.only)]
        found = replay_all(path, names, replays, trials, options.seed, options.processes)
        table = read_table(path)
    shown = figures(found, trials * table.images[-1], table.images[0])
    if options.json:
        about = {"replays": replays, "seeds": table.seeds, "synthetic": options.quick}
        print(json.dumps(finite({**shown, "spearman": rankings(table), **about})))
        return
    origin = "synthetic: no result" if options.quick else options.table.name
    print(f"{len(table.architectures)} architectures, {table.seeds} seeds ({origin}), {replays} replays\n")
    print("\n".join(lines(shown)))
    print("\n".join(ranking_lines(rankings(table))))


if __name__ == "__main__":
    main()
