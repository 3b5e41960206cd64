"""Multi-objective successive halving: which candidates are promoted to the next rung.

Asynchronous, as the stopping variant of ASHA (Li et al. 2018): a candidate is judged once, when it finishes
a rung, against all results at that rung so far; none waits, and a stopped candidate is never resumed. The
objectives are FID and MACs, both minimised.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from statistics import median
from typing import TYPE_CHECKING, Self

from nas.errors import ConfigError
from nas.ranking.noise import LEAST_FID, log_fid
from nas.ranking.pareto import Point, finite
from nas.ranking.rung_results import RungResults
from nas.ranking.trend import trend

if TYPE_CHECKING:
    from nas.study import RungRecord

PRIOR_PREDICTION_ERROR = 0.2  # of log FID: on digits and faces it was 0.12 to 0.44
PREDICTION_ERROR_WEIGHT = 2  # architectures that the prior counts as
FAILURE_FACTOR = 3.0  # times the median FID of comparable others: a run failed
FAILURE_QUORUM = 5  # the fewest others that a median is taken of


class RungBoard:
    """All results at all rungs, and which candidates are promoted.

    At a rung where n candidates compete, the promotion quota is max(1, ceil(n / reduction_factor)).
    Candidates are ranked by, in this order:

    1. a lower front number (non-dominated sorting);
    2. inside one front, more spread (crowding distance in ranks; the two ends are infinite);
    3. a lower FID, fewer MACs, the earlier trial.

    Promoting whole fronts would hardly select: of 16 candidates whose FID and MACs are unrelated about 3 are
    non-dominated, and where quality costs MACs nearly all are. So the quota counts candidates: spread
    keeps one candidate per region of cost, and a quota of one (n <= reduction_factor) promotes the lowest FID
    of the front. The cheapest candidate so far is always an end of the front, whatever its FID; in a
    random order that happens about ln(n) times in a study of n.

    A candidate outside the quota is promoted, too, when it would dominate or equal one inside if its FID were
    lower by the significance margin. The margin is `significance` times the standard error of the difference
    of two FIDs at this rung as a prediction of their difference at the last rung.

    The decision depends on the set of results only, not on their order, so a resumed search decides alike.
    `significance` 0 disables the margin. Then the decision depends on the order of FIDs and on the order of
    MACs alone: no increasing rescaling of an objective changes it.

    Args:
        rungs: number of rungs; there is no decision at the last one, `rungs - 1`.
        reduction_factor: one in so many is promoted, > 1.
        protected: trials that are always promoted (baselines). Their results dominate others, but do not
            count towards the quota.
        significance: width of the margin in standard errors; 0 disables the margin.
    """

    def __init__(
        self,
        rungs: int,
        reduction_factor: float = 2.0,
        protected: Iterable[int] = (),
        significance: float = 1.5,
    ) -> None:
        if not (math.isfinite(reduction_factor) and reduction_factor > 1):
            raise ConfigError(
                f"reduction factor {reduction_factor:g} keeps everything: give a number above 1, such as 3"
            )
        if rungs < 1:
            raise ConfigError(f"{rungs} rungs: give at least 1")
        self.rungs = rungs
        self.reduction_factor = reduction_factor
        self._significance = significance
        self._protected = set(protected)
        self._replicate_of: dict[int, int] = {}  # trial ─► the first trial of its architecture
        self._results: dict[int, RungResults] = defaultdict(RungResults)  # by rung
        self._repeated: dict[int, RungResults] = defaultdict(RungResults)  # those of replicates
        self._errors: dict[int, float] = {}  # prediction errors by rung, while its results are the same
        self._passed: set[tuple[int, int]] = set()  # (trial, rung): promoted, for good
        self._replayed: set[tuple[int, int]] = set()  # (trial, rung): added more than once
        self.discarded: set[int] = set()  # failed trials

    @classmethod
    def from_rungs(
        cls,
        records: Iterable[RungRecord],
        macs: Mapping[int, int],
        *,
        rungs: int,
        reduction_factor: float = 2.0,
        protected: Iterable[int] = (),
        replicates: Mapping[int, int] | None = None,
        significance: float = 1.5,
    ) -> Self:
        """The board as it stood when a search was interrupted.

        Args:
            records: the study's rungs.
            macs: MACs by trial number; records of trials that are not in it are left out.
            replicates: by the number of a replicate, its architecture's first trial.
            rungs, reduction_factor, protected, significance: as for the board itself.
        """
        board = cls(rungs, reduction_factor, protected, significance)
        for trial, first in (replicates or {}).items():
            board.replicate(trial, first)
        for record in records:
            if record.trial in macs:
                board.add(record.trial, record.rung, (record.fid, float(macs[record.trial])))
        return board

    def protect(self, trial: int) -> None:
        """Promote `trial` at every rung."""
        self._protected.add(trial)

    def replicate(self, trial: int, first: int) -> None:
        """Mark `trial` as a replicate of trial `first`: it does not compete and is always promoted."""
        self._replicate_of[trial] = first

    def add(self, trial: int, rung: int, objectives: Point) -> None:
        """Add the result (FID, MACs) of `trial` at `rung`. Adding it again replaces it."""
        seen = (self._repeated if trial in self._replicate_of else self._results)[rung]
        if trial in seen:
            self._replayed.add((trial, rung))
        seen[trial] = objectives
        if rung == self.rungs - 1:
            self._errors.clear()
        elif trial in self._results[self.rungs - 1]:
            self._errors.pop(rung, None)
        self._passed |= {(trial, earlier) for earlier in range(rung)}

    def results(self) -> Iterator[tuple[int, int, float]]:
        """Trial, rung and FID of all results, replicates included."""
        for rung in range(self.rungs):
            yield from ((trial, rung, fid) for trial, (fid, _) in self._results[rung].items())
            yield from ((trial, rung, fid) for trial, (fid, _) in self._repeated[rung].items())

    def order(self, rung: int) -> list[int]:
        """Trials with a result at `rung`, best first."""
        results = self._results[rung]
        return [trial for front in results.fronts() for trial in results.by_spread(front)]

    def quota(self, rung: int) -> int:
        """Promotion quota at `rung`, in unprotected trials."""
        results = self._results[rung]
        competing = len(results) - sum(trial in results for trial in self._protected)
        return max(1, math.ceil(competing / self.reduction_factor))

    def within_quota(self, rung: int) -> list[int]:
        """The unprotected trials within the promotion quota: the first of `order`.

        Only the front that the quota divides has to be ordered.
        """
        results, left, chosen = self._results[rung], self.quota(rung), list[int]()
        for front in results.fronts():
            members = [trial for trial in front if trial not in self._protected]
            if len(members) > left:
                ordered = results.by_spread(front)
                members = [trial for trial in ordered if trial not in self._protected][:left]
            chosen += members
            left -= len(members)
            if left == 0:
                break
        return chosen

    def prediction_error(self, rung: int) -> float:
        """Standard deviation of log FID at the last rung as predicted from `rung`.

        The prediction is the log FID at `rung` plus the mean change at the candidate's MACs. The error comes
        from noise, and from architectures that learn at different speeds. It is estimated from candidates
        that were trained to the end, which are better than most, with a prior that counts as
        `PREDICTION_ERROR_WEIGHT` of them.
        """
        if rung not in self._errors:
            self._errors[rung] = self._prediction_error(rung)
        return self._errors[rung]

    def _prediction_error(self, rung: int) -> float:
        ends = self._results[self.rungs - 1]
        results = self._results[rung]
        both = [(results[trial], ends[trial]) for trial in sorted(ends) if trial in results]
        both = [(first, last) for first, last in both if finite(first) and finite(last)]
        if not both:
            return PRIOR_PREDICTION_ERROR
        changes = [log_fid(last) - log_fid(first) for (first, _), (last, _) in both]
        mean_change = trend([macs for (_, macs), _ in both], changes)
        errors = [change - mean for change, mean in zip(changes, mean_change.means, strict=True)]
        free = max(0, len(changes) - mean_change.parameters)
        squares = PREDICTION_ERROR_WEIGHT * PRIOR_PREDICTION_ERROR**2 + sum(error**2 for error in errors)
        return math.sqrt(squares / (PREDICTION_ERROR_WEIGHT + free))

    def failed(self, trial: int, rung: int) -> bool:
        """Whether the run of `trial` failed, rather than its architecture being bad.

        Its FID at `rung` is not finite, or exceeds `FAILURE_FACTOR` times the median of the others there that
        cost no more: more expensive architectures are better on average, so a cheap one is not compared with
        them. With fewer than `FAILURE_QUORUM` others it is never a failure. A bad architecture may look like
        a failure, too, so a failed run is retried once from another seed.

        False for a result that was added before, or from which the trial was promoted: it has been judged.
        """
        if (trial, rung) in self._passed or (trial, rung) in self._replayed:
            return False
        results = self._results[rung]
        fid, macs = results[trial] if trial in results else self._repeated[rung][trial]
        if not math.isfinite(fid):
            return True
        rivals = results.distances_within(macs, without=trial)
        return len(rivals) >= FAILURE_QUORUM and fid > FAILURE_FACTOR * median(rivals)

    def discard(self, trial: int) -> None:
        """Remove the results of `trial`: its run failed."""
        self.discarded.add(trial)
        for rung in range(self.rungs):
            self._results[rung].remove(trial)
            self._repeated[rung].remove(trial)
        self._errors.clear()

    def decide(self, trial: int, rung: int) -> bool:
        """Whether `trial`, whose result at `rung` has been added, is promoted.

        Always true at the last rung, for protected trials and replicates, and for a trial that was promoted
        here before: a lost worker's rungs are replayed. Never for a result that is not finite.

        Raises:
            KeyError: `trial` has no result at `rung`.
        """
        if trial in self._replicate_of:
            return math.isfinite(self._repeated[rung][trial][0])
        result = self._results[rung][trial]
        if rung >= self.rungs - 1 or trial in self._protected or (trial, rung) in self._passed:
            return True
        quota = self.within_quota(rung)
        promoted = finite(result) and (trial in quota or self._within_margin(result, quota, rung))
        if promoted:
            self._passed.add((trial, rung))
        return promoted

    def _within_margin(self, result: Point, quota: Iterable[int], rung: int) -> bool:
        """Whether `result` would dominate or equal one of `quota`, were its FID lower by the margin."""
        fid, macs = result
        margin = self._significance * math.sqrt(2) * self.prediction_error(rung)
        optimistic = max(fid, LEAST_FID) * math.exp(-margin)
        results = self._results[rung]
        rivals = (results[trial] for trial in quota)
        return any(optimistic <= max(other, LEAST_FID) and macs <= cost for other, cost in rivals)
