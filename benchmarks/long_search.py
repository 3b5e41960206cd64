"""A whole search of stubs from its first trial to its last: time, memory, open files and the database's size.

    python -m benchmarks.long_search --trials 10000
    python -m benchmarks.long_search --trials 5000 --workers 8 --storage postgresql+psycopg://user@host/empty
    python -m benchmarks.long_search --trials 5000 --plot memory.png
    python -m benchmarks.long_search --quick --json

Candidates do nothing but report. Without --workers the driver's part runs alone, as Ray Tune would call it;
with it, `nas.driver.run_search` runs a search on a Ray of its own with so many stub workers, which report one
after another (`benchmarks.stub`). What is printed of a moment is the mean of the trials since the moment
before; memory and files are the driver's. The study stays in --storage: drop the database afterwards. Ctrl-C
ends a run early.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread

import optuna
import plotly.graph_objects as go
import psutil
import sqlalchemy as sa
from rich.console import Console

from benchmarks.driver_overhead import Driver
from benchmarks.stub import ConcurrentStub
from nas.config import SearchConfig
from nas.driver import prepare, run_search
from nas.plots import draw_figure
from nas.study import StudyStore
from nas.workbench import Workbench

MOMENTS = 20  # that are printed of a run
SECONDS = 1.0  # between two looks


@dataclass(frozen=True)
class Moment:
    """The driver after so many trials."""

    trials: int  # that have ended
    seconds: float  # since the start
    cpu_seconds: float  # of the driver
    memory_mb: float  # resident
    open_files: int  # descriptors
    database_mb: float
    workers_mb: float = 0.0  # resident, of all processes below the driver


class Observer:
    """Looks at this process and at a study in the database while a search runs."""

    def __init__(self, url: str, study: str) -> None:
        self._engine, self._study = sa.create_engine(url), study
        self._process, self._began = psutil.Process(), time.perf_counter()
        self.moments: list[Moment] = []

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look every so often while the block runs, and once at its end."""
        over = Event()

        def look() -> None:
            while not over.wait(SECONDS):
                self.look()

        thread = Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.look()
            self._engine.dispose()

    def look(self) -> None:
        """Note how things are; nothing before the database has the study."""
        try:
            trials, size = self._read()
        except sa.exc.SQLAlchemyError:
            return
        with self._process.oneshot():
            memory, files = self._process.memory_info().rss, self._process.num_fds()
        below = 0
        for child in self._process.children(recursive=True):
            try:
                below += child.memory_info().rss
            except psutil.Error:  # it has ended
                continue
        cpu, now = time.process_time(), time.perf_counter() - self._began
        mb = 2**20
        self.moments.append(Moment(trials, now, cpu, memory / mb, files, size / mb, below / mb))

    def _read(self) -> tuple[int, int]:
        """Trials of the study that have ended, and bytes of the database."""
        ended = sa.text(
            "SELECT count(*) FROM trials JOIN studies ON trials.study_id = studies.study_id "
            "WHERE study_name = :name AND trials.state NOT IN ('RUNNING', 'WAITING')"
        )
        with self._engine.connect() as connection:
            trials = int(connection.execute(ended, {"name": self._study}).scalar_one())
            if self._engine.dialect.name == "postgresql":
                query = sa.text("SELECT pg_database_size(current_database())")
                return trials, int(connection.execute(query).scalar_one())
        file = Path(str(self._engine.url.database))
        return trials, sum(path.stat().st_size for path in file.parent.glob(f"{file.name}*"))


def alone(bench: Workbench, observer: Observer) -> None:
    """The driver's part of a search, without Ray."""
    config = bench.config
    with StudyStore.open(config.storage_url, config.study, identity=bench.identity) as store, store.lease():
        driver = Driver(store, bench, bench.config.sampler)
        with observer.looking():
            for _ in range(bench.config.trials):
                driver.trial()


def with_workers(bench: Workbench, observer: Observer) -> None:
    """A search whose workers are stubs."""
    with open(os.devnull, "w") as nowhere, observer.looking():
        run_search(bench, Console(file=nowhere), trainable=ConcurrentStub)


def search(folder: Path, url: str | None, trials: int, workers: int, sampler: str) -> list[Moment]:
    """Run a search, and return what was seen of it."""
    bench = prepare(
        SearchConfig.of(
            budget_macs=2_000_000,
            trials=trials,
            replicates=0,
            workdir=folder,
            study=f"long-{os.getpid()}",
            storage=url,
            sampler=sampler,
            workers=workers or 1,
            teacher_cache_size=64,
            fid_samples=64,
        )
    )
    bench.config.folder.mkdir(parents=True)
    observer = Observer(bench.config.storage_url, bench.config.study)
    with suppress(KeyboardInterrupt):  # what was seen until then is printed
        (with_workers if workers else alone)(bench, observer)
    return observer.moments


def thinned(moments: list[Moment], most: int = MOMENTS) -> list[Moment]:
    """Some of the moments, evenly by trials: the first after each share, and the last."""
    last, chosen = moments[-1].trials, list[Moment]()
    for moment in moments:
        if not chosen or moment.trials >= chosen[-1].trials + last / most:
            chosen.append(moment)
    return chosen if chosen[-1] == moments[-1] else [*chosen, moments[-1]]


def memory_figure(moments: list[Moment]) -> go.Figure:
    """Memory of the driver and size of the database over trials."""
    figure = go.Figure()
    for name, values, colour in (
        ("driver, resident", [m.memory_mb for m in moments], "#1f6f8b"),
        ("database", [m.database_mb for m in moments], "#c8553d"),
    ):
        line = {"color": colour, "width": 2}
        figure.add_scatter(x=[m.trials for m in moments], y=values, name=name, mode="lines", line=line)
    title = f"a search of {moments[-1].trials:,} stubs"
    figure.update_layout(title=title, xaxis_title="trials that have ended", yaxis_title="MB")
    return figure


def main() -> None:
    """Search and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=0, help="stub workers on Ray; 0 is the driver alone")
    parser.add_argument("--sampler", default="random", help="as of nas-search")
    parser.add_argument("--storage", help="URL of an empty database; default: a SQLite file")
    parser.add_argument("--plot", type=Path, help="PNG of memory over trials")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    trials = min(options.trials, 40) if options.quick else options.trials
    with tempfile.TemporaryDirectory() as scratch:
        moments = search(Path(scratch), options.storage, trials, options.workers, options.sampler)
    if options.plot is not None:
        draw_figure(memory_figure(moments)).save(options.plot)
    shown = thinned(moments)
    if options.json:
        print(json.dumps({"moments": [asdict(moment) for moment in shown]}))
        return
    driver = f"{'ms a trial':>11} {'CPU':>6} {'MB':>7} {'files':>6}"
    print(f"{'trials':>7} {driver} {'database MB':>12} {'workers MB':>11}")
    for before, after in pairwise(shown):
        print(_line(before, after))


def _line(before: Moment, after: Moment) -> str:
    ended = max(1, after.trials - before.trials)
    wall = 1000 * (after.seconds - before.seconds) / ended
    cpu = 1000 * (after.cpu_seconds - before.cpu_seconds) / ended
    memory = f"{after.memory_mb:7.0f} {after.open_files:6} {after.database_mb:12.1f} {after.workers_mb:11.0f}"
    return f"{after.trials:7,} {wall:11.1f} {cpu:6.1f} {memory}"


if __name__ == "__main__":
    main()
