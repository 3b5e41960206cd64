"""The report of a finalists' study: the distance of every seed, intervals, held-out scores, the choice."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from nas.budget import COUNTER, format_quantity
from nas.reporting.columns import (
    architectures,
    before_cell,
    before_column,
    closing_lines,
    costs,
    latency_cell,
    latency_column,
    legend,
    make_table,
    noise_line,
    states,
    title,
)
from nas.reporting.report import SearchReport, TrialReport
from nas.reporting.verdict import comparison, near


def render_finalists(found: SearchReport) -> RenderableType:
    """The distances of finalists, 90 % intervals of their medians, and last the choice."""
    if found.best is None:
        return Text(f"no finalist of study {found.study} is complete: {states(found)}")
    best = found.best
    shown = sorted((t for t in found.trials if t.fids), key=lambda t: t.median or 0.0)
    table = make_table(
        [
            "trial",
            "in the\nsearch",
            f"{found.distance}\nof seeds",
            "median",
            "90 %\ninterval",
            *before_column(found),
            "MACs",
            "params",
            *latency_column(found),
        ],
    )
    for trial in shown:
        low, high = found.interval(trial)
        table.add_row(
            str(trial.number),
            str(trial.search_trial),
            " ".join(f"{fid:.2f}" for fid in trial.fids),
            f"{trial.median:.2f}",
            f"{low:.2f} to {high:.2f}",
            *before_cell(trial, found),
            format_quantity(trial.macs or 0),
            format_quantity(trial.params or 0),
            *latency_cell(trial, found),
            style="bold" if trial == best else "",
        )
    words = {
        "in the search": "number of the trial there",
        "90 % interval": "of the median, from the noise of all seeds",
        "MACs": COUNTER,
    }
    lines = [noise_line(found), *comparison(found.compared_with), *_nearest(found, best)]
    last = best.rungs[-1]
    return Group(
        title(
            f"Finalists of {found.finalists_of or found.study}: {found.distance}, "
            f"{last.fid_samples} samples, after {last.images:,} images"
        ),
        table,
        legend(found, words),
        architectures(found, [(trial, _notes(trial, best)) for trial in shown]),
        *_held_out(found, shown),
        Text(),
        *(Text(line) for line in [*lines, *closing_lines(found)]),
        Text(),
        Text(_chosen(found, best)),
    )


def _notes(trial: TrialReport, best: TrialReport) -> list[str]:
    notes = ["chosen"] if trial == best else []
    return [*notes, f"baseline: {trial.baseline}"] if trial.baseline else notes


def _chosen(found: SearchReport, best: TrialReport) -> str:
    low, high = found.interval(best)
    return (
        f"Chosen: trial {best.number}, trial {best.search_trial} in the search, {found.distance} "
        f"{best.median:.2f} (90 % {low:.2f} to {high:.2f}), {costs(best.macs or 0, best.params or 0)}; "
        f"{states(found)}."
    )


def _held_out(found: SearchReport, finalists: Sequence[TrialReport]) -> list[RenderableType]:
    """The scores against held-out images, medians over seeds, where finalists have any."""
    if not any(found.held_out(trial) for trial in finalists):
        return []
    table = make_table(
        ["trial", found.distance.replace(" ", "\n"), "KID", "precision", "recall"],
    )
    for trial in finalists:
        scores = found.held_out(trial)
        if scores:
            numbers = [f"{scores['fid']:.2f}", f"{scores['kid']:.3g}"]
            numbers += [f"{scores[name]:.2f}" for name in ("precision", "recall")]
            table.add_row(str(trial.number), *numbers)
    meaning = "Medians over seeds. KID: lower is better; precision and recall: of 1, higher is better."
    return [
        Text(),
        title("Against held-out images, which no training has seen"),
        table,
        Text(meaning, style="dim"),
    ]


def _nearest(found: SearchReport, best: TrialReport) -> list[str]:
    """Where the picture is that shows whether the chosen student repeats training images, in a line."""
    if best.nearest is None:
        return []
    return [f"Its samples beside their nearest training images: {near(found.folder)}/{best.nearest}"]
