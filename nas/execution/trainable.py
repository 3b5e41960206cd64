"""The Ray Tune trainable that distills candidates."""

from __future__ import annotations

import gc
import socket
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import torch
from ray import tune

from distill.errors import NonFiniteImagesError, TrainingDivergedError
from distill.memory import is_out_of_memory
from nas.config import SearchConfig
from nas.device import use_threads
from nas.errors import StudyError
from nas.exchange import ExchangeError, ExchangeOutageError, this_node
from nas.execution.candidate import Candidate
from nas.execution.searcher import MOST_LOST
from nas.execution.tune_config import from_tune
from nas.trials import Proposal
from nas.workbench import Workbench
from search_spaces import UserError, os_reason
from search_spaces.reading import written_whole

TRACEBACK_LINES = 12  # of a failed candidate that the study keeps; the file has all
TRACEBACK_CHARACTERS = 2_000


def _on_this_node(error: OSError) -> str:
    """What the disk of this node refuses, and what to do."""
    what = "a file" if error.filename is None else error.filename
    return f"{what} on {socket.gethostname()}: {os_reason(error)}: make room or mend the disk there"


def last_lines(trace: str) -> str:
    """The last lines of a traceback: where it broke, and why."""
    return "\n".join(trace.rstrip().splitlines()[-TRACEBACK_LINES:])[-TRACEBACK_CHARACTERS:]


def _may_reach_it(error: Exception, proposal: Proposal) -> bool:
    """Whether another worker, perhaps on another node, may reach the store that is away for this one.

    The last one that a candidate has ends the search instead: the candidate is not at fault, and would fail.
    """
    return isinstance(error, ExchangeOutageError) and proposal.workers_lost < MOST_LOST - 1


class CandidateTrial(tune.Trainable):  # type: ignore[misc]  # Ray Tune has no types
    """A Ray Tune trainable: one actor distills candidates one after another on one workbench."""

    def setup(self, config: dict[str, Any], settings: dict[str, Any] | None = None, token: str = "") -> None:
        """Prepare a worker; `token` is that of its driver's lease."""
        self._candidate: Candidate | None = None
        self._problem = ""  # which every candidate of this worker has
        use_threads(max(1, int(self.trial_resources.required_resources.get("CPU", 1))))
        try:
            self._node = this_node(SearchConfig.model_validate(settings), token)
            self._node.enter()
            self._bench = Workbench(self._node.config, on_progress=self._evaluating)
            self._read_caches()
        except (ExchangeError, UserError) as error:
            if _may_reach_it(error, from_tune(config)):
                raise
            self._problem = str(error)  # returned by `step`: raised here, it would fail every candidate
            return
        except OSError as error:  # the disk of this node is full or gone
            self._problem = _on_this_node(error)
            return
        self._make = self._prepare()
        self.reset_config(config)

    def _read_caches(self) -> None:
        """Have on this node what all candidates read, made or fetched by one worker while others wait."""
        if self._node.is_apart:
            with self._node.alone():
                self._node.fetch_caches()
                self._bench.load_data()

    def _prepare(self) -> Callable[[Proposal], Candidate]:
        """The function that makes a candidate of a proposal."""
        return partial(Candidate, self._bench, owner=self._node.owner, node=self._node)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        if self._problem:
            return True
        proposal = from_tune(new_config)
        if self._candidate is not None and self._candidate.trial != proposal.trial:
            self._node.leave(self._candidate.trial)
        self._candidate = None
        gc.collect()
        time.sleep(proposal.pause)
        self._candidate, self._rung = self._make(proposal), proposal.start_rung
        self._proposal, self._is_over = proposal, False
        return True

    def cleanup(self) -> None:
        """Leave nothing on this node of a candidate that is over; Tune's name for the end of a worker."""
        if self._candidate is not None and self._is_over:
            self._node.leave(self._candidate.trial)

    def _evaluating(self, what: str, done: int, total: int) -> None:
        if self._candidate is not None:
            self._candidate.evaluating(what, done, total)

    def step(self) -> dict[str, Any]:
        """Train one rung. Failures are returned as results: on an exception Tune repeats the candidate."""
        if self._problem:
            return {"broken": self._problem, "done": True}
        result = self._step()
        assert self._candidate is not None
        self._candidate.flush()
        self._is_over = result["done"] and "broken" not in result
        return result

    def _step(self) -> dict[str, Any]:
        assert self._candidate is not None
        try:
            outcome = self._candidate.run(self._rung)
        except (TrainingDivergedError, NonFiniteImagesError) as error:
            return {"failed": str(error), "diverged": True, "done": True}
        except StudyError as error:  # the folder is another driver's: this one learns it by its own writes
            return {"broken": str(error), "done": True}
        except ExchangeError as error:
            if _may_reach_it(error, self._proposal):
                raise
            return {"broken": str(error), "done": True}
        except OSError as error:  # the disk is full or gone: every candidate would fail
            return {"broken": _on_this_node(error), "done": True}
        except torch.AcceleratorError:  # the device is unusable for this process: another one takes over
            raise
        except Exception as error:  # a bug of one candidate must not end the search
            if is_out_of_memory(error):
                reason = f"out of memory: {error}".splitlines()[0].rstrip(": ")
                return {"failed": f"{reason} (a smaller --batch-size needs less)", "done": True}
            reason = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
            log = self._candidate.folder / "failure.txt"
            log.parent.mkdir(parents=True, exist_ok=True)
            trace = traceback.format_exc()
            with written_whole(log) as file:
                file.write(trace.encode())
            return {
                "failed": f"{reason} (see {self._node.at_driver(log)})",
                "traceback": last_lines(trace),
                "files": self._put_failed(),
                "done": True,
            }
        self._rung += 1
        done = self._rung == len(self._bench.config.rungs)
        record = outcome.record
        return {
            "outcome": outcome,
            "rung": record.rung,
            "fid": record.fid,
            "macs": outcome.cost.macs,
            "done": done,
        }

    def _put_failed(self) -> dict[str, str]:
        """Put the files of a candidate that failed; none where the store is away: its reason is known."""
        assert self._candidate is not None
        with suppress(ExchangeError):
            return self._node.put(self._candidate.trial)
        return {}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: candidates save checkpoints of their own."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing: a restarted candidate reads finished rungs from its own checkpoints."""
