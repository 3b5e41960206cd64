"""Multi-objective successive halving: which candidates go on to the next rung.

Asynchronous, as in ASHA (Li et al. 2018): a candidate is judged once, when it finishes a rung, against
everything seen at that rung so far; nobody waits. Ranked are the objectives (FID, MACs), both minimised.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from nas.errors import ConfigError
from nas.pareto import Point, crowding, finite, nondominated_ranks

if TYPE_CHECKING:
    from nas.study.records import RungRecord


class RungBoard:
    """Every result seen at every rung, and who goes on.

    At a rung where n candidates compete, the best max(1, ceil(n / r)) go on, r being the reduction factor.
    Best is, in this order:

    1. a lower front number (non-dominated sorting);
    2. inside one front, more spread (crowding distance on a log scale; the two ends are infinite);
    3. a lower FID, fewer MACs, the earlier trial.

    The front alone would hardly select: of 16 candidates whose FID and MACs are unrelated about 3 are
    non-dominated, and where quality costs MACs nearly all are. So places are counted, not fronts: the share
    that goes on stays 1 / r, spread keeps one candidate per region of cost, and with a single place
    (n <= r) the lowest FID of the front takes it. The cheapest candidate so far is always an end of the
    front, whatever its FID; in a random order that happens about ln(n) times in a study of n.

    The decision depends on the set of results only, not on their order, so a resumed search decides alike. It
    does not change when an objective is rescaled by x -> c * x ** p (c, p > 0). Under any other strictly
    increasing rescaling only candidates inside the one front that the cut runs through can change places,
    never that front's ends.

    Args:
        rungs: number of rungs; there is no decision at the last one, `rungs - 1`.
        reduction_factor: one in so many goes on, > 1.
        protected: trials that always go on (baselines). Their results dominate others, but take no place.
    """

    def __init__(self, rungs: int, reduction_factor: float = 3.0, protected: Iterable[int] = ()) -> None:
        if not (math.isfinite(reduction_factor) and reduction_factor > 1):
            raise ConfigError(
                f"reduction factor {reduction_factor:g} keeps everything: give a number above 1, such as 3"
            )
        if rungs < 1:
            raise ConfigError(f"{rungs} rungs: give at least 1")
        self.rungs = rungs
        self.reduction_factor = reduction_factor
        self._protected = set(protected)
        self._results: dict[int, dict[int, Point]] = defaultdict(dict)  # rung -> trial -> (FID, MACs)
        self._passed: set[tuple[int, int]] = set()  # (trial, rung): judged once, for good

    @classmethod
    def from_rungs(
        cls,
        records: Iterable[RungRecord],
        macs: Mapping[int, int],
        *,
        rungs: int,
        reduction_factor: float = 3.0,
        protected: Iterable[int] = (),
    ) -> Self:
        """The board as it stood when a search was interrupted.

        Args:
            records: the study's rungs.
            macs: MACs by trial number; records of trials that are not in it are left out.
            rungs, reduction_factor, protected: as for the board itself.
        """
        board = cls(rungs, reduction_factor, protected)
        for record in records:
            if record.trial in macs:
                board.add(record.trial, record.rung, (record.fid, float(macs[record.trial])))
        return board

    def protect(self, trial: int) -> None:
        """Let `trial` always go on."""
        self._protected.add(trial)

    def add(self, trial: int, rung: int, objectives: Point) -> None:
        """Note the result (FID, MACs) of `trial` at `rung`. Noting it again replaces it."""
        self._results[rung][trial] = objectives
        self._passed |= {(trial, earlier) for earlier in range(rung)}

    def order(self, rung: int) -> list[int]:
        """Trials seen at `rung`, best first."""
        seen = self._results[rung]
        trials = sorted(seen)
        ranks = nondominated_ranks([seen[trial] for trial in trials])
        fronts: dict[int, list[int]] = defaultdict(list)
        for trial, rank in zip(trials, ranks, strict=True):
            fronts[rank].append(trial)
        ordered: list[int] = []
        for rank in sorted(fronts):
            members = fronts[rank]
            spread = dict(zip(members, crowding([_log(seen[trial]) for trial in members]), strict=True))
            ordered += sorted(members, key=lambda trial: (-spread[trial], *_log(seen[trial]), trial))
        return ordered

    def places(self, rung: int) -> int:
        """How many of the unprotected results seen at `rung` go on."""
        competing = len(self._results[rung].keys() - self._protected)
        return max(1, math.ceil(competing / self.reduction_factor))

    def decide(self, trial: int, rung: int) -> bool:
        """Whether `trial`, whose result at `rung` has been added, goes on.

        Always true at the last rung, for protected trials, and for a trial that went on from here before: a
        lost worker's rungs are replayed. Never for a result that is not finite.

        Raises:
            KeyError: `trial` has no result at `rung`.
        """
        result = self._results[rung][trial]
        if rung >= self.rungs - 1 or trial in self._protected or (trial, rung) in self._passed:
            return True
        competing = [other for other in self.order(rung) if other not in self._protected]
        goes_on = finite(result) and trial in competing[: self.places(rung)]
        if goes_on:
            self._passed.add((trial, rung))
        return goes_on


def _log(point: Point) -> Point:
    """FID and MACs differ by factors. What has no logarithm sorts first (an FID of 0) or last (NaN)."""
    a, b = (math.log(max(value, 1e-12)) if math.isfinite(value) else math.inf for value in point)
    return a, b


class ParetoHalving(FIFOScheduler):  # type: ignore[misc]  # Ray Tune has no types
    """Ray Tune scheduler that stops the candidates a `RungBoard` turns down.

    A result has `rung`, `fid` and `macs`; a trial's config has `trial` (its number in the study) and
    `protected`.
    """

    _supports_buffered_results = False  # a decision per rung, taken before the next one starts

    def __init__(self, board: RungBoard) -> None:
        super().__init__()
        self.board = board

    def on_trial_result(self, tune_controller: Any, trial: Any, result: Mapping[str, Any]) -> str:
        """STOP or CONTINUE. A result without a rung or an FID (a failure being reported) passes."""
        if result.get("rung") is None or result.get("fid") is None:
            return str(TrialScheduler.CONTINUE)
        number, rung = int(trial.config["trial"]), int(result["rung"])
        if trial.config.get("protected"):
            self.board.protect(number)
        self.board.add(number, rung, (float(result["fid"]), float(result["macs"])))
        return str(TrialScheduler.CONTINUE if self.board.decide(number, rung) else TrialScheduler.STOP)

    def debug_string(self) -> str:
        """One line for Tune's own status report."""
        seen = ", ".join(
            f"rung {rung}: {len(results)}" for rung, results in sorted(self.board._results.items())
        )
        return (
            f"Pareto halving, reduction factor {self.board.reduction_factor:g}: {seen or 'nothing seen yet'}"
        )
