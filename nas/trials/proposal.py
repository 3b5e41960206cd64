"""One trial to train, as the searcher, the scheduler and the workers receive it."""

from __future__ import annotations

from dataclasses import dataclass, field

from search_spaces import Architecture


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
