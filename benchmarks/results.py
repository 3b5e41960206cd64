"""Finished runs of a benchmark in a JSON-lines file, so that a long table can be stopped and continued."""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

Figures = dict[str, float | None]
"""What was measured of a run, by name; None where a run has failed."""


class Results:
    """Runs by what defines them; those of `path`, where it is given, are read at the start.

    Each line is a run: {"run": {...}, "figures": {...}}. A line that a killed process left unfinished is
    ignored, and its run done again.
    """

    def __init__(self, path: Path | None) -> None:
        self._path, self._found = path, dict[str, Figures]()
        text = path.read_text() if path is not None and path.exists() else ""
        for line in text.splitlines():
            try:
                read = json.loads(line)
            except json.JSONDecodeError:
                continue
            self._found[_key(read["run"])] = read["figures"]
        if path is not None and text and not text.endswith("\n"):
            with path.open("a") as file:
                file.write("\n")

    def __contains__(self, run: Mapping[str, Any]) -> bool:
        return _key(run) in self._found

    def __getitem__(self, run: Mapping[str, Any]) -> Figures:
        """The figures of a run that is done."""
        return self._found[_key(run)]

    def forget(self, run: Mapping[str, Any]) -> None:
        """Have a finished run done again: its later line in the file counts."""
        del self._found[_key(run)]

    def add(self, run: Mapping[str, Any], figures: Figures) -> None:
        """Note a finished run."""
        self._found[_key(run)] = figures
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps({"run": _plain(run), "figures": figures}) + "\n")


def add_runs(options: argparse.ArgumentParser, *, seeds: int, of: str) -> None:
    """Add the options of a table of runs of several seeds; the CSV has a line for every `of`."""
    options.add_argument("--seeds", type=int, default=seeds)
    options.add_argument("--first-seed", type=int, default=0)
    options.add_argument("--processes", type=int, default=1)
    options.add_argument("--results", type=Path, help="file of what is finished, which is not done again")
    options.add_argument("--csv", type=Path, help=f"write a line for every {of}")
    options.add_argument("--json", action="store_true")


def run_missing(
    distill: Callable[[str, int, int, Mapping[str, Any]], Figures],  # of a module, as processes call it
    runs: Mapping[tuple[str, str, int], Mapping[str, Any]],
    settings: Mapping[str, Any],
    results: Results,
    processes: int,
) -> None:
    """Do the `runs` that `results` lack, by budget, row and seed, in processes that share a teacher cache.

    `distill` is called with the row, the seed, how many images, and `settings` with the budget.
    """
    do_missing(partial(_by_row, distill), runs, settings, results, processes)


def _by_row(
    distill: Callable[[str, int, int, Mapping[str, Any]], Figures],
    run: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> Figures:
    return distill(run["row"], run["seed"], run["images"], {**settings, "budget_macs": run["budget_macs"]})


def do_missing(
    do: Callable[[Mapping[str, Any], Mapping[str, Any]], Figures],  # a run, the settings ─► its figures
    runs: Mapping[Hashable, Mapping[str, Any]],
    settings: Mapping[str, Any],
    results: Results,
    processes: int,
) -> None:
    """Do the `runs` that `results` lack, by what they are called, in processes that share a teacher cache."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool,
    ):
        at = {"workdir": Path(scratch), **settings}
        jobs = {pool.submit(do, run, at): name for name, run in runs.items() if run not in results}
        try:
            for job in as_completed(jobs):
                results.add(runs[jobs[job]], job.result())
                print(f"{_words(jobs[job])}: {job.result()}", file=sys.stderr, flush=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write `rows`, a line each; columns are in the order in which rows first have them."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        table.writeheader()
        for row in rows:
            table.writerow({name: _short(value) for name, value in row.items()})


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else "" if value is None else value


def _words(name: Hashable) -> str:
    return ", ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def _key(run: Mapping[str, Any]) -> str:
    return json.dumps(_plain(run), sort_keys=True)


def _plain(run: Mapping[str, Any]) -> Any:
    """`run` as JSON has it, without settings that say nothing."""
    return json.loads(json.dumps({name: x for name, x in run.items() if x is not None}, default=str))
