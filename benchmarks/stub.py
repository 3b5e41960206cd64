"""A candidate that does nothing but report, to measure what is around candidates."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Any

import psutil
from PIL import Image
from ray import tune

from nas.budget import Cost
from nas.config import SearchConfig
from nas.execution import Outcome, from_tune
from nas.study import RungRecord, trial_folder

PATIENCE = 120.0  # seconds that a worker waits for others


def stub_outcome(config: SearchConfig, number: int, rung: int, *, picture: bool = True) -> Outcome:
    """What trial `number` reports at `rung`, a function of the two; its `picture` is written if wanted."""
    fid = 10.0 + number * 7919 % 1009 / 50 + 5.0 / (1 + rung)
    if picture:
        folder = trial_folder(config.folder, number)
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("L", (16, 16)).save(folder / "samples.png")
    record = RungRecord(
        trial=number,
        rung=rung,
        images=config.rungs[rung],
        fid=fid,
        fid_samples=config.fid_samples,
        fid_extractor="stub",
        fid_seed=0,
        kd_weight=0.0,
        losses={},
        seconds=0.0,
        worker="stub",
        checkpoint=str(Path("trials") / f"{number:04d}" / f"checkpoint-rung-{rung + 1}.pt"),
        sha256="0" * 64,
    )
    return Outcome(record, Cost(1_000_000 + number, 1_000), f"trials/{number:04d}/samples.png")


class StubTrial(tune.Trainable):
    """Answers every rung at once with an FID that is a function of the trial's number."""

    def setup(self, config: dict[str, Any], settings: dict[str, Any] | None = None, token: str = "") -> None:
        self._search = SearchConfig.model_validate(settings)
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        proposal = from_tune(new_config)
        self._number, self._rung = proposal.trial, proposal.start_rung
        return True

    def step(self) -> dict[str, Any]:
        outcome = stub_outcome(self._search, self._number, self._rung)
        rung, fid = outcome.record.rung, outcome.record.fid
        self._rung += 1
        done = self._rung == len(self._search.rungs)
        return {"outcome": outcome, "rung": rung, "fid": fid, "macs": outcome.cost.macs, "done": done}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing to keep."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing was kept."""


class ConcurrentStub(StubTrial):
    """The same for many workers: one of them reports at a time, and none while another one starts.

    Tune keeps one free worker, and ends a second that becomes free before the first has its next trial. A
    trial whose worker starts is given to one that is free, and what was starting is ended. Trials of minutes
    hardly meet either; trials that take no time would have Tune start and end processes all the time.
    """

    def setup(self, config: dict[str, Any], settings: dict[str, Any] | None = None, token: str = "") -> None:
        super().setup(config, settings, token)
        self._workers = self._search.folder / "workers"
        self._workers.mkdir(exist_ok=True)
        (self._workers / str(os.getpid())).touch()
        self._turn = (self._search.folder / "turn").open("w")

    def step(self) -> dict[str, Any]:
        fcntl.flock(self._turn, fcntl.LOCK_UN)  # held since this worker's last report
        give_up = time.monotonic() + PATIENCE
        while self._number < self._search.trials - self._search.workers and time.monotonic() < give_up:
            if self._is_my_turn() and self._all_are_up():
                break
            time.sleep(0.05)
        return super().step()

    def _all_are_up(self) -> bool:
        up = sum(psutil.pid_exists(int(file.name)) for file in self._workers.iterdir())
        return up >= self._search.workers

    def _is_my_turn(self) -> bool:
        try:
            fcntl.flock(self._turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
