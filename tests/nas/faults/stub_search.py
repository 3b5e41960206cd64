"""A search without Ray and training, otherwise the real one: its driver, its study, its files."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ray import tune
from ray.exceptions import ActorDiedError, WorkerCrashedError
from ray.tune.search import Searcher
from rich.console import Console

from distill.evaluation import FidScore
from distill.training import Progress
from nas.config import SearchConfig
from nas.driver import run_search
from nas.driver import search as driver
from nas.errors import ConfigError
from nas.exchange import this_node
from nas.execution import (
    MOST_LOST,
    CandidateTrial,
    LostWorkers,
    ParetoHalving,
    StudySearcher,
    WorkerResources,
    candidate,
    cluster,
    trainable,
)
from nas.execution.candidate import Candidate
from nas.ranking import RungBoard
from nas.workbench import Workbench
from tests.nas.faults.operations import call


class StubTraining:
    """Stands for a `Trainer`: counts images, in two steps a rung."""

    kd_weight = 0.5

    def __init__(self) -> None:
        self.images, self.losses, self.ema = 0, dict[str, float](), None

    def train(self, until: int, note: Callable[[Progress], None]) -> None:
        for images in (self.images + (until - self.images) // 2, until):
            self.images, self.losses = images, {"g_kd": 1 / images}
            note(Progress(images, self.kd_weight, self.losses))

    def state_dict(self) -> dict[str, Any]:
        return {"images": self.images, "losses": self.losses, "weights": torch.arange(8)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.images, self.losses = int(state["images"]), dict(state["losses"])


class StubCandidate(Candidate):
    """Keeps checkpoints as a candidate does; its FID is a function of its architecture, seed and images."""

    def _fid_before(self, trainer: Any) -> float:
        return 100.0

    def _measure(self, student: Any, images: int, losses: Mapping[str, float]) -> dict[str, Any]:
        (self.folder / "samples.png").write_bytes(b"a picture")
        chance = random.Random(f"{self.architecture} {self.seed} {images}")
        return {
            "images": images,
            "fid": 20 + 10 * chance.random() + 1000 / images,
            "kid": None,
            "fid_samples": self.bench.config.fid_samples,
            "fid_extractor": "stub",
            "fid_extractor_digest": "0" * 16,
            "fid_seed": 0,
            "losses": dict(losses),
            "worker": "stub",
            "samples": str((self.folder / "samples.png").relative_to(self.bench.config.folder)),
            "macs": 1000 + len(str(self.architecture)),
            "params": 500,
        }

    @property
    def _images(self) -> int:
        return self.bench.config.rungs[-1]


class StubTrial(CandidateTrial):
    """The trainable of a search of stubs: it needs no workbench."""

    def setup(self, config: dict[str, Any], settings: dict[str, Any] | None = None, token: str = "") -> None:
        self._node = this_node(SearchConfig.model_validate(settings), token)
        self._problem = ""
        self._node.enter()
        search = self._node.config
        bench: Any = SimpleNamespace(
            config=search,
            identity={"space": "stub"},
            fidelity=SimpleNamespace(extractor=SimpleNamespace(digest="0" * 16)),
            student=lambda architecture, seed: None,
            trainer=lambda student, seed: StubTraining(),
        )
        self._bench = bench
        self._candidate = None
        self._make = self._prepare()
        self.reset_config(config)

    def _prepare(self) -> Any:
        return partial(StubCandidate, self._bench, owner=self._node.owner, node=self._node)


class TuneTrial(SimpleNamespace):
    """Ray Tune's idea of a trial."""

    config: dict[str, Any]
    trial_id: str
    max_failures: int = MOST_LOST - 1  # workers

    def set_config(self, config: dict[str, Any]) -> None:
        self.config = config

    def is_finished(self) -> bool:
        return False


def worker_died() -> Exception:
    """What Ray raises when the process that a call was made to has ended."""
    return ActorDiedError()


class LocalWorker:
    """A trainable in this process; calls of it are operations."""

    def __init__(
        self, kind: type[tune.Trainable], config: dict[str, Any], settings: dict[str, Any], token: str
    ) -> None:
        self._trainable = kind.__new__(kind)
        call("start a worker", lambda: self._trainable.setup(config, settings, token), worker_died)

    def reset(self, config: dict[str, Any], tick: Callable[[], None]) -> None:
        """Train another candidate."""
        call("reset", lambda: self._trainable.reset_config(config), worker_died)

    def step(self, tick: Callable[[], None]) -> dict[str, Any]:
        """Train a rung; `tick` is called while it does."""
        return call("step", self._trainable.step, worker_died)


