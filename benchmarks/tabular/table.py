"""The table: results of every architecture of the grid, from every seed, at every rung."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

TABLE = Path(__file__).parent / "digits.csv"
COLUMNS = ("architecture", "seed", "images", "fid", "seconds", "macs", "params")
SHARED_COLUMNS = ("architecture", "images", "fid", "seconds", "fid_seconds")


@dataclass(frozen=True)
class SharedTable:
    """Results of every architecture when it is read out of shared weights."""

    images: int  # that these were trained for, once, from one seed
    seconds: float  # of the training, and of measuring everybody
    fids: dict[str, float]  # by architecture


@dataclass(frozen=True)
class Table:
    """Results of A architectures from S seeds at R rungs."""

    architectures: tuple[str, ...]
    images: tuple[int, ...]  # (R,) real images seen at each rung
    fids: npt.NDArray[np.float64]  # (A, S, R)
    seconds: npt.NDArray[np.float64]  # (A, R), each rung's own, median over seeds; FID included
    macs: npt.NDArray[np.int64]  # (A,)
    shared: SharedTable | None = None

    @property
    def seeds(self) -> int:
        return self.fids.shape[1]


def read_table(path: Path = TABLE) -> Table:
    """The seeds that are complete for all architectures, and what `share_weights` wrote beside them."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = tuple(dict.fromkeys(row["architecture"] for row in rows))
    images = tuple(sorted({int(row["images"]) for row in rows}))
    place = {name: i for i, name in enumerate(names)}
    seeds = 1 + max(int(row["seed"]) for row in rows)
    fids = np.full((len(names), seeds, len(images)), np.nan)
    seconds, macs = fids.copy(), np.zeros(len(names), np.int64)
    for row in rows:
        at = place[row["architecture"]], int(row["seed"]), images.index(int(row["images"]))
        fids[at], seconds[at] = float(row["fid"]), float(row["seconds"])
        macs[at[0]] = int(row["macs"])
    complete = ~np.isnan(fids).any(axis=(0, 2))
    shared = shared_beside(path)
    return Table(
        names,
        images,
        fids[:, complete],
        np.median(seconds[:, complete], axis=1),
        macs,
        _read_shared(shared) if shared.exists() else None,
    )


def shared_beside(path: Path) -> Path:
    """Where the results of shared weights are that belong to a table of stand-alone trainings."""
    return path.with_name(f"{path.stem}_shared.csv")


def _read_shared(path: Path) -> SharedTable:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    fids = {row["architecture"]: float(row["fid"]) for row in rows}
    seconds = float(rows[0]["seconds"]) + sum(float(row["fid_seconds"]) for row in rows)
    return SharedTable(int(rows[0]["images"]), seconds, fids)
