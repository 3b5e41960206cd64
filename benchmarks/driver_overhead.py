"""What the driver of a search spends on a trial, apart from training, as the study grows.

    python -m benchmarks.driver_overhead
    python -m benchmarks.driver_overhead --samplers random,tpe,nsga2 --trials 10,1000
    python -m benchmarks.driver_overhead --storage postgresql+psycopg://user@host/empty_database
    python -m benchmarks.driver_overhead --quick --json

Candidates do nothing. Two things are measured apart:

* the study's part, without Ray: a study is filled with so many finished trials, and then further trials go
  through `StudySearcher`, `RungBoard` and `StudyRecorder` as Ray Tune would call them: propose, judge and
  record rung after rung, report. A figure is the median over them, and so the cost of one more trial in a
  study of that size. `random` is the driver's own cost; what another sampler adds is its row less that one;
* Tune's loop around it: the mean time between ends of trials in a short search of stubs, two workers, on a
  Ray of its own. The study's part is in it.

Studies are in a SQLite file, and in the PostgreSQL that --storage or NAS_TEST_POSTGRES names; studies made
there are deleted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy as sa
from ray.tune.search import Searcher
from rich.console import Console

from benchmarks.finished_trials import fill
from benchmarks.stub import StubTrial, stub_outcome
from nas.config import SearchConfig
from nas.driver import prepare, run_search
from nas.execution import SearchProgress, StudyRecorder, StudySearcher, from_tune
from nas.ranking import RungBoard
from nas.samplers import make_sampler
from nas.study import StudyStore
from nas.trials import Proposer
from nas.workbench import Workbench

SEED = 0
FEWEST = 3  # trials measured, however long they take
POSTGRES = "NAS_TEST_POSTGRES"


@dataclass(frozen=True)
class Row:
    """One sampler in one database at one size: milliseconds a trial, medians."""

    database: str
    sampler: str
    trials: int  # in the study when measuring began
    measured: int  # further ones
    propose: float
    judge: float
    record: float  # rungs, attributes, picture, verdict
    total: float
    cpu: float  # of the total: the rest is waiting, for the disk and for other processes
    commits: float  # mean number of transactions


class Driver:
    """The study's part of a search: what `nas.driver` wires together, less Ray."""

    def __init__(self, store: StudyStore, bench: Workbench, sampler: str) -> None:
        config = bench.config
        self._config, self._bench = config, bench
        self._utilisation = config.budget.utilisation(bench.space)
        self._store = store
        self._board = RungBoard(len(config.rungs), config.reduction_factor)
        for record in store.rungs():
            self._board.add(record.trial, record.rung, (record.fid, 1_000_000.0 + record.trial))
        store.study.sampler = make_sampler(sampler, SEED, bench.space, self._utilisation, self._board)
        nowhere = Console(file=open(os.devnull, "w"))  # noqa: SIM115  # as long as the process
        self._searcher = StudySearcher(
            Proposer(store, bench.space, self._utilisation, config),
            StudyRecorder(store, config.folder, len(config.rungs)),
            self._board,
            SearchProgress(nowhere, config.trials, len(config.rungs), config.distance),
        )

    def trial(self) -> tuple[float, float, float, float]:
        """Seconds that one more trial takes: to propose, to judge, to record; and those of the CPU."""
        began = _now()
        config = self._searcher.suggest("one")
        (propose, cpu), judge, record = _since(began), 0.0, 0.0
        assert config != Searcher.FINISHED
        assert isinstance(config, dict)
        proposal, rungs = from_tune(config), len(self._config.rungs)
        number = proposal.trial
        for rung in range(rungs):
            outcome = stub_outcome(self._config, number, rung)
            began = _now()
            if proposal.protected:
                self._board.protect(number)
            self._board.add(number, rung, (outcome.record.fid, float(outcome.cost.macs)))
            promoted = rung + 1 < rungs and self._board.decide(number, rung)
            judged = _now()
            if promoted:
                self._searcher.on_trial_result("one", {"outcome": outcome})
            else:
                self._searcher.on_trial_complete("one", {"outcome": outcome})
            judge, record = judge + judged[0] - began[0], record + _since(judged)[0]
            cpu += _since(began)[1]
            if not promoted:
                break
        return propose, judge, record, cpu


def _now() -> tuple[float, float]:
    """Seconds by the clock, and of this process's CPU time."""
    return time.perf_counter(), time.process_time()


def _since(then: tuple[float, float]) -> tuple[float, float]:
    return time.perf_counter() - then[0], time.process_time() - then[1]


