"""How good a front each strategy finds for the images it trains on, replayed on the tabular benchmark.

    python -m benchmarks.front_per_compute
    python -m benchmarks.front_per_compute --replays 500 --json
    python -m benchmarks.front_per_compute --quick

The table holds every architecture of a small space, distilled from several seeds by the service itself
(benchmarks/tabular/distill_all.py). A replay draws which seeds trainings get; the seeds it does not draw are
the truth that answers are judged by, so that no strategy gains from lucky results. Hypervolume is that of the
reported front at its true FIDs, in (log FID, log MACs), as a share of the true front's.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tabular.grid import Grid
from benchmarks.tabular.replay import Answer, World, replay
from benchmarks.tabular.table import TABLE, Table, read_table
from nas.budget import Budget
from nas.config import SearchConfig
from nas.pareto import hypervolume
from nas.proposals import Proposer

BUDGET = 2_000_000  # MACs, the table's
TRIALS = 40  # of random search, all trained to the end: what everybody may spend
TOP = 0.05  # of the architectures: a good choice is among them


class Plain(Proposer):
    """A sampler alone: no baselines, no openings."""

    def _enqueue(self) -> None:
        pass


NAIVE: dict[str, Any] = {"proposer_class": Plain, "naive": True}
OPTUNA: dict[str, Any] = {"halving": False, **NAIVE}
STRATEGIES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {  # sampler, settings, options
    "ours": ("gp", {}, {}),
    "ours with TPE": ("tpe", {}, {}),
    "ours without halving": ("gp", {}, {"halving": False}),
    "ours, exact FIDs (no ties, no replicates)": ("tpe", {"ties": 0.0, "replicates": 0}, {"naive": True}),
    "random search": ("random", {"replicates": 0}, OPTUNA),
    "Optuna TPE": ("tpe", {"replicates": 0}, OPTUNA),
    "Optuna NSGA-II": ("nsga2", {"replicates": 0}, OPTUNA),
    "ASHA on FID alone": ("random", {"replicates": 0, "ties": 0.0}, {"scalar": True, **NAIVE}),
}


@cache
def loaded(path: Path) -> tuple[Table, Any, Any]:
    """The table, its space and the load of its budget."""
    from distill.teacher import load_teacher

    teacher = load_teacher()
    space = teacher.family.space(teacher.generator.architecture)
    return read_table(path), Grid(space), Budget(BUDGET).load(space)


def one(name: str, seed: int, path: Path) -> tuple[list[Answer], list[float], bool]:
    """A strategy's answers in one replay, their share of the hypervolume, and whether it chose well."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    table, space, load = loaded(path)
    world = World.drawn(table, space, load, np.random.default_rng(seed), max(1, table.seeds // 2))
    sampler, settings, options = STRATEGIES[name]
    config = SearchConfig.of(
        budget_macs=BUDGET,
        trials=len(table.architectures),
        seeds=len(world.observed),
        **{"replicates": 10} | settings,
    )
    images = TRIALS * table.images[-1]
    answers = list(replay(world, config, sampler, seed, images, **options))
    shares = [_share(world, answer.front) for answer in answers]
    best = answers[-1].best
    rank = sum(fid < world.truth[best] for fid in world.truth.values()) if best else math.inf
    return answers, shares, rank < TOP * len(world.truth)


def _share(world: World, architectures: tuple[str, ...]) -> float:
    """Hypervolume of `architectures` at their true FIDs over that of all."""
    macs = dict(zip(world.table.architectures, np.log(world.table.macs).tolist(), strict=True))
    reference = (math.log(max(world.truth.values())) + 1e-9, max(macs.values()) + 1e-9)

    def volume(names: Any) -> float:
        return hypervolume([(math.log(world.truth[name]), macs[name]) for name in names], reference)

    return volume(architectures) / volume(world.truth)


def at(steps: list[float], shares: list[float], where: float) -> float:
    """The share reached by `where`."""
    reached = [share for step, share in zip(steps, shares, strict=True) if step <= where]
    return reached[-1] if reached else 0.0


def jobs(replays: int, seed: int) -> Iterator[tuple[str, int]]:
    for name in STRATEGIES:
        for replayed in range(replays):
            yield name, seed + replayed


def main() -> None:
    """Replay every strategy and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--replays", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    replays = 4 if options.quick else options.replays
    found: dict[str, list[tuple[list[Answer], list[float], bool]]] = {name: [] for name in STRATEGIES}
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        asked = [
            (name, pool.submit(one, name, seed, options.table)) for name, seed in jobs(replays, options.seed)
        ]
        for name, job in asked:
            found[name].append(job.result())
            print(f"\r{sum(map(len, found.values()))} of {len(asked)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    table = loaded(options.table)[0]
    whole = TRIALS * table.images[-1]
    marks = [whole // 10, whole // 5, whole * 2 // 5, whole]

    def curve(name: str, images: int) -> float:
        return statistics.fmean(
            at([answer.images for answer in answers], shares, images) for answers, shares, _ in found[name]
        )

    target = curve("random search", whole)
    rows = {}
    for name, runs in found.items():
        to_reach = next((i for i in range(0, whole + 1, table.images[0]) if curve(name, i) >= target), None)
        rows[name] = {
            "hypervolume": [curve(name, mark) for mark in marks],
            "images_to_reach": to_reach,
            "chose_well": statistics.fmean(good for _, _, good in runs),
        }
    if options.json:
        print(json.dumps({"images": marks, "strategies": rows, "replays": replays, "seeds": table.seeds}))
        return
    print(f"{len(table.architectures)} architectures, {table.seeds} seeds, {replays} replays\n")
    print(
        f"{'hypervolume after images:':44}"
        + "".join(f"{mark:>9,}" for mark in marks)
        + "   to reach*  in top 5 %"
    )
    for name, row in rows.items():
        reach = f"{row['images_to_reach']:,}" if row["images_to_reach"] is not None else "never"
        volumes = "".join(f"{v:9.3f}" for v in row["hypervolume"])
        print(f"{name:44}{volumes}{reach:>12}{row['chose_well']:12.0%}")
    print(f"\n* images until the mean hypervolume is what random search has after all its {whole:,}")


if __name__ == "__main__":
    main()
