"""Whatever operation of a search fails, and however: the same command again ends in the undisturbed study."""

from __future__ import annotations

import functools
import io
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest
import sqlalchemy as sa
from alembic.util import pyfiles
from rich.console import Console

from nas.database import LeaseRow, Retries
from nas.errors import SearchError
from nas.retrying import RetryPolicy
from nas.study import StudyStore
from nas.study import store as stores
from nas.trials import TrialAttributes
from nas.workbench import Workbench
from search_spaces import UserError
from tests.nas.conftest import MakeBench
from tests.nas.faults.invariants import broken_invariants, table
from tests.nas.faults.operations import (
    Fault,
    KilledError,
    Operations,
    Plan,
    can_be_unacknowledged,
    watched,
)
from tests.nas.faults.stub_search import run_stub_search

pytestmark = pytest.mark.slow

EVERY = "NAS_TEST_EVERY_OPERATION"  # environment variable: set, the whole plan is carried out
SHARES, STRIDE = (4, 1) if os.environ.get(EVERY) else (1, 120)  # shares of the plan; every so many operations
LASTING = Retries("storage", RetryPolicy(0.02, initial_delay=0.002, max_delay=0.01))
PASSING = Retries("storage", replace(LASTING.policy, timeout=30.0))  # however busy the machine

load, load_once = pyfiles.load_module_py, functools.cache(pyfiles.load_module_py)


@pytest.fixture
def bench(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    monkeypatch.setattr(pyfiles, "load_module_py", _module)
    return make_bench(
        trials=2,
        replicates=1,
        rungs=(64, 128),
        sampler="random",
        keep="all",
        workers=1,
        checkpoint_every=1e-9,  # at every chance
    )


def _module(name: str, path: str) -> ModuleType:
    """Alembic's way to a migration, read once: reading all is a third of a search of stubs."""
    return (load_once if Path(path).parent.name == "versions" else load)(
        name, path
    )  # env.py is run, not read


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


class Scene:
    """What a search finds when it begins: nothing, or what a killed one has left."""

    def __init__(self, bench: Workbench, left: Path | None, statements: bool) -> None:
        self.bench, self._left, self.statements = bench, left, statements

    def set(self) -> None:
        """Set it up again."""
        shutil.rmtree(self.bench.config.workdir, ignore_errors=True)
        if self._left is not None:
            shutil.copytree(self._left, self.bench.config.workdir)

    def run(
        self, at: int | None = None, fault: Fault = Fault.ONCE
    ) -> tuple[BaseException | None, Operations]:
        """Run the search; what ended it, and its operations."""
        operations = Operations(self.bench.config.folder, at, fault, self.statements)
        retries = LASTING if fault in (Fault.FOR_GOOD, Fault.KILLED) else PASSING
        with mock.patch.object(stores, "Retries", return_value=retries):
            return _run(self.bench, operations), operations


def _undisturbed(scene: Scene) -> tuple[list[tuple[object, ...]], Operations]:
    scene.set()
    ended, operations = scene.run()
    assert ended is None
    assert broken_invariants(scene.bench.config) == []
    return table(scene.bench.config), operations


def _interrupted(bench: Workbench, kept: Path) -> Path:
    """What a search leaves that is killed when the second trial's first rung is on disk, and not recorded."""
    scene = Scene(bench, None, statements=False)
    _, counted = _undisturbed(scene)
    steps = [at for at, what in enumerate(counted.seen) if what == "Ray: step"]
    next_commit = counted.seen.index("commit", steps[2])
    scene.set()
    ended, _ = scene.run(next_commit + 1, Fault.KILLED)
    assert isinstance(ended, KilledError)
    _bury(bench)
    shutil.copytree(bench.config.workdir, kept)
    return kept


CASES = [(scene, fault) for scene in ("a new search", "a resumed search") for fault in Fault]
CASES.append(("each statement of a new search", Fault.ONCE))  # else as the next commit


@pytest.fixture
def make_scene(bench: Workbench, tmp_path: Path) -> Callable[[str], Scene]:
    def make(name: str) -> Scene:
        left = _interrupted(bench, tmp_path / "left") if name == "a resumed search" else None
        return Scene(bench, left, statements=name.startswith("each statement"))

    return make


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize(("name", "fault"), CASES)
def test_the_same_command_ends_in_the_undisturbed_study(
    make_scene: Callable[[str], Scene], name: str, fault: Fault, share: int
) -> None:
    scene = make_scene(name)
    wanted, counted = _undisturbed(scene)
    plan, broken = Plan(fault), list[str]()
    planned = [at for at, what in enumerate(counted.seen, 1) if _is_planned(scene, fault, what)]
    for at in planned[share * STRIDE + min(STRIDE, len(planned)) // 2 :: SHARES * STRIDE]:
        scene.set()
        ended, operations = scene.run(at, fault)
        plan.failed[operations.failed[0] if operations.failed else "none"] += 1
        found = []
        if ended is not None or fault == Fault.FOR_GOOD:  # the last one is to give the lease back
            _bury(scene.bench)
            again, _ = scene.run()
            found += [] if again is None else [f"ends again, by {again}"]
        found += broken_invariants(scene.bench.config)
        found += [] if table(scene.bench.config) == wanted else ["the study is not the undisturbed one"]
        if operations.failed[:1] in (["Ray: step"], ["Ray: reset"], ["Ray: start a worker"]):
            found += [] if ended is not None or _workers_lost(scene.bench) == 1 else ["no lost worker"]
        broken += [f"operation {at}, {operations.failed[:1]}: {each}" for each in found]
    print(f"{name}, {plan}, broken: {len(broken)}")
    assert broken == []
    assert plan.failed
    assert "none" not in plan.failed, "a planned operation was not reached"


def test_files_that_a_study_refers_to_are_on_the_disk_before_they_have_their_names(
    make_scene: Callable[[str], Scene],
) -> None:
    _, counted = _undisturbed(make_scene("a new search"))
    durable = ("rename .pt", "rename .toml", "rename .driver")
    renamed = [at for at, what in enumerate(counted.seen) if what in durable]
    assert {counted.seen[at] for at in renamed} == set(durable)
    for at in renamed:
        assert "fsync .partial" in counted.seen[at - 2 : at], counted.seen[at - 5 : at + 4]
        assert counted.seen[at + 1 : at + 3] == ["read folder", "fsync folder"]


def _is_planned(scene: Scene, fault: Fault, operation: str) -> bool:
    """Whether `operation` is one that fails in this scene, in this way."""
    if scene.statements and not operation.startswith("statement"):
        return False  # other scenes have them
    return fault != Fault.ACKNOWLEDGEMENT or can_be_unacknowledged(operation)


def _workers_lost(bench: Workbench) -> int:
    with StudyStore.open(bench.config.storage_url, bench.config.study, create=False) as store:
        return sum(TrialAttributes.from_trial(trial).workers_lost for trial in store.study.get_trials())
