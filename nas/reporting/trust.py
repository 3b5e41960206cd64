"""How far a study's rankings can be believed: rank correlations between rungs."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from nas.ranking import FEWEST_RANKED
from nas.reporting.columns import make_table, title
from nas.reporting.report import SearchReport

LEGEND = (
    "Over architectures that were trained to the end: halving chose them, which lowers correlations. 1: the "
    "same order; 0: no relation. In brackets the 90 % interval, bootstrap over architectures; none where all "
    "have the same order at both rungs, as a bootstrap then draws no other."
)


def render_trust(found: SearchReport) -> RenderableType:
    """How far the study's rankings can be believed."""
    if not found.correlations:
        complete = sum(t.state == "COMPLETE" and t.replicate_of is None for t in found.trials)
        why = f"too few architectures, {complete} of at least {FEWEST_RANKED} trained to the end"
        if complete >= FEWEST_RANKED:
            why = "there is one rung, or all architectures have the same distance"
        return Text(f"Rank correlations between rungs: {why}.")
    table = make_table(
        ["images\nseen", "by", "architec-\ntures", "Spearman", "Kendall"],
    )
    for row in found.correlations:
        table.add_row(
            f"{row.images:,}",
            found.distance if row.metric == "fid" else row.metric.upper(),
            str(row.architectures),
            _with_interval(row.spearman, row.spearman_interval),
            _with_interval(row.kendall, row.kendall_interval),
        )
    asked = title("Do early rungs rank architectures as the last one does? Rank correlations")
    return Group(asked, table, Text(LEGEND, style="dim"))


def _with_interval(value: float, interval: tuple[float, float] | None) -> str:
    return f"{value:.2f}" + (f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else "")
