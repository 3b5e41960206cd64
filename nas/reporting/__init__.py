"""What a study shows: reports, tables, verdicts."""

from nas.reporting.architectures import architecture_of, legend_lines, render_architecture
from nas.reporting.columns import (
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
from nas.reporting.document import check_document, write_document
from nas.reporting.finalists import render_finalists
from nas.reporting.listing import StudySummary, render_studies, render_trials, summarise, what_it_is
from nas.reporting.markdown import as_markdown
from nas.reporting.report import (
    SearchReport,
    TrialReport,
    choose_best,
    read_report,
    schedule_of,
    searches_below_teacher,
    trial_reports,
)
from nas.reporting.sizes import format_bytes
from nas.reporting.spreadsheet import COLUMNS, as_csv
from nas.reporting.tables import render, render_next
from nas.reporting.trust import render_trust

__all__ = [
    "COLUMNS",
    "Gain",
    "SearchReport",
    "StudySummary",
    "TrialReport",
    "architecture_of",
    "as_csv",
    "as_markdown",
    "check_document",
    "choose_best",
    "comparison",
    "count_states",
    "format_bytes",
    "gain",
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
    "trial_reports",
    "verdict",
    "what_it_is",
    "write_document",
]