def study_part(
    database: str,
    url: str,
    folder: Path,
    samplers: list[str],
    sizes: list[int],
    *,
    measured: int,
    limit: float,
) -> Iterator[Row]:
    """Every sampler at every size, one study growing from size to size; `limit` seconds for each."""
    name = f"driver-overhead-{uuid.uuid4().hex[:8]}"
    bench = prepare(
        SearchConfig.of(
            budget_macs=2_000_000, trials=10**6, workdir=folder, study=name, storage=url, seed=SEED
        )
    )
    config = bench.config
    config.folder.mkdir(parents=True)
    utilisation = config.budget.utilisation(bench.space)
    with study_for(bench) as store, _counted(store) as commits:
        for size in sorted(sizes):
            present = len(store.study.get_trials(deepcopy=False))
            fill(store, bench, utilisation, max(0, size - present), SEED + 1)
            with store.lease():
                for sampler in samplers:
                    driver, spent = Driver(store, bench, sampler), list[tuple[float, ...]]()
                    driver.trial()  # enqueues the baselines and initial designs
                    began, before = time.perf_counter(), commits[0]
                    while len(spent) < FEWEST or (
                        len(spent) < measured and time.perf_counter() - began < limit
                    ):
                        spent.append(driver.trial())
                    *parts, cpu = (1000 * statistics.median(part) for part in zip(*spent, strict=True))
                    total = 1000 * statistics.median(sum(each[:3]) for each in spent)
                    made = (commits[0] - before) / len(spent)
                    yield Row(database, sampler, size, len(spent), *parts, total, cpu, made)


@contextmanager
def _counted(store: StudyStore) -> Iterator[list[int]]:
    """How many transactions have been committed in the block."""
    commits = [0]

    def count(connection: sa.Connection) -> None:
        commits[0] += 1

    engines = (store._engine, store._storage.engine)
    for engine in engines:
        sa.event.listen(engine, "commit", count)
    try:
        yield commits
    finally:
        for engine in engines:
            sa.event.remove(engine, "commit", count)


@contextmanager
def study_for(bench: Workbench) -> Iterator[StudyStore]:
    """An open study, deleted at the end."""
    config = bench.config
    with StudyStore.open(config.storage_url, config.study, identity=bench.identity) as store:
        try:
            yield store
        finally:
            optuna.delete_study(study_name=config.study, storage=store.storage)


def tune_part(folder: Path, trials: int) -> float:
    """Seconds between ends of trials in a search of stubs, by the study's own clock."""
    bench = prepare(
        SearchConfig.of(
            budget_macs=2_000_000,
            trials=trials,
            workdir=folder,
            study="tune",
            sampler="random",
            workers=2,
            teacher_cache_size=64,
            fid_samples=64,
        )
    )
    with open(os.devnull, "w") as nowhere:
        run_search(bench, Console(file=nowhere), trainable=StubTrial)
    with StudyStore.open(bench.config.storage_url, "tune", create=False) as store:
        ends = sorted(
            t.datetime_complete for t in store.study.get_trials(deepcopy=False) if t.datetime_complete
        )
    return (ends[-1] - ends[1]).total_seconds() / (len(ends) - 2)  # the first two wait for their workers


def databases(folder: Path, given: str | None) -> dict[str, str]:
    """Storage URLs by name."""
    found = {"SQLite": f"sqlite:///{folder / 'study.db'}"}
    url = given or os.environ.get(POSTGRES)
    if url:
        found[sa.make_url(url).get_backend_name()] = url
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", default="10,1000,10000", help="sizes of the study")
    parser.add_argument("--samplers", default="random", help="names as of nas-search, with commas")
    parser.add_argument("--storage", help=f"URL of an empty database beside SQLite; default: ${POSTGRES}")
    parser.add_argument("--measured", type=int, default=21, help="trials measured at a size")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of measuring for each figure")
    parser.add_argument("--without-tune", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sizes = [int(size) for size in options.trials.split(",")]
    measured, tuned = options.measured, 60
    if options.quick:
        sizes, measured, tuned = [10, 100], 5, 8
    if not options.json:
        print(f"milliseconds a trial, medians; 16 px digits within 2 MMACs, seed {SEED}")
        parts = f"{'propose':>9} {'judge':>7} {'record':>8} {'total':>8} {'CPU':>8} {'commits':>8}"
        print(f"{'':12} {'sampler':8} {'in the study':>12} {'measured':>9} {parts}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder, samplers = Path(scratch), options.samplers.split(",")
        for database, url in databases(folder, options.storage).items():
            for row in study_part(
                database, url, folder, samplers, sizes, measured=measured, limit=options.limit
            ):
                rows.append(row)
                if not options.json:
                    print(_line(row), flush=True)  # the largest sizes take minutes
        tune = None if options.without_tune else tune_part(folder, tuned)
    if options.json:
        print(json.dumps(_figures(rows, tune)))
    elif tune is not None:
        print(
            f"{tuned} stubs through Ray Tune, SQLite, the study's part included: {1000 * tune:.0f} ms a trial"
        )


def _line(row: Row) -> str:
    parts = f"{row.propose:9.1f} {row.judge:7.1f} {row.record:8.1f} {row.total:8.1f}"
    parts += f" {row.cpu:8.1f} {row.commits:8.1f}"
    return f"{row.database:12} {row.sampler:8} {row.trials:12,} {row.measured:9} {parts}"


def _figures(rows: list[Row], tune: float | None) -> dict[str, Any]:
    """`seconds_per_trial` is the first sampler's in the first database at the largest size."""
    first = [r for r in rows if (r.database, r.sampler) == (rows[0].database, rows[0].sampler)]
    return {
        "seconds_per_trial": first[-1].total / 1000,
        "by_trials": {str(r.trials): r.total / 1000 for r in first},
        "with_tune_seconds_per_trial": tune,
        "seed": SEED,
        "rows": [asdict(r) for r in rows],
    }


if __name__ == "__main__":
    main()
