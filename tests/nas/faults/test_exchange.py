"""A search whose nodes exchange files through a store that fails: it is the undisturbed one all the same."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import ActorDiedError
from rich.console import Console

from nas.errors import ConfigError, SearchError, StudyError
from nas.exchange import VARIABLE, ExchangeOutageError, node, object_store, receiver, reports
from nas.execution import WorkerResources
from nas.retrying import RetryPolicy
from nas.study import StudyStore
from nas.workbench import Workbench
from tests.nas.conftest import MakeBench
from tests.nas.faults.invariants import broken_invariants, table
from tests.nas.faults.stub_search import LocalWorker, one_by_one, run_stub_search

pytestmark = pytest.mark.slow

EVERY = 1 if os.environ.get("NAS_TEST_EVERY_OPERATION") else 9  # operation of the plan
BRIEF = RetryPolicy(0.05, 0.01, 0.01)
SEARCH: dict[str, Any] = {
    "trials": 3,
    "replicates": 1,
    "rungs": (64, 128, 256),
    "sampler": "random",
    "keep": "all",
    "workers": 1,
    "study": "stub",
    "checkpoint_every": 1e-9,
}
OPERATIONS = ("put_file", "pipe_file", "cat_file", "open", "find", "rm", "rm_file")


class AwayError(Exception):
    """What a client says of a server that answers 503, or not at all."""


class KilledError(BaseException):
    """Stands for the end of the driver's process."""


