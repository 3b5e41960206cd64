"""What a study shows: reports, tables, verdicts."""

from nas.reporting.architectures import architecture_of, legend_lines, render_architecture, width_profile
from nas.reporting.columns import (
    caution_lines,
    count_states,
    latency_headings,
    latency_lines,
    make_table,
    milliseconds,
    noise_line,
    resuming,
    states_in_words,
)
from nas.reporting.conclusion import Gain, comparison, gain, location, next_commands, verdict
from nas.reporting.documents import COLUMNS, as_csv, as_markdown, check_document, write_document
from nas.reporting.finalists import render_finalists
from nas.reporting.listing import StudySummary, render_studies, render_trials, summarise, what_it_is
from nas.reporting.report import (
    Choice,
    SearchReport,
    TrialReport,
    choose_best,
    interval_of,
    intervals_of,
    read_report,
    schedule_of,
    searches_below_teacher,
    trial_reports,
)
from nas.reporting.sizes import format_bytes
from nas.reporting.tables import render, render_next
from nas.reporting.tie_break import describe_tie_break, tie_break_lines, trial_numbers
from nas.reporting.trust import render_trust

__all__ = [
    "COLUMNS",
    "Choice",
    "Gain",
    "SearchReport",
    "StudySummary",
    "TrialReport",
    "architecture_of",
    "as_csv",
    "as_markdown",
    "caution_lines",
    "check_document",
    "choose_best",
    "comparison",
    "count_states",
    "describe_tie_break",
    "format_bytes",
    "gain",
    "interval_of",
    "intervals_of",
    "latency_headings",
    "latency_lines",
    "legend_lines",
    "location",
    "make_table",
    "milliseconds",
    "next_commands",
    "noise_line",
    "read_report",
    "render",
    "render_architecture",
    "render_finalists",
    "render_next",
    "render_studies",
    "render_trials",
    "render_trust",
    "resuming",
    "schedule_of",
    "searches_below_teacher",
    "states_in_words",
    "summarise",
    "tie_break_lines",
    "trial_numbers",
    "trial_reports",
    "verdict",
    "what_it_is",
    "width_profile",
    "write_document",
]
