"""The log of a training: a CSV file with a column for each loss."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from distill.training.readings import Progress
from search_spaces.reading import written_whole

FIRST = ("images", "kd_weight")  # columns


class LossLog:
    """A row whenever the KD weight or a loss is another one; use it as a context manager.

    A loss that is first read later is a further column, empty in the rows before.

    Args:
        path: of the file.
        images: of the training so far. Rows of an interrupted training up to there are kept.
    """

    def __init__(self, path: Path, images: int = 0) -> None:
        self._path, self._images = path, images
        self._columns = list(FIRST)
        self._last: dict[str, str] = {}

    def __enter__(self) -> Self:
        kept = self._kept()
        for row in kept:
            self._last = {name: value for name, value in row.items() if value}
            self._columns += [name for name in self._last if name not in self._columns]
        self._begin(kept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def note(self, progress: Progress) -> None:
        """Write the state after a step, unless nothing but the number of images has changed."""
        row = {"images": str(progress.images), "kd_weight": f"{progress.kd_weight:.6g}"}
        row |= {name: f"{value:.4g}" for name, value in progress.losses.items()}
        if self._last and self._last | {"images": row["images"]} == row:
            return
        self._last = row
        further = [name for name in row if name not in self._columns]
        if further:
            self._columns += further
            self._begin(self._written())
        self._table.writerow(row)

    def save(self) -> None:
        """Have all rows so far on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def _kept(self) -> list[dict[str, str]]:
        """Rows of an interrupted training, up to where this one begins or to a damaged one."""
        rows: list[dict[str, str]] = []
        with suppress(OSError, ValueError, csv.Error, KeyError, TypeError):
            if not self._images or self._path.is_symlink():
                return []
            with self._path.open(newline="") as file:
                for row in csv.DictReader(file):
                    if int(row["images"]) > self._images:
                        break
                    rows.append({name: value or "" for name, value in row.items()})
        return rows

    def _written(self) -> list[dict[str, str]]:
        """The rows so far: a training has a row for each step, too many to keep."""
        self._file.close()
        with self._path.open(newline="") as file:
            return list(csv.DictReader(file))

    def _begin(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Begin the file anew with `rows`; a link there, which may lead anywhere, is replaced."""
        with written_whole(self._path, durable=False) as new:
            table = io.TextIOWrapper(new, newline="", write_through=True)
            self._table = csv.DictWriter(table, self._columns, restval="")
            self._table.writeheader()
            self._table.writerows({name: row.get(name, "") for name in self._columns} for row in rows)
            table.flush()
            table.detach()
        self._file = self._path.open("a", newline="")
        self._table = csv.DictWriter(self._file, self._columns)
