"""Figures of replays: hypervolumes, the cost of reaching one, rank correlations, and their tables."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr
from scipy.stats import t as student_t

from benchmarks.tabular.replay import World
from benchmarks.tabular.table import Table
from nas.ranking import hypervolume

Array = npt.NDArray[np.float64]

BASIS = "random search"  # the strategy whose last hypervolume all others are to reach
MARGIN = 0.1  # of the range of an objective, beyond the worst: the most expensive student has a volume, too
ROUNDING = 1e-9  # a mean reaches itself, however it was summed
RESAMPLES = 1_000  # of the splits, for the interval of what it takes to get somewhere


@dataclass(frozen=True)
class Replayed:
    """A strategy's answers in one replay, one after every trial."""

    images: list[int]
    seconds: list[float]
    fractions: list[float]  # of the hypervolume
    best: str | None  # the last answer's
    chose_well: bool
    split: tuple[int, ...]  # the seeds that were seen: all others are the truth

    def fraction(self, axis: str, points: Array) -> Array:
        """The fraction reached at each of the ascending `points` of the axis `images` or `seconds`."""
        places = np.searchsorted(getattr(self, axis), points, side="right")
        return np.array([0.0, *self.fractions])[places]


def volume_fraction(world: World, architectures: Sequence[str]) -> float:
    """Hypervolume of `architectures` at their true FIDs over that of all."""
    macs = dict(zip(world.table.architectures, np.log(world.table.macs).tolist(), strict=True))
    logs = {name: math.log(fid) for name, fid in world.truth.items()}
    reference = (_beyond(logs.values()), _beyond(macs.values()))

    def volume(names: Iterable[str]) -> float:
        return hypervolume([(logs[name], macs[name]) for name in names], reference)

    return volume(architectures) / volume(world.truth)


def _beyond(values: Collection[float]) -> float:
    return max(values) + MARGIN * (max(values) - min(values))


def by_split(values: Array, splits: Sequence[tuple[int, ...]]) -> Array:
    """Means (S, …) of the `values` (N, …) of replays with the same split: one truth."""
    groups = [[i for i, split in enumerate(splits) if split == one] for one in sorted(set(splits))]
    return np.array([values[group].mean(axis=0) for group in groups])


def mean(values: Array) -> tuple[float, float]:
    """The mean of independent values, and how far its interval reaches to either side (Student's t)."""
    if len(values) < 2:
        return float(values.mean()), math.inf
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    return float(values.mean()), float(student_t.ppf(0.975, len(values) - 1)) * error


def to_reach(fractions: Array, points: Array, target: float) -> tuple[float, float, float]:
    """Where the mean of the splits' `fractions` (S, P) at `points` (P,) reaches `target`, and its interval.

    Infinite where it does not.
    """

    def first(means: Array) -> float:
        reached = np.flatnonzero(means >= target - ROUNDING)
        return float(points[reached[0]]) if len(reached) else math.inf

    drawn = np.random.default_rng(0).integers(len(fractions), size=(RESAMPLES, len(fractions)))
    again = sorted(first(fractions[rows].mean(axis=0)) for rows in drawn)
    low, high = (again[round(end * (RESAMPLES - 1))] for end in (0.025, 0.975))
    return first(fractions.mean(axis=0)), low, high


def figures(found: Mapping[str, list[Replayed]], images: int, step: int) -> dict[str, Any]:
    """What the replays of every strategy come to, when `images` may be trained on and `step` is rung 0."""
    marks = np.array([images // 10, images // 5, images * 2 // 5, images])
    longest = max(replayed.seconds[-1] for runs in found.values() for replayed in runs)
    axes = {"images": np.append(np.arange(0, images, step), images), "seconds": np.linspace(0, longest, 500)}
    random = found[BASIS]
    at_end = np.array([replayed.fraction("images", marks)[-1] for replayed in random])
    target = float(by_split(at_end, [replayed.split for replayed in random]).mean())
    rows = {}
    for name, runs in found.items():
        splits = [replayed.split for replayed in runs]
        at_marks = by_split(np.array([replayed.fraction("images", marks) for replayed in runs]), splits)
        chose_well = by_split(np.array([float(replayed.chose_well) for replayed in runs]), splits)
        rows[name] = {
            "hypervolume": [mean(column) for column in at_marks.T],
            "chose_well": mean(chose_well),
            **{
                f"{axis}_to_reach": to_reach(
                    by_split(np.array([r.fraction(axis, points) for r in runs]), splits), points, target
                )
                for axis, points in axes.items()
            },
        }
    return {"images": marks.tolist(), "strategies": rows}


def rankings(table: Table) -> dict[str, float]:
    """Spearman correlations of distances over architectures: means over seeds, or over pairs of seeds."""

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


def ranking_lines(found: Mapping[str, float]) -> Iterator[str]:
    """The same as text."""
    words = {
        "seeds": "at the end, with another seed's",
        "shared": "read out of shared weights, with the mean of all seeds at the end",
    }
    yield "\nSpearman correlation of distances"
    for key, value in found.items():
        what = words.get(key) or f"after {int(key):,} images, with the end of the same training"
        yield f"  {what:68}{value:6.2f}"


def finite(value: Any) -> Any:
    """The same with None for infinite values, which JSON does not have."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
