"""What a study shows: reports, tables, plots, the dashboard."""

from nas.reporting.architectures import architecture_of, render_architecture
from nas.reporting.report import SearchReport, TrialReport, choose_best, read_report, trial_reports
from nas.reporting.tables import render, render_finalists, render_trust

__all__ = [
    "SearchReport",
    "TrialReport",
    "architecture_of",
    "choose_best",
    "read_report",
    "render",
    "render_architecture",
    "render_finalists",
    "render_trust",
    "trial_reports",
]
