"""Finished runs of a benchmark in a JSON-lines file, so that a long table can be stopped and continued."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
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

    def add(self, run: Mapping[str, Any], figures: Figures) -> None:
        """Note a finished run."""
        self._found[_key(run)] = figures
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps({"run": _plain(run), "figures": figures}) + "\n")


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
    with (
        tempfile.TemporaryDirectory() as scratch,
        ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool,
    ):
        jobs = {}
        for (budget, row, seed), run in runs.items():
            if run not in results:
                at = {**settings, "workdir": Path(scratch), "budget_macs": run["budget_macs"]}
                jobs[pool.submit(distill, row, seed, run["images"], at)] = (budget, row, seed)
        for job in as_completed(jobs):
            results.add(runs[jobs[job]], job.result())
            print(f"{', '.join(map(str, jobs[job]))}: {job.result()}", file=sys.stderr, flush=True)


def _key(run: Mapping[str, Any]) -> str:
    return json.dumps(_plain(run), sort_keys=True)


def _plain(run: Mapping[str, Any]) -> Any:
    """`run` as JSON has it, without settings that say nothing."""
    return json.loads(json.dumps({name: x for name, x in run.items() if x is not None}, default=str))
