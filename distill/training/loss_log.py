"""The log of a training: a CSV file with a column for each loss."""

from __future__ import annotations

import csv
from pathlib import Path
from types import TracebackType
from typing import Self

from distill.training.trainer import Progress


class LossLog:
    """A row whenever the KD weight or a loss is another one; use it as a context manager.

    A loss that is first read later is a further column, empty in the rows before.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._columns = ["images", "kd_weight"]
        self._rows: list[dict[str, str]] = []

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def note(self, progress: Progress) -> None:
        """Write the state after a step, unless nothing but the number of images has changed."""
        row = {"images": str(progress.images), "kd_weight": f"{progress.kd_weight:.6g}"}
        row |= {name: f"{value:.4g}" for name, value in progress.losses.items()}
        if self._rows and self._rows[-1] | {"images": row["images"]} == row:
            return
        self._rows.append(row)
        if row.keys() <= set(self._columns):
            self._table.writerow(row)
            return
        self._columns += [name for name in row if name not in self._columns]
        self._file.close()
        self._open()

    def _open(self) -> None:
        """Begin the file with what is known."""
        self._file = self._path.open("w", newline="")
        self._table = csv.DictWriter(self._file, self._columns)
        self._table.writeheader()
        self._table.writerows(self._rows)
