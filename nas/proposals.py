"""What to train next: interrupted trials, baselines, openings of the space, then the sampler's own."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, TrialState

from nas.config import SearchConfig
from nas.study import StudyStore
from search_spaces import Architecture, Load, SearchSpace

BASELINE_SHARES = (1.0, 0.5, 0.25)  # of the budget, for the uniformly slimmed teachers
MAX_DUPLICATES = 200  # in a row, before the space counts as used up


@dataclass(frozen=True)
class Proposal:
    """One trial to train."""

    trial: int  # its number in the study
    architecture: Architecture
    start_rung: int = 0  # earlier rungs are recorded already
    baseline: bool = False  # never stopped early


class Proposer:
    """Asks the study for architectures that fit and that nobody has trained; needs no Ray."""

    def __init__(self, store: StudyStore, space: SearchSpace, load: Load, config: SearchConfig) -> None:
        self._store, self._space, self._load, self._limit = store, space, load, config.trials
        self._known: dict[str, int] = {}  # architecture ─► trial that trains it
        self._interrupted: deque[FrozenTrial] = deque()
        self.exhausted = False  # nothing new was proposed any more
        self._half_asked: deque[int] = deque()  # interrupted before it was known what to train
        for trial in store.study.get_trials(deepcopy=False):
            if "architecture" in trial.user_attrs and "duplicate_of" not in trial.user_attrs:
                self._known[trial.user_attrs["architecture"]] = trial.number
            if trial.state == TrialState.RUNNING:
                self._interrupted.append(trial)
        self._enqueue()

    @property
    def asked(self) -> int:
        """Distinct architectures so far."""
        return len(self._known)

    def next(self) -> Proposal | None:
        """The next trial, or None when the search has all it was asked for or the space holds no more."""
        while self._interrupted:
            trial = self._interrupted.popleft()
            if "architecture" in trial.user_attrs:
                return self._continued(trial)
            self._half_asked.append(trial.number)
        self._store.check_lease()
        for _ in range(MAX_DUPLICATES):
            if self.asked >= self._limit:
                return None
            asked = self._ask()
            architecture = self._space.sample(asked, self._load)
            twin = self._known.get(str(architecture))
            if twin is None:
                return self._new(asked, architecture)
            self._tell_duplicate(asked, twin)
        self.exhausted = True
        return None

    def _ask(self) -> optuna.Trial:
        """A trial to choose an architecture with; one that was left half asked keeps what it has answered."""
        if self._half_asked:
            return self._store.trial(self._half_asked.popleft())
        return self._store.study.ask()

    def _enqueue(self) -> None:
        """Put the baselines and the openings before everything else, once per study."""
        for share in BASELINE_SHARES:
            choices = {"share": share, **self._space.uniform()}
            name = f"uniform, {share:.0%} of the budget"
            self._store.study.enqueue_trial(choices, user_attrs={"baseline": name}, skip_if_exists=True)
        for opening in self._space.openings():
            self._store.study.enqueue_trial({"share": 1.0, **opening}, skip_if_exists=True)

    def _new(self, trial: optuna.Trial, architecture: Architecture) -> Proposal:
        self._known[str(architecture)] = trial.number
        trial.set_user_attr("architecture_json", architecture.to_json())
        trial.set_user_attr("architecture", str(architecture))
        return Proposal(trial.number, architecture, baseline="baseline" in trial.user_attrs)

    def _continued(self, trial: FrozenTrial) -> Proposal:
        architecture = type(self._space.smallest()).from_json(trial.user_attrs["architecture_json"])
        rungs = self._store.rungs(trial.number)
        # The last recorded rung is replayed from its checkpoint, so that it is judged if it had not been yet.
        start = rungs[-1].rung if rungs else 0
        return Proposal(trial.number, architecture, start, "baseline" in trial.user_attrs)

    def _tell_duplicate(self, trial: optuna.Trial, twin: int) -> None:
        """Answer the sampler with what its twin is known to be worth, so that it moves on."""
        trial.set_user_attr("duplicate_of", twin)
        known = self._store.study.get_trials(deepcopy=False)[twin]
        if known.state == TrialState.COMPLETE:
            self._store.study.tell(trial, known.values)
        else:
            self._store.study.tell(trial, state=TrialState.PRUNED)
