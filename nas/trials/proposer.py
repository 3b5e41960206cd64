"""What a search trains: baselines, initial designs, the sampler's proposals, and further seeds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from nas.budget import AnyLatency, Latency, LatencyMeasurement, format_duration
from nas.config import SearchConfig
from nas.errors import BudgetError
from nas.ranking import Measured, next_replicate, noise_floor
from nas.study import StudyAttributes, StudyStore
from nas.trials.attributes import TrialAttributes
from nas.trials.plan import Plan
from nas.trials.proposal import Proposal
from nas.trials.runs import measured_architectures, runs_of
from nas.trials.source import TrialSource
from search_spaces import BELOW_TEACHER, Architecture, SearchSpace, Utilisation, count_of

NOISE_REPLICATES = 2  # of the first baseline, after a third of the trials: the search uses their noise
MAX_DUPLICATES = 200  # in a row, before the space counts as used up
MAX_TOO_SLOW = 20  # proposals for one architecture, before the latency counts as out of reach


@dataclass(frozen=True)
class WarmStart:
    """What the user wants trained before the sampler's proposals."""

    architectures: Sequence[Architecture] = ()
    choices: Sequence[Mapping[str, Any]] = ()  # by the names that the space asks for


class Proposer(TrialSource):
    """Samples architectures that fit and that are not in the study yet; needs no Ray.

    Where the teacher itself fits, its architecture is never trained: its FID is known. With a latency limit
    it is an architecture like any other.
    """

    def __init__(
        self,
        store: StudyStore,
        space: SearchSpace,
        utilisation: Utilisation,
        config: SearchConfig,
        warm_start: WarmStart | None = None,
        latency: Latency | None = None,  # that of `config`; None where there is no limit
    ) -> None:
        super().__init__(store, space, utilisation, config)
        self._warm_start = WarmStart() if warm_start is None else warm_start
        self._earlier = deque(self._warm_start.choices)  # that are not enqueued yet
        self._latency = AnyLatency() if latency is None else latency
        self._unsampled: deque[int] = deque()  # interrupted before their architecture was sampled
        self._enqueued = False
        largest = space.largest()
        below = not config.budget.binds(space.macs(largest), space.params(largest))
        self._teacher = str(largest) if below else None
        known = {t.number: TrialAttributes.from_trial(t) for t in self._trials}
        self._latency.remember(_latencies(known.values()))
        self._known = {a.architecture: number for number, a in known.items() if a.is_first_run}
        further = [a for a in known.values() if a.replicate_of is not None]
        self._replicates = sum(a.retried_as is None for a in further)  # so far

    @property
    def asked(self) -> int:
        """Distinct architectures so far."""
        return len(self._known)

    @property
    def work_left(self) -> bool:
        return super().work_left or self.asked < self._config.trials or self._uncertain() is not None

    def retry(self, number: int) -> int:
        again = super().retry(number)
        attributes = TrialAttributes.from_trial(self._trial(again))
        if attributes.replicate_of is None:
            self._known[attributes.architecture] = again
        return again

    def _fresh(self) -> Proposal | None:
        if not self._enqueued:
            self._enqueue()
            self._enqueued = True
        early = min(NOISE_REPLICATES, self._config.replicate_runs // 2, self._config.seeds - 1)
        if self._replicates < early and self.asked >= max(1, self._config.trials // 3):
            baseline = self._complete_baseline()
            if baseline is not None:
                self._replicates += 1
                return self._replicate(baseline, self._replicates)
        return self._new() or self._replicate_uncertain()

    def _complete_baseline(self) -> FrozenTrial | None:
        """The first uniform-width baseline that was trained to the end."""
        for trial in self._trials:
            if trial.state == TrialState.COMPLETE:
                attributes = TrialAttributes.from_trial(trial)
                if attributes.baseline is not None and attributes.is_first_run:
                    return trial
        return None

    def _new(self) -> Proposal | None:
        """An architecture that is not in the study yet; None when there are enough, or no more."""
        too_slow = 0
        for _ in range(MAX_DUPLICATES):
            if self.asked >= self._config.trials or self.exhausted:
                return None
            self._enqueue_earlier()
            if (warm := self._next_warm_start()) is not None:
                return warm
            asked = self._ask()
            with self._store.together():  # its choices, and what becomes of it
                architecture = self._latency.fit(self.space, asked, self._utilisation)
                twin = self._known.get(str(architecture))
                if str(architecture) == self._teacher:
                    self._report_teacher(asked)
                elif twin is not None:
                    self._report_duplicate(asked, twin)
                elif self._latency.fits(architecture):
                    return self._first(asked, architecture)
                else:
                    self._report_too_slow(asked, architecture)
                    too_slow += 1
            if too_slow == MAX_TOO_SLOW:
                self._give_up(too_slow)
                return None
        self.exhausted = f"The space holds no more than these {self.asked} architectures within the budget"
        return None

    def _next_warm_start(self) -> Proposal | None:
        """The user's next architecture, after the baselines and initial designs."""
        known = {*self._known, self._teacher}
        new = next((a for a in self._warm_start.architectures if str(a) not in known), None)
        if new is None or self._waiting:
            return None
        number = self._store.begin(self._attributes(new).stored())
        self._known[str(new)] = number
        return self._proposal(self._trial(number))

    def _ask(self) -> optuna.Trial:
        """A trial to sample an architecture with; an unsampled one keeps the choices that it has made."""
        if self._unsampled:
            return self._store.trial(self._unsampled.popleft())
        return self._store.study.ask()

    def _put_back(self, trial: FrozenTrial) -> None:
        self._unsampled.append(trial.number)

    def _enqueue(self) -> None:
        """Put the baselines and the initial designs before everything else, once per study."""
        plan = Plan.of(self.space, self._config.trials)
        for fraction in plan.baselines:
            protected = fraction == plan.baselines[0]
            self._enqueue_baseline(fraction, f"uniform, {fraction:.0%} of {self._whole}", protected)
        for design in plan.designs:
            self._store.study.enqueue_trial(dict(design), skip_if_exists=True)

    def _enqueue_earlier(self) -> None:
        """Enqueue the next warm-start trial after all others, so that none waits when the search ends."""
        while self._earlier and not self._waiting:
            self._store.study.enqueue_trial(dict(self._earlier.popleft()), skip_if_exists=True)

    @property
    def _waiting(self) -> bool:
        """Whether a trial is enqueued."""
        return bool(self._store.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))

    def _enqueue_baseline(self, budget_fraction: float, name: str, protected: bool) -> None:
        """Put a uniform-width baseline at the end of the queue."""
        choices = {"budget_fraction": budget_fraction, **self.space.uniform()}
        attributes = TrialAttributes(baseline=name, protected=protected)
        self._store.study.enqueue_trial(choices, user_attrs=attributes.stored(), skip_if_exists=True)

    @property
    def _whole(self) -> str:
        """What a budget fraction of 1 is: with a latency limit alone the teacher, before it is narrowed."""
        if self.space.fractions == BELOW_TEACHER:
            return "the teacher"
        limited = self._config.budget_macs or self._config.budget_params
        return "the budget" if limited else "the teacher, narrowed until fast enough"

    def _first(self, trial: optuna.Trial, architecture: Architecture) -> Proposal:
        """`trial` as the first run of `architecture`, which the study has before a worker trains it."""
        self._known[str(architecture)] = trial.number
        self._attributes(architecture).write(trial)
        return self._proposal(self._trial(trial.number))

    def _replicate_uncertain(self) -> Proposal | None:
        """A further seed where it may change the best architecture or the front."""
        chosen = self._uncertain()
        if chosen is None:
            return None
        self._replicates += 1
        first = self._trial(chosen.trial)
        architecture = TrialAttributes.from_trial(first).architecture
        runs = runs_of(self._trials)[architecture]  # with or without a result
        return self._replicate(first, len(runs))

    def _uncertain(self) -> Measured | None:
        return (
            None
            if self._replicates >= self._config.replicate_runs
            else most_uncertain(self._trials, self._config)
        )

    def _report_teacher(self, trial: optuna.Trial) -> None:
        """Report the teacher's FID to the sampler, for choices that give its architecture."""
        TrialAttributes(same_as_teacher=True).write(trial)
        fid = StudyAttributes.from_study(self._store.study).teacher_info.get("fid")
        if fid is None:
            self._store.study.tell(trial, state=TrialState.PRUNED)
        else:
            self._store.study.tell(trial, [fid, self.space.macs(self.space.largest())])

    def _report_duplicate(self, trial: optuna.Trial, twin: int) -> None:
        """Report the result of the trial `twin` to the sampler again, so that it moves on."""
        TrialAttributes(duplicate_of=twin).write(trial)
        known = self._trial(twin)
        if known.state == TrialState.COMPLETE:
            self._store.study.tell(trial, known.values)
        else:
            self._store.study.tell(trial, state=TrialState.PRUNED)

    def _report_too_slow(self, trial: optuna.Trial, architecture: Architecture) -> None:
        """Report to the sampler that its choices give no architecture within the latency budget."""
        latency = self._latency.measurement(architecture)
        attributes = TrialAttributes(
            latency=latency.seconds,
            latency_on=latency.device,
            too_slow=str(architecture),
            reason=(
                f"{format_duration(latency.seconds)} of latency, narrowed as it is: {self._config.budget}"
            ),
        )
        attributes.write(trial)
        self._store.study.tell(trial, state=TrialState.PRUNED)

    def _give_up(self, too_slow: int) -> None:
        """Propose no more, because the latency budget can't be met.

        Raises:
            BudgetError: no proposal at all has met it.
        """
        smallest = self._latency.measurement(self.space.smallest())
        why = (
            f"{too_slow} proposals were too slow for a budget of {self._config.budget}; the smallest student "
            f"takes {format_duration(smallest.seconds)} ({smallest.device}): give a higher "
            "--budget-latency"
        )
        if not self.asked:
            raise BudgetError(why)
        self.exhausted = f"No more than {count_of(self.asked, 'architecture')}: {why}"

    def _attributes(self, architecture: Architecture) -> TrialAttributes:
        """The attributes of a trial of `architecture`."""
        latency = self._latency.measurement(architecture)
        return TrialAttributes(
            latency=latency.seconds,
            latency_on=latency.device,
            architecture_json=architecture.to_json(),
            architecture=str(architecture),
        )


def most_uncertain(trials: Sequence[FrozenTrial], config: SearchConfig) -> Measured | None:
    """The architecture whose further seed may change an answer; None when there is none."""
    running = (TrialAttributes.from_trial(t) for t in trials if t.state == TrialState.RUNNING)
    busy = {a.replicate_of for a in running if a.replicate_of is not None}
    measured = measured_architectures(trials)
    return next_replicate(measured, noise_floor(measured), config.seeds, busy)


def _latencies(known: Iterable[TrialAttributes]) -> Iterator[tuple[str, LatencyMeasurement]]:
    """The latency of every architecture that earlier runs of the search have measured."""
    for attributes in known:
        architecture = attributes.architecture or attributes.too_slow
        if architecture:
            yield architecture, LatencyMeasurement(attributes.latency, attributes.latency_on)
