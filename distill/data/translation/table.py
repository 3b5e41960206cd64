"""Tables of attributes: a row for each image and a column for each attribute, as CSV or as CelebA's text."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from distill.data.decoding import MAX_BYTES
from distill.data.sources.archive import DAMAGED, split_member
from distill.data.sources.base import in_wrapping_folders, is_image
from distill.errors import DataError
from search_spaces import one_line, os_reason

ENDINGS = (".csv", ".txt")
TRUTH = {"1": 1.0, "0": 0.0, "-1": 0.0, "true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}
"""Cells of columns that are attributes by themselves."""

SHOWN = 10  # names that an error lists


@dataclass(frozen=True)
class Table:
    """Cells by the name of an image, and the names of the columns after it."""

    name: str  # of the file
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[str, ...]]

    def attributes(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """The attributes asked for, checked; without any, all columns of 1 and 0, -1, true, false, yes or no.

        Raises:
            DataError: there is no such column or value, or no column is an attribute by itself.
        """
        for each in wanted:
            self._check(each)
        found = tuple(wanted) or tuple(column for column in self.columns if self._is_binary(column))
        if not found:
            raise DataError(
                f"{self.name} has no column of 1 and 0 (columns: {_listed(self.columns)}): name attributes "
                "by --attributes COLUMN=VALUE,…"
            )
        return found

    def value(self, image: str, attribute: str) -> float | None:
        """1 or 0; None for an empty cell."""
        column, equals, wanted = self._parts(attribute)
        cell = self.rows[image][self.columns.index(column)]
        if not cell:
            return None
        return float(cell == wanted) if equals else TRUTH[cell.lower()]

    def _parts(self, attribute: str) -> tuple[str, str, str]:
        """The column, "=" and the value that `attribute` names; a column may have "=" in its own name."""
        return (attribute, "", "") if attribute in self.columns else attribute.partition("=")

    def _check(self, attribute: str) -> None:
        column, equals, wanted = self._parts(attribute)
        if column not in self.columns:
            raise DataError(
                f"--attributes {attribute}: {self.name} has no column {column}: give some of "
                f"{_listed(self.columns)}"
            )
        values = self._values(column)
        if equals and wanted not in values:
            raise DataError(
                f"--attributes {attribute}: no row of {self.name} has this value: give one of "
                f"{_listed(sorted(values))}"
            )
        if not equals and not self._is_binary(column):
            raise DataError(
                f"--attributes {attribute}: its values are {_listed(sorted(values))}, not 1 and 0: give "
                f"{column}=VALUE"
            )

    def _values(self, column: str) -> set[str]:
        at = self.columns.index(column)
        return {row[at] for row in self.rows.values()} - {""}

    def _is_binary(self, column: str) -> bool:
        return {value.lower() for value in self._values(column)} <= TRUTH.keys()


def _listed(names: Sequence[str]) -> str:
    more = ", …" if len(names) > SHOWN else ""
    return ", ".join(one_line(name, 40) for name in names[:SHOWN]) + more


def find_table(source: str) -> tuple[str, bytes] | None:
    """Name and content of the only table in the root of a folder or .zip of images; None without one.

    Raises:
        DataError: it can't be read.
    """
    named, _ = split_member(source)
    path = Path(named)
    try:
        if path.is_dir():
            files = sorted(f for f in path.iterdir() if _is_table(f.name) and f.is_file())
            return (str(files[0]), read_file(files[0])) if len(files) == 1 else None
        with ZipFile(path) as archive:
            names = archive.namelist()
            images = [name for name in names if is_image(name)]
            beside = {place for place in names if _is_table(place.rpartition("/")[2])}
            near = {each for each in beside if each in in_wrapping_folders(each.rpartition("/")[2], images)}
            if len(near) != 1 or archive.getinfo(next(iter(near))).file_size > MAX_BYTES:
                return None
            return f"{path}:{next(iter(near))}", archive.read(next(iter(near)))
    except DAMAGED:
        return None  # who loads the images says what is wrong


def _is_table(file: str) -> bool:
    """Whether a file beside images is a table by its name: any CSV, and CelebA's text."""
    return file.lower().endswith(".csv") or (file.startswith("list_attr") and file.endswith(".txt"))


def read_file(path: Path) -> bytes:
    """The content of a table.

    Raises:
        DataError: it can't be read, or is too large.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path} is larger than {MAX_BYTES >> 20} MiB: give a table of attributes")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} can't be read ({os_reason(error)}): give a table of attributes") from error


def read_table(name: str, content: bytes) -> Table:
    """The table in a file called `name`: CSV with a header, or CelebA's text, which begins with a count.

    The first column of CSV names the image.

    Raises:
        DataError: it is no such table.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not text in UTF-8: give a CSV file with a header") from error
    if lines and lines[0].strip().isdecimal():
        header, *rows = [line.split() for line in lines[1:] if line.strip()] or [[]]
        header = ["file", *header]
    else:
        try:
            header, *rows = [row for row in csv.reader(lines, delimiter=_delimiter(lines)) if row] or [[]]
        except csv.Error as error:
            raise DataError(f"{name} is no CSV ({error}): give one with a header") from error
    if len(header) < 2 or not rows:
        raise DataError(f"{name} has {len(header)} columns and {len(rows)} rows: give names and attributes")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise DataError(
                f"{name}, row {number}: {len(row)} cells for {len(header)} columns: correct the row"
            )
    columns = tuple(cell.strip() for cell in header[1:])
    cells = {row[0].strip().replace("\\", "/"): tuple(cell.strip() for cell in row[1:]) for row in rows}
    return Table(name, columns, cells)


def _delimiter(lines: Sequence[str]) -> str:
    """The one that the header has most of."""
    return max(",;\t", key=lines[0].count) if lines else ","
