"""Multi-objective successive halving: which candidates go on to the next rung.

Asynchronous, as the stopping variant of ASHA (Li et al. 2018): a candidate is judged once, when it finishes
a rung, against everything seen at that rung so far; nobody waits, and nobody is taken up again. Ranked are
the objectives (FID, MACs), both minimised.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from statistics import median
from typing import TYPE_CHECKING, Self

import numpy as np

from nas.errors import ConfigError
from nas.ranking.noise import LEAST_FID, log_fid
from nas.ranking.pareto import Point, crowding, finite, nondominated_ranks
from nas.ranking.trend import trend

if TYPE_CHECKING:
    from nas.study import RungRecord

PRIOR_DRIFT = 0.2  # of log FID from a rung to the end: on digits and faces it was 0.12 to 0.44
DRIFT_WEIGHT = 2  # architectures that the assumption is worth
FAILURE_FACTOR = 3.0  # times the median FID of comparable others: a run went wrong
FAILURE_QUORUM = 5  # others that the median is taken of


class RungBoard:
    """Every result seen at every rung, and who goes on.

    At a rung where n candidates compete, the best max(1, ceil(n / reduction_factor)) have a place. Best is,
    in this order:

    1. a lower front number (non-dominated sorting);
    2. inside one front, more spread (crowding distance in ranks; the two ends are infinite);
    3. a lower FID, fewer MACs, the earlier trial.

    The front alone would hardly select: of 16 candidates whose FID and MACs are unrelated about 3 are
    non-dominated, and where quality costs MACs nearly all are. So places are counted, not fronts: spread
    keeps one candidate per region of cost, and with a single place (n <= reduction_factor) the lowest FID of
    the front takes it. The cheapest candidate so far is always an end of the front, whatever its FID; in a
    random order that happens about ln(n) times in a study of n.

    What may yet change eliminates nobody: a candidate without a place goes on, too, when it would dominate or
    equal one that has a place if its FID were lower by the tie margin. The margin is `ties` times the
    standard error that the difference of two FIDs at this rung has as a forecast of the one at the last.

    The decision depends on the set of results only, not on their order, so a resumed search decides alike.
    With `ties` 0 it depends on the order of FIDs and on the order of MACs alone: no increasing rescaling of
    an objective changes it.

    Args:
        rungs: number of rungs; there is no decision at the last one, `rungs - 1`.
        reduction_factor: one in so many goes on, > 1.
        protected: trials that always go on (baselines). Their results dominate others, but take no place.
        significance: width of the tie margin, in standard errors; 0 judges FIDs as if they were exact.
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
        self._results: dict[int, dict[int, Point]] = defaultdict(dict)  # rung ─► trial ─► (FID, MACs)
        self._repeated: dict[int, dict[int, Point]] = defaultdict(dict)  # rung ─► replicate ─► (FID, MACs)
        self._passed: set[tuple[int, int]] = set()  # (trial, rung): judged once, for good
        self._replayed: set[tuple[int, int]] = set()  # (trial, rung): told more than once
        self.discarded: set[int] = set()  # trials whose runs went wrong

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
        """Let `trial` always go on."""
        self._protected.add(trial)

    def replicate(self, trial: int, first: int) -> None:
        """Take `trial` for a further run of the architecture of trial `first`: it competes with nobody."""
        self._replicate_of[trial] = first

    def add(self, trial: int, rung: int, objectives: Point) -> None:
        """Note the result (FID, MACs) of `trial` at `rung`. Noting it again replaces it."""
        seen = (self._repeated if trial in self._replicate_of else self._results)[rung]
        if trial in seen:
            self._replayed.add((trial, rung))
        seen[trial] = objectives
        self._passed |= {(trial, earlier) for earlier in range(rung)}

    def results(self) -> Iterator[tuple[int, int, float]]:
        """Trial, rung and FID of everything noted, replicates included."""
        for rung in range(self.rungs):
            yield from ((trial, rung, fid) for trial, (fid, _) in self._results[rung].items())
            yield from ((trial, rung, fid) for trial, (fid, _) in self._repeated[rung].items())

    def order(self, rung: int) -> list[int]:
        """Trials seen at `rung`, best first."""
        fronts = self._fronts(rung)
        return [trial for rank in sorted(fronts) for trial in self._by_spread(rung, fronts[rank])]

    def places(self, rung: int) -> int:
        """How many of the unprotected results seen at `rung` have a place at the next."""
        competing = len(self._results[rung].keys() - self._protected)
        return max(1, math.ceil(competing / self.reduction_factor))

    def placed(self, rung: int) -> list[int]:
        """The unprotected trials that have a place at the next rung: the first of `order`.

        Only the front that the cut runs through has to be ordered.
        """
        left, chosen = self.places(rung), []
        fronts = self._fronts(rung)
        for rank in sorted(fronts):
            members = [trial for trial in fronts[rank] if trial not in self._protected]
            if len(members) > left:
                ordered = self._by_spread(rung, fronts[rank])
                members = [trial for trial in ordered if trial not in self._protected][:left]
            chosen += members
            left -= len(members)
            if left == 0:
                break
        return chosen

    def _fronts(self, rung: int) -> dict[int, list[int]]:
        """Trials seen at `rung` by front number, each front by trial number."""
        trials = sorted(self._results[rung])
        ranks = nondominated_ranks([self._results[rung][trial] for trial in trials])
        fronts: dict[int, list[int]] = defaultdict(list)
        for trial, rank in zip(trials, ranks, strict=True):
            fronts[rank].append(trial)
        return fronts

    def _by_spread(self, rung: int, members: list[int]) -> list[int]:
        """One front, the members in sparse regions first; both objectives as places in the rung's order."""
        seen = np.array(list(self._results[rung].values()))
        seen[~np.isfinite(seen)] = np.inf
        own = np.array([self._results[rung][trial] for trial in members])
        own[~np.isfinite(own)] = np.inf
        columns = [np.searchsorted(np.unique(seen[:, axis]), own[:, axis]).astype(float) for axis in (0, 1)]
        points = list(zip(*(column.tolist() for column in columns), strict=True))
        entries = zip(crowding(points), points, members, strict=True)
        return [trial for _, _, trial in sorted((-spread, point, trial) for spread, point, trial in entries)]

    def drift(self, rung: int) -> float:
        """Standard deviation, over candidates, of the change of log FID from `rung` to the last one.

        Around what is usual at their MACs. Noise is in it, and that architectures learn at different speeds.
        From those that were trained to the end, which are better than most, with an assumption that counts as
        `DRIFT_WEIGHT` of them.
        """
        ends = self._results[self.rungs - 1]
        both = {
            trial: (result, ends[trial])
            for trial, result in self._results[rung].items()
            if trial in ends and finite(result) and finite(ends[trial])
        }
        if not both:
            return PRIOR_DRIFT
        changes = [log_fid(last) - log_fid(first) for (first, _), (last, _) in both.values()]
        usual = trend([macs for (_, macs), _ in both.values()], changes)
        squares = sum((change - there) ** 2 for change, there in zip(changes, usual.expected, strict=True))
        free = max(0, len(changes) - usual.parameters)
        return math.sqrt((DRIFT_WEIGHT * PRIOR_DRIFT**2 + squares) / (DRIFT_WEIGHT + free))

    def failed(self, trial: int, rung: int) -> bool:
        """Whether the run of `trial` went wrong, rather than being of a bad architecture.

        Its FID at `rung` is no finite number, or `FAILURE_FACTOR` times the median there of the others that
        cost no more: what costs less is not expected to be better, so a cheap architecture is not taken for a
        failure beside dear ones. Where fewer than `FAILURE_QUORUM` cost no more, nobody knows. A bad
        architecture may look like a failure, too: so it gets one more seed.

        Never for a result that was told before, or that the trial went on from: it was judged then, among
        those who were there.
        """
        if (trial, rung) in self._passed or (trial, rung) in self._replayed:
            return False
        results = self._results[rung]
        fid, macs = results[trial] if trial in results else self._repeated[rung][trial]
        if not math.isfinite(fid):
            return True
        rivals = [rival for other, (rival, cost) in results.items() if other != trial and cost <= macs]
        return len(rivals) >= FAILURE_QUORUM and fid > FAILURE_FACTOR * median(rivals)

    def discard(self, trial: int) -> None:
        """Leave the results of `trial` out: its run went wrong."""
        self.discarded.add(trial)
        for rung in range(self.rungs):
            self._results[rung].pop(trial, None)
            self._repeated[rung].pop(trial, None)

    def decide(self, trial: int, rung: int) -> bool:
        """Whether `trial`, whose result at `rung` has been added, goes on.

        Always true at the last rung, for protected trials and replicates, and for a trial that went on from
        here before: a lost worker's rungs are replayed. Never for a result that is not finite.

        Raises:
            KeyError: `trial` has no result at `rung`.
        """
        if trial in self._replicate_of:
            return math.isfinite(self._repeated[rung][trial][0])
        result = self._results[rung][trial]
        if rung >= self.rungs - 1 or trial in self._protected or (trial, rung) in self._passed:
            return True
        placed = self.placed(rung)
        goes_on = finite(result) and (trial in placed or self._tied(result, placed, rung))
        if goes_on:
            self._passed.add((trial, rung))
        return goes_on

    def _tied(self, result: Point, placed: Iterable[int], rung: int) -> bool:
        """Whether `result` would be as good as one that has a place, were its FID lower by the margin."""
        fid, macs = result
        margin = self._significance * math.sqrt(2) * self.drift(rung)
        optimistic = max(fid, LEAST_FID) * math.exp(-margin)
        results = self._results[rung]
        rivals = (results[trial] for trial in placed)
        return any(optimistic <= max(other, LEAST_FID) and macs <= cost for other, cost in rivals)
