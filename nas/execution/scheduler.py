"""Ray Tune stops the candidates that a `RungBoard` turns down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from nas.ranking import RungBoard


class ParetoHalving(FIFOScheduler):  # type: ignore[misc]  # Ray Tune has no types
    """Ray Tune scheduler that stops the candidates a `RungBoard` turns down.

    A result has `rung`, `fid` and `macs`; a trial's config has `trial` (its number in the study),
    `protected`, `replicate_of` and `retried`. A run that went wrong is discarded, unless it is a second try.
    """

    _supports_buffered_results = False  # a decision per rung, taken before the next one starts

    def __init__(self, board: RungBoard) -> None:
        super().__init__()
        self.board = board

    def on_trial_result(self, tune_controller: Any, trial: Any, result: Mapping[str, Any]) -> str:
        """STOP or CONTINUE. A result without a rung or an FID (a failure being reported) passes."""
        if result.get("rung") is None or result.get("fid") is None:
            return str(TrialScheduler.CONTINUE)
        number, rung = int(trial.config["trial"]), int(result["rung"])
        if trial.config.get("protected"):
            self.board.protect(number)
        if trial.config.get("replicate_of") is not None:
            self.board.replicate(number, int(trial.config["replicate_of"]))
        self.board.add(number, rung, (float(result["fid"]), float(result["macs"])))
        if not trial.config.get("retried") and self.board.failed(number, rung):
            self.board.discard(number)
            return str(TrialScheduler.STOP)
        return str(TrialScheduler.CONTINUE if self.board.decide(number, rung) else TrialScheduler.STOP)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: Mapping[str, Any]) -> None:
        """Note the last rung: Tune shows it to nobody else, there being no decision left to take."""
        if result.get("rung") == self.board.rungs - 1:
            self.on_trial_result(tune_controller, trial, result)
