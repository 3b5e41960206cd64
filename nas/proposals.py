"""What to train next: what was interrupted or failed, baselines, openings, the sampler's own, replicates."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, TrialState

from distill.seeds import derive_seed
from nas.config import SearchConfig
from nas.noise import NoiseFloor
from nas.runs import is_first_run, measured_architectures
from nas.selection import Measured, next_replicate
from nas.study import StudyStore
from search_spaces import Architecture, Load, SearchSpace

NOISE_REPLICATES = 2  # of the first baseline, once a third is asked for: noise is known while it matters
BASELINE_SHARES = (1.0, 0.5, 0.25)  # of the budget, for the uniformly slimmed teachers
OF_THE_ARCHITECTURE = ("architecture", "architecture_json", "baseline", "protected")  # further runs' too
MAX_DUPLICATES = 200  # in a row, before the space counts as used up


@dataclass(frozen=True)
class Proposal:
    """One trial to train."""

    trial: int  # its number in the study
    architecture: Architecture
    seed: int  # of its training
    start_rung: int = 0  # earlier rungs are recorded already
    baseline: bool = False  # a uniformly slimmed teacher
    protected: bool = False  # never stopped early
    replicate_of: int | None = None  # the first trial of the architecture; never stopped early, too
    retried: bool = False  # the second try of a run that went wrong


def most_uncertain(trials: Sequence[FrozenTrial], config: SearchConfig) -> Measured | None:
    """The architecture that deserves a further seed; None when none does, or all replicates are spent."""
    if sum("replicate_of" in t.user_attrs for t in trials) >= config.replicate_runs:
        return None
    busy = {t.user_attrs.get("replicate_of", -1) for t in trials if t.state == TrialState.RUNNING}
    measured = measured_architectures(trials)
    return next_replicate(measured, NoiseFloor.of(m.fids for m in measured), config.seeds, busy)


class Proposer:
    """Asks the study for architectures that fit and that nobody has trained; needs no Ray."""

    def __init__(self, store: StudyStore, space: SearchSpace, load: Load, config: SearchConfig) -> None:
        self._store, self._space, self._load, self._config = store, space, load, config
        self._known: dict[str, int] = {}  # architecture ─► trial that trains it
        self._interrupted: deque[FrozenTrial] = deque()
        self._retries: deque[Proposal] = deque()
        self._replicates = 0  # so far
        self.exhausted = False  # nothing new was proposed any more
        self._half_asked: deque[int] = deque()  # interrupted before it was known what to train
        for trial in store.study.get_trials(deepcopy=False):
            self._replicates += "replicate_of" in trial.user_attrs
            if is_first_run(trial):
                self._known[trial.user_attrs["architecture"]] = trial.number
            if trial.state == TrialState.RUNNING:
                self._interrupted.append(trial)
        self._enqueue()

    @property
    def asked(self) -> int:
        """Distinct architectures so far."""
        return len(self._known)

    def next(self) -> Proposal | None:
        """The next trial; None when nothing more is known to be worth training, until a running one ends."""
        while self._interrupted:
            trial = self._interrupted.popleft()
            if "architecture" in trial.user_attrs:
                return self._continued(trial)
            self._half_asked.append(trial.number)
        if self._retries:
            return self._retries.popleft()
        self._store.check_lease()
        if self._replicates < self._early_replicates and self.asked >= self._config.trials // 3:
            return self._again_baseline()
        return self._new() or self._again_uncertain()

    def retry(self, number: int) -> int:
        """Train the architecture of the running trial `number`, whose run went wrong, once more.

        Returns the trial that does; it takes the place of `number`, which is still to be told.
        """
        failed = next(t for t in self._store.study.get_trials(deepcopy=False) if t.number == number)
        proposal = self._again(failed, derive_seed(self._config.seed, "retry"), retry_of=number)
        self._store.trial(number).set_user_attr("retried_as", proposal.trial)
        self._retries.append(proposal)
        self._known[failed.user_attrs["architecture"]] = proposal.trial
        return proposal.trial

    @property
    def _early_replicates(self) -> int:
        return min(NOISE_REPLICATES, self._config.replicate_runs // 2, self._config.seeds - 1)

    def _new(self) -> Proposal | None:
        """An architecture that nobody has trained; None when there are as many as asked for, or no more."""
        for _ in range(MAX_DUPLICATES):
            if self.asked >= self._config.trials or self.exhausted:
                return None
            asked = self._ask()
            architecture = self._space.sample(asked, self._load)
            twin = self._known.get(str(architecture))
            if twin is None:
                return self._first(asked, architecture)
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
            notes = {"baseline": f"uniform, {share:.0%} of the budget", "protected": share == 1}
            self._store.study.enqueue_trial(choices, user_attrs=notes, skip_if_exists=True)
        for opening in self._space.openings():
            self._store.study.enqueue_trial({"share": 1.0, **opening}, skip_if_exists=True)

    def _first(self, trial: optuna.Trial, architecture: Architecture) -> Proposal:
        """`trial` as the first run of `architecture`, noted before anybody trains it."""
        self._known[str(architecture)] = trial.number
        trial.set_user_attr("architecture_json", architecture.to_json())
        trial.set_user_attr("architecture", str(architecture))
        return self._proposal(self._store.study.get_trials(deepcopy=False)[trial.number])

    def _continued(self, trial: FrozenTrial) -> Proposal:
        rungs = self._store.rungs(trial.number)
        # The last recorded rung is replayed from its checkpoint, so that it is judged if it had not been yet.
        return self._proposal(trial, start_rung=rungs[-1].rung if rungs else 0)

    def _again_baseline(self) -> Proposal:
        trials = self._store.study.get_trials(deepcopy=False)
        baseline = next(t for t in trials if "baseline" in t.user_attrs and is_first_run(t))
        return self._replicate(baseline, 1 + self._replicates)

    def _again_uncertain(self) -> Proposal | None:
        """A further seed where it may change who is best or on the front."""
        trials = self._store.study.get_trials(deepcopy=False)
        chosen = most_uncertain(trials, self._config)
        return None if chosen is None else self._replicate(trials[chosen.trial], len(chosen.fids))

    def _replicate(self, first: FrozenTrial, count: int) -> Proposal:
        """The run number `count`, from 0, of the architecture of trial `first`."""
        self._replicates += 1
        seed = derive_seed(self._config.seed, f"replicate {count}")
        return self._again(first, seed, replicate_of=first.number)

    def _again(self, trial: FrozenTrial, seed: int, **relation: int) -> Proposal:
        kept = {name: trial.user_attrs[name] for name in OF_THE_ARCHITECTURE if name in trial.user_attrs}
        number = self._store.repeat(trial, {**kept, "seed": seed, **relation})
        return self._proposal(self._store.study.get_trials(deepcopy=False)[number])

    def _proposal(self, trial: FrozenTrial, start_rung: int = 0) -> Proposal:
        attributes = trial.user_attrs
        return Proposal(
            trial.number,
            type(self._space.smallest()).from_json(attributes["architecture_json"]),
            attributes.get("seed", self._config.seed),
            start_rung,
            "baseline" in attributes,
            attributes.get("protected", False),
            attributes.get("replicate_of"),
            "retry_of" in attributes,
        )

    def _tell_duplicate(self, trial: optuna.Trial, twin: int) -> None:
        """Answer the sampler with what its twin is known to be worth, so that it moves on."""
        trial.set_user_attr("duplicate_of", twin)
        known = self._store.study.get_trials(deepcopy=False)[twin]
        if known.state == TrialState.COMPLETE:
            self._store.study.tell(trial, known.values)
        else:
            self._store.study.tell(trial, state=TrialState.PRUNED)
