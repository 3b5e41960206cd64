"""A search without Ray and training, otherwise the real one: its driver, its study, its files."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
from nas.study import FolderOwner
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
        search = SearchConfig.model_validate(settings)
        self._owner = FolderOwner(search.folder, token)
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
        return partial(StubCandidate, self._bench, owner=self._owner)


class TuneTrial(SimpleNamespace):
    """Ray Tune's idea of a trial."""

    config: dict[str, Any]
    trial_id: str

    def set_config(self, config: dict[str, Any]) -> None:
        self.config = config


def worker_died() -> Exception:
    """What Ray raises when the process that a call was made to has ended."""
    return ActorDiedError()


def one_by_one(
    config: SearchConfig,
    searcher: StudySearcher,
    board: RungBoard,
    kind: type[tune.Trainable],
    resources: WorkerResources,
    token: str,
) -> None:
    """What Ray Tune does with one worker, in this process: workers are used again, and lost ones replaced."""
    halving, settings, number = ParetoHalving(board), config.absolute().model_dump(mode="json"), 0
    worker: tune.Trainable | None = None

    def prepare(trial: TuneTrial) -> tune.Trainable:
        """A worker for `trial`: the one that is there, or a new one."""
        if worker is not None:
            call("reset", lambda: worker.reset_config(trial.config), worker_died)
            return worker
        made = kind.__new__(kind)
        call("start a worker", lambda: made.setup(trial.config, settings, token), worker_died)
        return made

    while searcher.error is None:
        name, number = f"{number}", number + 1
        asked = searcher.suggest(name)
        if asked == Searcher.FINISHED:
            return
        assert isinstance(asked, dict)
        trial, result, is_ready, lost = TuneTrial(config=asked, trial_id=name), None, False, 0
        while result is None:
            try:
                worker = worker if is_ready else prepare(trial)
                is_ready = True
                result = call("step", worker.step, worker_died)
            except ActorDiedError:
                worker, is_ready, lost = None, False, lost + 1
                if lost == MOST_LOST:
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


@contextmanager
def stub_cluster(config: SearchConfig) -> Iterator[WorkerResources]:
    """One worker of a Ray that is not there."""
    call("start", lambda: None, lambda: ConfigError("Ray can't be started on this machine"))
    yield WorkerResources(1, 1, 0.0)


def run_stub_search(bench: Workbench, console: Console) -> None:
    """Run or resume the search of `bench` with stubs, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "open_cluster", stub_cluster)
        patch.setattr(driver, "check_machine", lambda: None)
        patch.setattr(driver, "_announce", lambda *_: None)
        patch.setattr(driver, "tune_candidates", one_by_one)
        patch.setattr(cluster, "ray", StubRay())
        patch.setattr(cluster, "Workbench", StubWorkbench)
        patch.setattr(candidate, "REPORT_SECONDS", 0.0)  # how many there are must not depend on the time
        patch.setattr(trainable, "gc", SimpleNamespace(collect=int))  # it takes longer than the search
        patch.setattr(trainable, "time", SimpleNamespace(sleep=float))  # nothing took a lost worker
        run_search(bench, console, trainable=StubTrial)
