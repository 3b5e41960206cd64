"""A search without Ray and training, otherwise the real one: its driver, its study, its files."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ray import tune
from ray.tune.search import Searcher
from rich.console import Console

from distill.evaluation import FidScore
from nas.config import SearchConfig
from nas.driver import record_facts, run_search
from nas.driver import search as driver
from nas.execution import CandidateTrial, ParetoHalving, StudySearcher, WorkerResources, trainable
from nas.execution.candidate import Candidate
from nas.ranking import RungBoard
from nas.study import FolderOwner
from nas.workbench import Workbench

ALONE = WorkerResources(1, 1, 0.0)


class StubTraining:
    """Stands for a `Trainer`: counts images."""

    def __init__(self) -> None:
        self.images, self.losses, self.ema = 0, dict[str, float](), None

    def state_dict(self) -> dict[str, Any]:
        return {"images": self.images, "weights": torch.arange(8)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.images = int(state["images"])


class StubCandidate(Candidate):
    """Keeps checkpoints as a candidate does; its FID is a function of its architecture, seed and images."""

    def _fid_before(self, trainer: Any) -> float:
        return 100.0

    def _train(self, trainer: Any, rung: int, begun: Any) -> float:
        trainer.images = self.bench.config.rungs[rung]
        return 0.5

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
        self._make = self._prepare()
        self.reset_config(config)

    def _prepare(self) -> Any:
        return partial(StubCandidate, self._bench, owner=self._owner)


def one_by_one(
    config: SearchConfig,
    searcher: StudySearcher,
    board: RungBoard,
    kind: type[tune.Trainable],
    resources: WorkerResources,
    token: str,
) -> None:
    """What Ray Tune does with one worker, in this process."""
    halving, settings, number = ParetoHalving(board), config.absolute().model_dump(mode="json"), 0
    while searcher.error is None:
        name, number = f"{number}", number + 1
        asked = searcher.suggest(name)
        if asked == Searcher.FINISHED:
            return
        assert isinstance(asked, dict)
        trial = SimpleNamespace(config=asked, trial_id=name)
        worker = kind.__new__(kind)
        worker.setup(asked, settings, token)
        while True:
            result = worker.step()
            if result["done"]:
                halving.on_trial_complete(None, trial, result)
            elif halving.on_trial_result(None, trial, result) == "CONTINUE":
                searcher.on_trial_result(name, result)
                continue
            searcher.on_trial_complete(name, result)
            break
    raise searcher.error


def prepare_nothing(bench: Workbench, store: Any, resources: WorkerResources, console: Console) -> None:
    """The facts of a search whose teacher and data nobody looks at."""
    record_facts(store, bench, FidScore(1.0, 64, 64, "stub", "0" * 16, 0), "float32")


def run_stub_search(bench: Workbench, console: Console) -> None:
    """Run or resume the search of `bench` with stubs, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "_cluster", lambda *_: ALONE)
        patch.setattr(driver, "pack", lambda config, resources, console: resources)
        patch.setattr(driver, "check_machine", lambda: None)
        patch.setattr(driver, "_announce", lambda *_: None)
        patch.setattr(driver, "_prepare_shared", prepare_nothing)
        patch.setattr(driver, "tune_candidates", one_by_one)
        patch.setattr(trainable, "gc", SimpleNamespace(collect=int))  # it takes longer than the search
        run_search(bench, console, trainable=StubTrial)


def files_of(folder: Path) -> set[str]:
    """Names of all files below `folder`, but the database's."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("study.db")
    }
