"""Which trial of a study to export."""

from __future__ import annotations

import math

from nas.budget import format_quantity
from nas.errors import ExportError
from nas.reporting import SearchReport, TrialReport, choose_best


def choose(found: SearchReport, *, trial: int | None = None, max_macs: int | None = None) -> TrialReport:
    """The trial to export: number `trial`, or the best complete one of at most `max_macs` MACs.

    The best is that of reports and the dashboard: the first training of the architecture with the lowest
    posterior estimate. Its replicates are exported by their own numbers only. Of trials tied with the best
    it is the one that a person chose, if one did.

    Raises:
        ExportError: no trial is complete, or none is that cheap.
        StudyError: there is no trial of that number.
    """
    if trial is not None:
        return found.trial(trial)
    complete = [t for t in found.trials if t.fids]
    if not complete:
        raise ExportError(
            f"study {found.study!r} has no complete trial yet: run nas-search again to continue"
        )
    chosen = choose_best(found.trials, max_macs)
    if chosen.best is None:
        cheapest = min(t.macs or 0 for t in complete)
        given, needed = format_quantity(max_macs), format_quantity(cheapest)
        if given == needed:
            given, needed = str(max_macs), str(cheapest)
        raise ExportError(f"--max-macs {given}: the cheapest complete trial takes {needed} MACs; give more")
    return chosen.preferred(found.tie_break)


def better_seed(found: SearchReport, trial: TrialReport) -> TrialReport | None:
    """The training of the same architecture with the lowest distance, where that is not `trial`."""
    first = trial.number if trial.replicate_of is None else trial.replicate_of
    runs = [t for t in found.trials if first in (t.number, t.replicate_of) and t.state == "COMPLETE"]
    lowest = min(runs, key=lambda t: math.inf if t.fid is None else t.fid, default=trial)
    return None if lowest.fid == trial.fid else lowest