def nothing_to_watch(config: SearchConfig, searcher: StudySearcher) -> Callable[[TuneTrial, Any], None]:
    """No watchdog: what stands still in this process is the driver."""
    return lambda trial, worker: None


def one_by_one(
    config: SearchConfig,
    searcher: StudySearcher,
    board: RungBoard,
    kind: type[tune.Trainable],
    resources: WorkerResources,
    token: str,
    make: Callable[..., Any] = LocalWorker,
    watching: Callable[[SearchConfig, StudySearcher], Callable[[TuneTrial, Any], None]] = nothing_to_watch,
) -> None:
    """What Ray Tune does with one worker: it is used again, and replaced when it is lost.

    Args:
        config, searcher, board, kind, resources, token: as of `tune_candidates`.
        make: starts a worker.
        watching: makes what is called of a trial and its worker, again and again while it trains.
    """
    halving, settings = ParetoHalving(board), config.absolute().model_dump(mode="json")
    watch, worker, number = watching(config, searcher), None, 0
    while searcher.error is None:
        name, number = f"{number}", number + 1
        asked = searcher.suggest(name)
        if asked == Searcher.FINISHED:
            return
        assert isinstance(asked, dict)
        trial, result, is_ready, lost = TuneTrial(config=asked, trial_id=name), None, False, 0
        while result is None:
            try:
                if worker is None:
                    worker = make(kind, trial.config, settings, token)
                elif not is_ready:
                    worker.reset(trial.config, partial(watch, trial, worker))
                is_ready = True
                result = worker.step(partial(watch, trial, worker))
            except ActorDiedError:
                worker, is_ready, lost = None, False, lost + 1
                if lost > trial.max_failures:
                    searcher.on_trial_complete(name, error=True)
                    break
                LostWorkers(searcher).on_trial_recover(0, [trial], trial)
                continue
            if result["done"]:
                halving.on_trial_complete(None, trial, result)
            elif halving.on_trial_result(None, trial, result) == "CONTINUE":
                searcher.on_trial_result(name, result)
                result = None
        else:
            searcher.on_trial_complete(name, result)
    raise searcher.error


class StubRay:
    """Ray's tasks, in this process."""

    def remote(self, **resources: Any) -> Any:
        return lambda task: SimpleNamespace(remote=lambda *arguments: partial(task, *arguments))

    def get(self, reference: Any) -> Any:
        return call("task", reference, WorkerCrashedError)


class StubWorkbench(SimpleNamespace):
    """A workbench of a worker whose teacher and data nobody looks at."""

    def __init__(self, config: SearchConfig, **_: Any) -> None:
        super().__init__(precision="float32")

    def teacher_score(self) -> FidScore:
        return FidScore(1.0, 64, 64, "stub", "0" * 16, 0)

    def cached_files(self) -> list[Path]:
        return []


@contextmanager
def stub_cluster(config: SearchConfig, console: Console) -> Iterator[WorkerResources]:
    """One worker of a Ray that is not there."""
    call("start", lambda: None, lambda: ConfigError("Ray can't be started on this machine"))
    yield WorkerResources(1, 1, 0.0)


def run_stub_search(
    bench: Workbench,
    console: Console,
    open_cluster: Callable[[SearchConfig, Console], AbstractContextManager[WorkerResources]] = stub_cluster,
    tune_candidates: Callable[..., None] = one_by_one,
) -> None:
    """Run or resume the search of `bench` with stubs, by default in this process alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "open_cluster", open_cluster)
        patch.setattr(driver, "check_machine", lambda: None)
        patch.setattr(driver, "_announce", lambda *_: None)
        patch.setattr(driver, "tune_candidates", tune_candidates)
        patch.setattr(cluster, "ray", StubRay())
        patch.setattr(cluster, "Workbench", StubWorkbench)
        patch.setattr(candidate, "REPORT_SECONDS", 0.0)  # how many there are must not depend on the time
        patch.setattr(trainable, "gc", SimpleNamespace(collect=int))  # it takes longer than the search
        patch.setattr(trainable, "time", SimpleNamespace(sleep=float))  # nothing took a lost worker
        run_search(bench, console, trainable=StubTrial)
