"""Whatever operation of a search fails, and however: the same command again ends in the undisturbed study."""

from __future__ import annotations

import io
import os
import shutil
from collections import Counter

import pytest
import sqlalchemy as sa
from rich.console import Console

from nas.database import LeaseRow, Retries
from nas.errors import SearchError
from nas.study import store as stores
from nas.workbench import Workbench
from search_spaces import UserError
from tests.nas.conftest import MakeBench
from tests.nas.faults.invariants import broken_invariants, table
from tests.nas.faults.operations import Fault, KilledError, Operations, watched
from tests.nas.faults.stub_search import run_stub_search

pytestmark = pytest.mark.slow

EVERY = "NAS_TEST_EVERY_OPERATION"  # environment variable: set, the whole plan is carried out
SHARES, STRIDE = (4, 1) if os.environ.get(EVERY) else (1, 50)  # shares of the plan; every so many operations
REPEATED = Retries("storage", seconds=0.03, first_wait=0.002, longest_wait=0.01)


@pytest.fixture
def bench(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    monkeypatch.setattr(stores, "Retries", lambda storage, seconds=0.0: REPEATED)
    return make_bench(trials=2, replicates=1, rungs=(64, 128), sampler="random", keep="all", workers=1)


def _run(bench: Workbench, operations: Operations) -> BaseException | None:
    """Run the search under `operations`; what ended it."""
    try:
        with watched(operations):
            run_stub_search(bench, Console(file=io.StringIO()))
    except (KilledError, UserError, SearchError) as error:
        return error
    return None


def _bury(bench: Workbench) -> None:
    """Have the lease of a driver that was killed be that of a process that has ended."""
    if not (bench.config.folder / "study.db").exists():
        return  # the search was refused before it had a study
    engine = sa.create_engine(bench.config.storage_url)
    with engine.begin() as connection:
        if sa.inspect(connection).has_table(LeaseRow.__tablename__):
            connection.execute(sa.update(LeaseRow).values(heartbeat=0.0, pid_space="of another machine"))
    engine.dispose()


def _undisturbed(bench: Workbench) -> tuple[list[tuple[object, ...]], Operations]:
    operations = Operations(bench.config.folder)
    assert _run(bench, operations) is None
    found = table(bench.config)
    assert broken_invariants(bench.config) == []
    shutil.rmtree(bench.config.workdir)
    return found, operations


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("fault", Fault)
def test_the_same_command_ends_in_the_undisturbed_study(bench: Workbench, fault: Fault, share: int) -> None:
    wanted, counted = _undisturbed(bench)
    failed: Counter[str] = Counter()
    broken: list[str] = []
    for at in range(1 + share * STRIDE + STRIDE // 2, len(counted.seen) + 1, SHARES * STRIDE):
        if fault == Fault.ACKNOWLEDGEMENT and counted.seen[at - 1] != "commit":
            continue
        operations = Operations(bench.config.folder, at, fault)
        ended = _run(bench, operations)
        if operations.failed:
            failed[operations.failed[0]] += 1
        if ended is not None:
            _bury(bench)
            again = _run(bench, Operations(bench.config.folder))
            broken += [] if again is None else [f"{operations.failed[0]} {at}: {again}"]
        found = broken_invariants(bench.config)
        found += [] if table(bench.config) == wanted else ["the study is not the undisturbed one"]
        broken += [f"{operations.failed[:1]} {at}: {what}" for what in found]
        shutil.rmtree(bench.config.workdir)
    assert failed, "nothing failed"
    print(f"{fault.value}: {sum(failed.values())} of {len(counted.seen)} operations: {dict(failed)}")
    assert broken == []
