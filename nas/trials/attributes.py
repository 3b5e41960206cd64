"""The facts of a trial as Optuna's user attributes: one typed record, the only place with their keys."""

from __future__ import annotations

from typing import Any, Self

from optuna.trial import FrozenTrial, Trial
from pydantic import BaseModel, ConfigDict, FiniteFloat, NonNegativeInt, PositiveFloat, PositiveInt


class TrialAttributes(BaseModel):
    """What a study knows of a trial beside its choices, values and rungs. Field names are the keys.

    `architecture` is the last field, and so the last that is written: a trial that has it has all others that
    it needs to be trained.
    """

    model_config = ConfigDict(frozen=True)  # attributes that somebody else has set are ignored

    macs: PositiveInt | None = None  # fvcore, batch 1
    params: PositiveInt | None = None
    latency: PositiveFloat | None = None  # seconds for one image, measured where a budget limits it …
    latency_on: str | None = None  # … and the device that it was measured on
    fid_before: FiniteFloat | None = None  # before its training, over the last rung's number of samples
    held_out: dict[str, FiniteFloat] = {}  # of a finalist: fid, kid, precision, recall, … on held-out images
    nearest: str | None = None  # PNG of its nearest training images, path relative to the study's folder
    baseline: str | None = None  # name of a uniform-width baseline
    protected: bool = False  # never stopped early
    replicate_of: NonNegativeInt | None = None  # first trial of its architecture: this one has another seed
    retry_of: NonNegativeInt | None = None  # failed trial whose architecture this one trains again
    retried_as: NonNegativeInt | None = None  # the trial that retries this one, which failed
    duplicate_of: NonNegativeInt | None = None  # trial with the same architecture: this one is not trained
    same_as_teacher: bool = False  # its architecture is the teacher's, whose FID is known: not trained
    too_slow: str | None = None  # canonical string of an architecture above the latency budget: not trained
    search_trial: NonNegativeInt | None = None  # trial of the search that this finalist was chosen from
    seed: NonNegativeInt | None = None  # of its training; the search's own when None
    workers_lost: NonNegativeInt = 0  # that died or hung while they trained it
    reason: str | None = None  # why it has no result
    traceback: str | None = None  # its last lines, of a candidate that broke by itself
    architecture_json: dict[str, Any] = {}
    architecture: str = ""  # canonical string; empty while no architecture is sampled

    @classmethod
    def from_trial(cls, trial: FrozenTrial | Trial) -> Self:
        """The attributes of `trial`."""
        return cls.model_validate(trial.user_attrs)

    def stored(self) -> dict[str, Any]:
        """The attributes that are set, by key, in the order in which they are to be written."""
        return self.model_dump(exclude_defaults=True)

    def write(self, trial: Trial) -> None:
        """Save what is set and differs from what the running `trial` has."""
        known = trial.user_attrs
        for key, value in self.stored().items():
            if key not in known or known[key] != value:
                trial.set_user_attr(key, value)

    @property
    def is_run(self) -> bool:
        """Whether the trial is a training: its architecture is sampled, and it is no duplicate."""
        return bool(self.architecture) and self.duplicate_of is None

    @property
    def counts(self) -> bool:
        """Whether the trial is a training whose result counts: it was not retried."""
        return self.is_run and self.retried_as is None

    @property
    def is_first_run(self) -> bool:
        """Whether the trial stands for its architecture: its result counts, and it is no replicate."""
        return self.counts and self.replicate_of is None

    @property
    def is_untrained(self) -> bool:
        """Whether the trial was answered without a training: a duplicate, the teacher's, or too slow."""
        return self.duplicate_of is not None or self.same_as_teacher or self.too_slow is not None

    def for_another_run(self, **changes: Any) -> TrialAttributes:
        """The attributes of another run of the same architecture, with `changes`."""
        shared = {"latency", "latency_on", "architecture_json", "architecture"}
        shared |= {"baseline", "protected", "search_trial"}
        return TrialAttributes.model_validate(self.model_dump(include=shared) | changes)
