"""How good a front each strategy finds for the images it trains on, replayed on the tabular benchmark.

    python -m benchmarks.front_per_compute
    python -m benchmarks.front_per_compute --replays 500 --json
    python -m benchmarks.front_per_compute --quick

The table holds every architecture of a small space, distilled from several seeds by the service itself
(benchmarks/tabular/distill_all.py). A replay draws which seeds trainings get; the seeds it does not draw are
the truth that answers are judged by, so that no strategy gains from lucky results. Hypervolume is that of the
reported front at its true FIDs, in (log FID, log MACs), as a share of the true front's; it reaches a tenth of
the range beyond the worst and the dearest. Intervals are of 95 %, over replays.

Replays have one worker. Seconds are those of trainings and FIDs as the table has them: what proposing takes
is left out, and so are second tries of runs that went wrong, for which the table has no other outcome.

Two defaults of the service, `--sampler gp` and `--ties`, were chosen on this table, with other replays. The
shared weights were trained once: their interval is that of the students distilled afterwards.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import spearmanr

from benchmarks.tabular.grid import Grid
from benchmarks.tabular.made_up import make_up
from benchmarks.tabular.replay import Answer, World, replay, replay_supernet
from benchmarks.tabular.table import TABLE, Table, read_table, shared_beside
from nas.budget import Budget
from nas.config import SearchConfig
from nas.pareto import hypervolume
from nas.proposals import Proposer
from search_spaces import Load

Array = npt.NDArray[np.float64]

BUDGET = 2_000_000  # MACs, the table's
TRIALS = 40  # of random search, all trained to the end: what everybody may spend
LEAST_SEEDS = 2  # one that strategies see, one that is the truth
TOP = 0.05  # of the architectures: a good choice is among them
MARGIN = 0.1  # of the range of an objective, beyond the worst: so that the dearest student has a volume, too
NORMAL_95 = 1.96  # standard errors to either side
ROUNDING = 1e-9  # a mean reaches itself, however it was summed
RESAMPLES = 1_000  # of the replays, for the interval of what it takes to get somewhere
QUICK = {"replays": 2, "trials": 12}


class Plain(Proposer):
    """A sampler alone: no baselines, no openings."""

    def _enqueue(self) -> None:
        pass


NAIVE: dict[str, Any] = {"proposer_class": Plain, "naive": True}
OPTUNA: dict[str, Any] = {"halving": False, **NAIVE}
ONCE: dict[str, Any] = {"replicates": 0}


class Strategy(Protocol):
    """Something a user could do with so many images to train on."""

    def answers(self, world: World, seed: int, images: int) -> Iterator[Answer]:
        """What it would answer after every training."""


@dataclass(frozen=True)
class Search:
    """The service's search, with settings of the search and options of the replay."""

    sampler: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def answers(self, world: World, seed: int, images: int) -> Iterator[Answer]:
        config = SearchConfig.of(
            budget_macs=BUDGET,
            trials=len(world.table.architectures),
            seeds=len(world.observed),
            **{"replicates": 10, **self.settings},
        )
        return replay(world, config, self.sampler, seed, images, **self.options)


class Supernet:
    """Shared weights, and an evolution over what is read out of them."""

    def answers(self, world: World, seed: int, images: int) -> Iterator[Answer]:
        return replay_supernet(world, images)


STRATEGIES: dict[str, Strategy] = {
    "ours": Search("gp"),
    "ours with TPE": Search("tpe"),
    "ours without halving": Search("gp", {}, {"halving": False}),
    "ours, exact FIDs (no ties, no replicates)": Search("gp", {"ties": 0.0, **ONCE}, {"naive": True}),
    "random search": Search("random", ONCE, OPTUNA),
    "Optuna TPE": Search("tpe", ONCE, OPTUNA),
    "Optuna TPE + baselines and openings": Search("tpe", ONCE, {"halving": False, "naive": True}),
    "Optuna NSGA-II": Search("nsga2", ONCE, OPTUNA),
    "ASHA on FID alone": Search("random", {"ties": 0.0, **ONCE}, {"scalar": True, **NAIVE}),
    "supernet + evolution": Supernet(),
}


@cache
def searched() -> tuple[Grid, Load]:
    """The table's space and the load of its budget."""
    from distill.teacher import load_teacher

    teacher = load_teacher()
    space = teacher.family.space(teacher.generator.architecture)
    return Grid(space), Budget(BUDGET).load(space)


