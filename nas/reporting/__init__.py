"""What a study shows: reports, tables, plots, the dashboard."""

from nas.reporting.report import SearchReport, TrialReport, choose_best, read_report, trial_reports
from nas.reporting.tables import render, render_finalists, render_trust

__all__ = [
    "SearchReport",
    "TrialReport",
    "choose_best",
    "read_report",
    "render",
    "render_finalists",
    "render_trust",
    "trial_reports",
]
