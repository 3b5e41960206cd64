"""The log of a training: a CSV file with a column for each loss."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from distill.training.readings import Progress


class LossLog:
    """A row whenever the KD weight or a loss is another one; use it as a context manager.

    A loss that is first read later is a further column, empty in the rows before.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._columns = ["images", "kd_weight"]
        self._last: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._begin([])
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

    def _written(self) -> list[dict[str, str]]:
        """The rows so far: a training has a row for each step, too many to keep."""
        self._file.close()
        with self._path.open(newline="") as file:
            return list(csv.DictReader(file))

    def _begin(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Begin the file anew with `rows`."""
        self._path.unlink(missing_ok=True)  # a link, which may lead anywhere, is not followed
        self._file = self._path.open("x", newline="")
        self._table = csv.DictWriter(self._file, self._columns)
        self._table.writeheader()
        self._table.writerows(rows)
