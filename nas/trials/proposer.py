"""What a search trains: baselines, initial designs, the sampler's own, and seeds where they may matter."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from nas.budget import AnyLatency, Latency, format_duration
from nas.config import SearchConfig
from nas.errors import BudgetError
from nas.ranking import Measured, next_replicate, noise_floor
from nas.study import StudyStore
from nas.trials.runs import is_first_run, measured_architectures, runs_of
from nas.trials.source import Proposal, TrialSource
from search_spaces import Architecture, SearchSpace, Utilisation

NOISE_REPLICATES = 2  # of the first baseline, once a third is asked for: noise is known while it matters
BASELINE_BUDGET_FRACTIONS = (1.0, 0.5, 0.25)  # of the budget, for the uniformly slimmed teachers
MAX_DUPLICATES = 200  # in a row, before the space counts as used up
MAX_TOO_SLOW = 20  # proposals for one architecture, before the latency counts as out of reach


@dataclass(frozen=True)
class WarmStart:
    """What the user wants tried before the sampler's own."""

    architectures: Sequence[Architecture] = ()
    choices: Sequence[Mapping[str, Any]] = ()  # as the space asks for them


class Proposer(TrialSource):
    """Asks the study for architectures that fit and that nobody has trained; needs no Ray."""

    def __init__(
        self,
        store: StudyStore,
        space: SearchSpace,
        utilisation: Utilisation,
        config: SearchConfig,
        given: WarmStart | None = None,
        latency: Latency | None = None,  # that of `config`; None where there is no limit
    ) -> None:
        super().__init__(store, space, utilisation, config)
        self._given = WarmStart() if given is None else given
        self._latency = AnyLatency() if latency is None else latency
        self._latency.remember(self._trials)
        self._half_asked: deque[int] = deque()  # interrupted before it was known what to train
        self._enqueued = False
        firsts = [t for t in self._trials if is_first_run(t)]
        self._known = {t.user_attrs["architecture"]: t.number for t in firsts}
        further = [t for t in self._trials if "replicate_of" in t.user_attrs]
        self._replicates = sum("retried_as" not in t.user_attrs for t in further)  # so far

    @property
    def asked(self) -> int:
        """Distinct architectures so far."""
        return len(self._known)

    @property
    def work_left(self) -> bool:
        return super().work_left or self.asked < self._config.trials or self._uncertain() is not None

    def retry(self, number: int) -> int:
        again = super().retry(number)
        notes = self._trial(again).user_attrs
        if "replicate_of" not in notes:
            self._known[notes["architecture"]] = again
        return again

    def _fresh(self) -> Proposal | None:
        if not self._enqueued:
            self._enqueue()
            self._enqueued = True
        early = min(NOISE_REPLICATES, self._config.replicate_runs // 2, self._config.seeds - 1)
        if self._replicates < early and self.asked >= max(1, self._config.trials // 3):
            complete = (t for t in self._trials if t.state == TrialState.COMPLETE)
            baselines = [t for t in complete if "baseline" in t.user_attrs and is_first_run(t)]
            if baselines:
                self._replicates += 1
                return self._replicate(baselines[0], self._replicates)
        return self._new() or self._again_uncertain()

    def _new(self) -> Proposal | None:
        """An architecture that nobody has trained; None when there are as many as asked for, or no more."""
        too_slow = 0
        for _ in range(MAX_DUPLICATES):
            if self.asked >= self._config.trials or self.exhausted:
                return None
            if (given := self._next_given()) is not None:
                return given
            asked = self._ask()
            architecture = self._latency.fit(self.space, asked, self._utilisation)
            twin = self._known.get(str(architecture))
            if twin is not None:
                self._tell_duplicate(asked, twin)
            elif self._latency.fits(architecture):
                return self._first(asked, architecture)
            else:
                self._tell_too_slow(asked, architecture)
                too_slow += 1
                if too_slow == MAX_TOO_SLOW:
                    self._give_up(too_slow)
                    return None
        self.exhausted = f"The space holds no more than these {self.asked} architectures within the budget"
        return None

    def _next_given(self) -> Proposal | None:
        """The next architecture of the user's, once the baselines and initial designs are asked for."""
        new = [a for a in self._given.architectures if str(a) not in self._known]
        if not new or self._store.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            return None
        number = self._store.begin(self._notes(new[0]))
        self._known[str(new[0])] = number
        return self._proposal(self._trial(number))

    def _ask(self) -> optuna.Trial:
        """A trial to choose an architecture with; one that was left half asked keeps what it has answered."""
        if self._half_asked:
            return self._store.trial(self._half_asked.popleft())
        return self._store.study.ask()

    def _put_back(self, trial: FrozenTrial) -> None:
        self._half_asked.append(trial.number)

    def _enqueue(self) -> None:
        """Put the baselines and the initial designs before everything else, once per study."""
        for share in BASELINE_BUDGET_FRACTIONS:
            choices = {"budget_fraction": share, **self.space.uniform()}
            notes = {"baseline": f"uniform, {share:.0%} of {self._spent}", "protected": share == 1}
            self._store.study.enqueue_trial(choices, user_attrs=notes, skip_if_exists=True)
        for opening in self.space.initial_designs():
            self._store.study.enqueue_trial({"budget_fraction": 1.0, **opening}, skip_if_exists=True)
        for earlier in self._given.choices:
            self._store.study.enqueue_trial(dict(earlier), skip_if_exists=True)

    @property
    def _spent(self) -> str:
        """What shares are of: with a limit to latency alone, of the teacher, before widths are narrowed."""
        limited = self._config.budget_macs or self._config.budget_params
        return "the budget" if limited else "the teacher, narrowed until fast enough"

    def _first(self, trial: optuna.Trial, architecture: Architecture) -> Proposal:
        """`trial` as the first run of `architecture`, noted before anybody trains it."""
        self._known[str(architecture)] = trial.number
        for name, note in self._notes(architecture).items():
            trial.set_user_attr(name, note)
        return self._proposal(self._trial(trial.number))

    def _again_uncertain(self) -> Proposal | None:
        """A further seed where it may change who is best or on the front."""
        chosen = self._uncertain()
        if chosen is None:
            return None
        self._replicates += 1
        first = self._trial(chosen.trial)
        runs = runs_of(self._trials)[first.user_attrs["architecture"]]  # those without a result, too
        return self._replicate(first, len(runs))

    def _uncertain(self) -> Measured | None:
        return (
            None
            if self._replicates >= self._config.replicate_runs
            else most_uncertain(self._trials, self._config)
        )

    def _tell_duplicate(self, trial: optuna.Trial, twin: int) -> None:
        """Answer the sampler with what its twin is known to be worth, so that it moves on."""
        trial.set_user_attr("duplicate_of", twin)
        known = self._trial(twin)
        if known.state == TrialState.COMPLETE:
            self._store.study.tell(trial, known.values)
        else:
            self._store.study.tell(trial, state=TrialState.PRUNED)

    def _tell_too_slow(self, trial: optuna.Trial, architecture: Architecture) -> None:
        """Tell the sampler of choices that come to no architecture within the latency budget."""
        notes = self._latency.notes(architecture)
        reason = f"{format_duration(notes['latency'])} of latency, narrowed as it is: {self._config.budget}"
        for name, note in {**notes, "too_slow": str(architecture), "reason": reason}.items():
            trial.set_user_attr(name, note)
        self._store.study.tell(trial, state=TrialState.PRUNED)

    def _give_up(self, too_slow: int) -> None:
        """Propose no more, because the latency budget can't be met.

        Raises:
            BudgetError: no proposal at all has met it.
        """
        smallest = self._latency.notes(self.space.smallest())
        why = (
            f"{too_slow} proposals were too slow for a budget of {self._config.budget}; the smallest student "
            f"takes {format_duration(smallest['latency'])} ({smallest['latency_on']}): give a higher "
            "--budget-latency"
        )
        if not self.asked:
            raise BudgetError(why)
        self.exhausted = f"No more than these {self.asked} architectures: {why}"

    def _notes(self, architecture: Architecture) -> dict[str, Any]:
        """What a trial of it is known by; the name comes last, and says that it is chosen."""
        named = {"architecture_json": architecture.to_json(), "architecture": str(architecture)}
        return {**self._latency.notes(architecture), **named}


def most_uncertain(trials: Sequence[FrozenTrial], config: SearchConfig) -> Measured | None:
    """The architecture that deserves a further seed; None when none does."""
    busy = {t.user_attrs.get("replicate_of", -1) for t in trials if t.state == TrialState.RUNNING}
    measured = measured_architectures(trials)
    return next_replicate(measured, noise_floor(measured), config.seeds, busy)
