"""One trial to train, as the searcher, the scheduler and the workers receive it."""

from __future__ import annotations

from dataclasses import dataclass, field

from search_spaces import Architecture

FIRST_PAUSE = 2.0  # seconds after the first worker of a trial was lost; each further one quadruples it
LONGEST_PAUSE = 60.0


@dataclass(frozen=True)
class Proposal:
    """One trial to train."""

    trial: int  # its number in the study
    architecture: Architecture
    seed: int  # of its training
    start_rung: int = 0  # earlier rungs are recorded already
    rungs_before: int | None = field(default=None, compare=False)  # of an earlier run, which this one resumes
    baseline: bool = False  # a uniform-width baseline
    protected: bool = False  # never stopped early
    replicate_of: int | None = None  # first trial of the architecture; a replicate is never stopped early
    finalist: bool = False  # of nas-distill: compared with held-out images, too
    retried: bool = False  # it retries a run that failed: there is no further retry
    workers_lost: int = field(default=0, compare=False)  # that were training it in this run

    @property
    def pause(self) -> float:
        """Seconds before its next worker begins: what took the last one may not be over."""
        return min(LONGEST_PAUSE, FIRST_PAUSE * 4.0 ** (self.workers_lost - 1)) if self.workers_lost else 0.0