class Files:
    """A file system of fsspec's whose operations are counted, and fail where `fault` says so."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.done = inner, list[str]()
        self.fault: Callable[[int, str, tuple[Any, ...]], None] = lambda number, name, given: None

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        return partial(self._call, name, found) if name in OPERATIONS else found

    def _call(self, name: str, found: Any, *given: Any, **more: Any) -> Any:
        self.done.append(name)
        self.fault(len(self.done) - 1, name, given)
        return found(*given, **more)


class GivingUp(LocalWorker):
    """A worker that Tune replaces where it raises that the store is away."""

    def step(self, tick: Callable[[], None]) -> dict[str, Any]:
        try:
            return super().step(tick)
        except ExchangeOutageError:
            raise ActorDiedError from None


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Files:
    """The store of the search; the node's work folder is not the driver's."""
    made = Files(object_store._file_system("file:///"))

    def gone(name: str) -> None:
        raise ValueError(name)

    monkeypatch.setenv(VARIABLE, str(tmp_path / "node"))
    monkeypatch.setattr(object_store, "_file_system", lambda url: made)
    monkeypatch.setattr(node, "RETRIES", BRIEF)
    monkeypatch.setattr(receiver, "DEFAULT_RETRIES", BRIEF)
    monkeypatch.setattr(receiver, "LEAVING", BRIEF)
    monkeypatch.setattr(receiver, "reports_written", lambda name: nullcontext())
    monkeypatch.setattr(reports, "ray", SimpleNamespace(get_actor=gone))
    return made


@pytest.fixture
def bench(make_bench: MakeBench, tmp_path: Path) -> Workbench:
    return make_bench(**SEARCH, exchange=f"file://{tmp_path}/store")


def run(bench: Workbench) -> None:
    run_stub_search(bench, Console(file=io.StringIO()), tune_candidates=partial(one_by_one, make=GivingUp))


@pytest.fixture
def wanted(make_bench: MakeBench, tmp_path: Path) -> list[Any]:
    """The study of a search without an exchange that nothing disturbs."""
    alone = make_bench(**SEARCH, workdir=tmp_path / "alone")
    run(alone)
    return table(alone.config)


def left_in(store: Path) -> list[Path]:
    return [path for path in store.rglob("*") if path.is_file()]


def check(bench: Workbench, wanted: list[Any], tmp_path: Path) -> None:
    """The study is the undisturbed one, and nothing is left in the store."""
    assert broken_invariants(bench.config) == []
    assert table(bench.config) == wanted
    assert left_in(tmp_path / "store") == []


def test_a_search_through_a_store_is_the_one_in_a_shared_folder(
    files: Files, bench: Workbench, wanted: list[Any], tmp_path: Path
) -> None:
    run(bench)
    check(bench, wanted, tmp_path)
    folders = list((tmp_path / "node" / "stub" / "trials").glob("*"))
    assert len(folders) <= 1, "a node keeps no trials that are over"
    print(f"{len(files.done)} operations of the store")


def test_a_driver_that_lost_its_lease_removes_no_objects(
    files: Files, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: Any) -> None:
        raise StudyError("the lease is another driver's")

    run(bench)
    monkeypatch.setattr(StudyStore, "check_lease", lost)
    monkeypatch.setattr(receiver.StoreReceiver, "finish", lambda self: pytest.fail("removed"))
    with pytest.raises(StudyError, match="another driver's"):
        run(bench)


def test_a_search_that_is_refused_after_its_claim_leaves_the_store_to_others(
    files: Files, bench: Workbench, wanted: list[Any], tmp_path: Path
) -> None:
    @contextmanager
    def no_worker(*_: object) -> Iterator[WorkerResources]:
        assert left_in(tmp_path / "store") != []
        raise ConfigError("no worker has joined the Ray cluster")
        yield

    with pytest.raises(ConfigError, match="no worker has joined"):
        run_stub_search(bench, Console(file=io.StringIO()), no_worker)
    assert left_in(tmp_path / "store") == []
    assert not bench.config.folder.exists()
    bench.config = bench.config.model_copy(update={"workdir": tmp_path / "another"})
    run(bench)
    check(bench, wanted, tmp_path)


def _operations(files: Files, bench: Workbench, wanted: list[Any], tmp_path: Path) -> int:
    """How many operations an undisturbed search has; its study is removed again."""
    begun = bench.config
    bench.config = begun.model_copy(update={"workdir": tmp_path / "counted"})
    run(bench)
    assert table(bench.config) == wanted
    bench.config = begun
    count = len(files.done)
    files.done.clear()
    return count


def test_an_operation_that_fails_once_changes_nothing(
    files: Files, bench: Workbench, wanted: list[Any], tmp_path: Path
) -> None:
    total, begun = _operations(files, bench, wanted, tmp_path), bench.config
    for failing in range(0, total, EVERY):

        def fault(number: int, name: str, given: tuple[Any, ...], failing: int = failing) -> None:
            if number != failing:
                return
            if name == "put_file":  # half of it arrives
                content = Path(given[0]).read_bytes()
                files.inner.pipe_file(given[1], content[: len(content) // 2])
            raise AwayError("503")

        files.fault, files.done = fault, []
        bench.config = begun.model_copy(update={"workdir": tmp_path / f"runs-{failing}"})
        run(bench)
        check(bench, wanted, tmp_path)


def test_a_store_that_stays_away_ends_the_search_and_the_same_command_resumes(
    files: Files, bench: Workbench, wanted: list[Any], tmp_path: Path
) -> None:
    total, begun = _operations(files, bench, wanted, tmp_path), bench.config
    ended = 0
    for failing in range(0, total, 2 * EVERY):

        def fault(number: int, name: str, given: tuple[Any, ...], failing: int = failing) -> None:
            if number >= failing:
                raise AwayError("503")

        files.fault, files.done = fault, []
        bench.config = begun.model_copy(update={"workdir": tmp_path / f"runs-{failing}"})
        said = ""
        try:
            run(bench)
        except (SearchError, ConfigError) as error:  # the latter before anything has begun
            said = str(error)
            ended += isinstance(error, SearchError)
        assert not said or f"file://{tmp_path}/store" in said, said
        files.fault = lambda number, name, given: None
        run(bench)
        check(bench, wanted, tmp_path)
        with_lost = [row for row in table(bench.config) if isinstance(row, tuple) and row[1] == "FAIL"]
        assert with_lost == []
    assert ended


def test_a_driver_killed_between_put_and_record_resumes_from_the_store(
    files: Files, bench: Workbench, wanted: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive, left = receiver.StoreReceiver.receive, [4]

    def killed(self: Any, trial: int, given: dict[str, str]) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise KilledError
        receive(self, trial, given)

    with monkeypatch.context() as patch:
        patch.setattr(receiver.StoreReceiver, "receive", killed)
        with pytest.raises(KilledError):
            run(bench)
    assert left_in(tmp_path / "store")
    for path in (tmp_path / "node" / "stub" / "trials").rglob("*.pt"):
        path.unlink()  # the node is another one
    run(bench)
    check(bench, wanted, tmp_path)
