"""All trials of a study as CSV: a row for each training, columns that stay."""

from __future__ import annotations

import csv
import io

from nas.reporting.report import SearchReport, TrialReport

COLUMNS = (
    "trial",  # number in the study
    "state",  # COMPLETE, PRUNED (stopped early), FAIL, RUNNING or INTERRUPTED
    "distance",  # what `fid` is called: FID in Inception's features, FD (NAME) in others
    "fid",  # at the last rung that it reached
    "images",  # that it was trained for until then
    "fid_samples",  # generated images that `fid` was measured on
    "macs",
    "params",
    "latency",  # seconds for one image, where a budget limits it
    "budget_fraction",  # that widths were scaled to
    "baseline",  # name of a uniform-width baseline
    "replicate_of",  # first trial of the same architecture
    "search_trial",  # of a finalist: its trial in the search
    "median",  # of its architecture's trainings to the end
    "estimate",  # posterior estimate of its architecture's distance
    "on_front",  # 1 or 0
    "best",  # 1 or 0
    "within_margin",  # 1 or 0: not significantly worse than the best
    "fid_before",  # of what its training started from
    "kd_weight",  # at the last step of that rung
    "seconds",  # of all its rungs, measuring included
    "reason",  # why it failed
    "architecture",  # canonical string
)
"""Columns of the CSV, in their order. Further ones are added at the end; what is not known is empty."""


def as_csv(found: SearchReport) -> str:
    """All trials, replicates among them, in the order of their numbers."""
    out = io.StringIO()
    table = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(_row(found, trial) for trial in found.trials)
    return out.getvalue()


def _row(found: SearchReport, trial: TrialReport) -> dict[str, object]:
    last = trial.rungs[-1] if trial.rungs else None
    fid = trial.fid if trial.fid is not None or last is None else last.fid
    return {
        "trial": trial.number,
        "distance": found.distance,
        "fid": fid,
        "images": last and last.images,
        "fid_samples": last and last.fid_samples,
        "median": trial.median if trial.fids else None,
        "estimate": found.estimates.get(trial.number),
        "on_front": int(trial in found.front),
        "best": int(trial == found.best),
        "within_margin": int(trial.number in found.within_margin),
        "kd_weight": None if last is None else last.kd_weight,
        "seconds": sum(rung.seconds for rung in trial.rungs) if last else None,
        "architecture": trial.summary,
        **{name: getattr(trial, name) for name in _OF_THE_TRIAL},
    }


_OF_THE_TRIAL = (
    *("state", "macs", "params", "latency", "budget_fraction", "baseline"),
    *("replicate_of", "search_trial", "fid_before", "reason"),
)
