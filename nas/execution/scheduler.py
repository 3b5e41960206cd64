"""Ray Tune stops the candidates that a `RungBoard` does not promote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from nas.execution.tune_config import from_tune
from nas.ranking import RungBoard


class ParetoHalving(FIFOScheduler):  # type: ignore[misc]  # Ray Tune has no types
    """Ray Tune scheduler that stops the candidates a `RungBoard` does not promote.

    A result has `rung`, `fid` and `macs`; a Tune trial's config is its `Proposal`. A failed run is discarded,
    unless it is a retry.
    """

    _supports_buffered_results = False  # a decision per rung, taken before the next one starts

    def __init__(self, board: RungBoard) -> None:
        super().__init__()
        self.board = board
        self._controller: Any = None  # Tune's, once it has a trial

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Remember who starts the workers."""
        self._controller = tune_controller

    def worker_of(self, trial: Any) -> Any | None:
        """The actor of a Tune trial, also while its process starts; None without one.

        Tune gives an actor to its trial when it has started. One that never does is found in Tune's private
        tables alone; where another version has others, None is returned until it has started.
        """
        actor = trial.temporary_state.ray_actor
        if actor is not None or self._controller is None:
            return actor
        try:
            tracked = self._controller._trial_to_actor.get(trial)
            actor, _ = self._controller._actor_manager._live_actors_to_ray_actors_resources[tracked]
        except (AttributeError, KeyError, TypeError, ValueError):
            return None
        return actor

    def __getstate__(self) -> dict[str, Any]:
        """Without Tune's controller: Tune pickles both."""
        return vars(self) | {"_controller": None}

    def on_trial_result(self, tune_controller: Any, trial: Any, result: Mapping[str, Any]) -> str:
        """STOP or CONTINUE. A result without a rung or an FID (a failure being reported) passes."""
        if result.get("rung") is None or result.get("fid") is None:
            return str(TrialScheduler.CONTINUE)
        proposal, rung = from_tune(trial.config), int(result["rung"])
        number = proposal.trial
        if proposal.protected:
            self.board.protect(number)
        if proposal.replicate_of is not None:
            self.board.replicate(number, proposal.replicate_of)
        self.board.add(number, rung, (float(result["fid"]), float(result["macs"])))
        if not proposal.retried and self.board.failed(number, rung):
            self.board.discard(number)
            return str(TrialScheduler.STOP)
        return str(TrialScheduler.CONTINUE if self.board.decide(number, rung) else TrialScheduler.STOP)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: Mapping[str, Any]) -> None:
        """Add the last rung to the board: Tune asks for no decision there."""
        if result.get("rung") == self.board.rungs - 1:
            self.on_trial_result(tune_controller, trial, result)