@cache
def loaded(path: Path) -> tuple[Table, Any, Load]:
    """The table, its space and the load of its budget."""
    return read_table(path), *searched()


@dataclass(frozen=True)
class Replayed:
    """A strategy's answers in one replay, one after every trial."""

    images: list[int]
    seconds: list[float]
    shares: list[float]  # of the hypervolume
    best: str | None  # the last answer's
    chose_well: bool

    def share(self, axis: str, points: Array) -> Array:
        """The share reached at each of the ascending `points` of the axis `images` or `seconds`."""
        places = np.searchsorted(getattr(self, axis), points, side="right")
        return np.array([0.0, *self.shares])[places]


def one(name: str, seed: int, path: Path, trials: int = TRIALS) -> Replayed:
    """One replay of a strategy, for as many images as `trials` trainings to the end see."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    table, space, load = loaded(path)
    world = World.drawn(table, space, load, np.random.default_rng(seed), max(1, table.seeds // 2))
    answers = list(STRATEGIES[name].answers(world, seed, trials * table.images[-1]))
    best = answers[-1].best
    rank = sum(fid < world.truth[best] for fid in world.truth.values()) if best else math.inf
    return Replayed(
        [answer.images for answer in answers],
        [answer.seconds for answer in answers],
        [share(world, answer.front) for answer in answers],
        best,
        rank < TOP * len(world.truth),
    )


def share(world: World, architectures: Sequence[str]) -> float:
    """Hypervolume of `architectures` at their true FIDs over that of all."""
    macs = dict(zip(world.table.architectures, np.log(world.table.macs).tolist(), strict=True))
    logs = {name: math.log(fid) for name, fid in world.truth.items()}
    reference = (_beyond(logs.values()), _beyond(macs.values()))

    def volume(names: Iterable[str]) -> float:
        return hypervolume([(logs[name], macs[name]) for name in names], reference)

    return volume(architectures) / volume(world.truth)


def _beyond(values: Collection[float]) -> float:
    return max(values) + MARGIN * (max(values) - min(values))


def mean(values: Array) -> tuple[float, float]:
    """The mean, and how far its interval reaches to either side."""
    spread = float(values.std(ddof=1)) if len(values) > 1 else math.inf
    return float(values.mean()), NORMAL_95 * spread / math.sqrt(len(values))


def to_reach(shares: Array, points: Array, target: float) -> tuple[float, float, float]:
    """Where the mean of the replays' `shares` (N, P) at `points` (P,) reaches `target`, and its interval.

    Infinite where it does not.
    """

    def first(means: Array) -> float:
        reached = np.flatnonzero(means >= target - ROUNDING)
        return float(points[reached[0]]) if len(reached) else math.inf

    drawn = np.random.default_rng(0).integers(len(shares), size=(RESAMPLES, len(shares)))
    again = sorted(first(shares[rows].mean(axis=0)) for rows in drawn)
    low, high = (again[round(end * (RESAMPLES - 1))] for end in (0.025, 0.975))
    return first(shares.mean(axis=0)), low, high


def figures(found: Mapping[str, list[Replayed]], images: int, step: int) -> dict[str, Any]:
    """What the replays of every strategy come to, when `images` may be trained on and `step` is rung 0."""
    marks = np.array([images // 10, images // 5, images * 2 // 5, images])
    longest = max(replayed.seconds[-1] for runs in found.values() for replayed in runs)
    axes = {"images": np.append(np.arange(0, images, step), images), "seconds": np.linspace(0, longest, 500)}
    target = float(np.mean([r.share("images", marks)[-1] for r in found["random search"]]))
    rows = {}
    for name, runs in found.items():
        at_marks = np.array([replayed.share("images", marks) for replayed in runs])
        rows[name] = {
            "hypervolume": [mean(column) for column in at_marks.T],
            "chose_well": mean(np.array([float(replayed.chose_well) for replayed in runs])),
            **{
                f"{axis}_to_reach": to_reach(np.array([r.share(axis, points) for r in runs]), points, target)
                for axis, points in axes.items()
            },
        }
    return {"images": marks.tolist(), "strategies": rows}


def rankings(table: Table) -> dict[str, float]:
    """Spearman correlations of FIDs over architectures: means over seeds, or over pairs of seeds."""

    def spearman(early: Array, final: Array) -> float:
        return float(spearmanr(early, final).statistic)

    last, seeds = table.fids[:, :, -1], range(table.seeds)
    found = {
        f"{images}": float(np.mean([spearman(table.fids[:, seed, rung], last[:, seed]) for seed in seeds]))
        for rung, images in enumerate(table.images[:-1])
    }
    pairs = itertools.combinations(seeds, 2)
    found["seeds"] = float(np.mean([spearman(*last[:, pair].T) for pair in pairs]))
    if table.shared is not None:
        read_out = np.array([table.shared.fids[name] for name in table.architectures])
        found["shared"] = spearman(read_out, np.log(last).mean(axis=1))
    return found


def ranking_lines(found: Mapping[str, float]) -> Iterator[str]:
    """The same as text."""
    words = {
        "seeds": "at the end, with another seed's",
        "shared": "read out of shared weights, with the mean of all seeds at the end",
    }
    yield "\nSpearman correlation of FIDs"
    for key, value in found.items():
        what = words.get(key) or f"after {int(key):,} images, with the end of the same training"
        yield f"  {what:68}{value:6.2f}"


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
    parser.add_argument("--quick", action="store_true", help="a few replays of a small made-up table")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.quick and not options.table.exists():
        parser.error(
            f"there is no {options.table}: python -m benchmarks.tabular.distill_all makes it, in hours; "
            "--quick replays a small made-up one"
        )
    if not options.quick and (complete := read_table(options.table).seeds) < LEAST_SEEDS:
        parser.error(
            f"{options.table} is complete for {complete} seed(s), {LEAST_SEEDS} are needed: "
            "python -m benchmarks.tabular.distill_all goes on with it; --quick replays a small made-up one"
        )
    if not options.quick and not (shared := shared_beside(options.table)).exists():
        parser.error(f"there is no {shared}: python -m benchmarks.tabular.share_weights makes it")
    with tempfile.TemporaryDirectory() as scratch:
        path, replays, trials = options.table, options.replays, TRIALS
        if options.quick:
            path, replays, trials = make_up(Path(scratch, "made-up.csv"), *searched()), *QUICK.values()
        found: dict[str, list[Replayed]] = {name: [] for name in STRATEGIES}
        with ProcessPoolExecutor(
            options.processes, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            asked = [
                (name, pool.submit(one, name, s, path, trials)) for name, s in jobs(replays, options.seed)
            ]
            for name, job in asked:
                found[name].append(job.result())
                print(
                    f"\r{sum(map(len, found.values()))} of {len(asked)}", end="", file=sys.stderr, flush=True
                )
        print(file=sys.stderr)
        table = read_table(path)
    shown = figures(found, trials * table.images[-1], table.images[0])
    if options.json:
        print(
            json.dumps(
                finite(
                    {
                        **shown,
                        "spearman": rankings(table),
                        "replays": replays,
                        "seeds": table.seeds,
                        "made_up": options.quick,
                    }
                )
            )
        )
        return
    origin = "made up: no result" if options.quick else options.table.name
    print(f"{len(table.architectures)} architectures, {table.seeds} seeds ({origin}), {replays} replays\n")
    print("\n".join(lines(shown)))
    print("\n".join(ranking_lines(rankings(table))))


def finite(value: Any) -> Any:
    """The same with None for what is infinite: JSON has no word for it."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def lines(shown: Mapping[str, Any]) -> Iterator[str]:
    """The table as text."""
    marks = "".join(f"{mark:>15,}" for mark in shown["images"])
    yield f"{'hypervolume after images:':42}{marks}{'in top 5 %':>14}{'images to reach*':>26}{'seconds':>22}"
    for name, row in shown["strategies"].items():
        volumes = "".join(f"{f'{middle:.3f} ± {reach:.3f}':>15}" for middle, reach in row["hypervolume"])
        middle, reach = row["chose_well"]
        well = f"{middle:.0%} ± {reach:.0%}" if math.isfinite(reach) else f"{middle:.0%}"
        yield (
            f"{name:42}{volumes}{well:>14}{_reached(row['images_to_reach']):>26}"
            f"{_reached(row['seconds_to_reach']):>22}"
        )
    yield f"\n* until the mean hypervolume is what random search has after all its {shown['images'][-1]:,}"
    yield "One worker; what proposing takes, and second tries of runs that went wrong, are left out."


def _reached(found: tuple[float, float, float]) -> str:
    first, low, high = (f"{value:,.0f}" if math.isfinite(value) else "never" for value in found)
    return f"{first} ({low}–{high})" if first != "never" else first


if __name__ == "__main__":
    main()
