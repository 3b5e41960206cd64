"""The report of a finalists' study: the distance of every seed, intervals, held-out scores, the choice."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from nas.budget import COUNTER, format_quantity
from nas.reporting.columns import (
    Column,
    architectures,
    before_training,
    closing_lines,
    costs,
    latency,
    legend,
    macs,
    make_table,
    noise_line,
    nothing_complete,
    number,
    states,
    title,
)
from nas.reporting.conclusion import comparison, near
from nas.reporting.report import SearchReport, TrialReport
from nas.reporting.tie_break import tie_break_lines

HEADINGS = {"kid": "KID"}
FORMATS = {"kid": ".3g", "content": ".3f", "target": ".3f", "perceptual": ".3f"}
MEANINGS = {
    "kid": "KID: lower is better",
    "precision": "precision and recall: of 1, higher is better",
    "content": "content: L1 to the input at a quarter of the size",
    "target": "target: L1 to the target, lower is better",
    "perceptual": "perceptual: distance to the target in the features of a network",
    "accuracy": "accuracy: fraction of outputs in which a classifier sees the attribute asked for",
    "accuracy_input": "accuracy input: the same of the input images",
    "accuracy_real": "accuracy real: the classifier's own balanced accuracy on real images",
}
"""What scores against held-out images are, by name."""


def render_finalists(found: SearchReport) -> RenderableType:
    """The distances of finalists, 90 % intervals of their medians, and last the choice."""
    if found.best is None:
        return nothing_complete(found, "finalist")
    best, shown, columns = found.best, trained_finalists(found), finalist_columns(found)
    table = make_table([column.heading for column in columns])
    for trial in shown:
        table.add_row(*(column.cell(trial) for column in columns), style="bold" if trial == best else "")
    lines = [noise_line(found), *comparison(found.compared_with), *_nearest(found, best)]
    last = best.rungs[-1]
    return Group(
        title(
            f"Finalists of {found.finalists_of or found.study}: {found.distance}, "
            f"{last.fid_samples:,} samples, after {last.images:,} images"
        ),
        table,
        legend(columns),
        architectures(found, [(trial, finalist_notes(trial, best)) for trial in shown]),
        *_held_out(found, shown),
        Text(),
        *(Text(line) for line in [*lines, *closing_lines(found)]),
        Text(),
        *(Text(line) for line in _got_worse(found, shown)),
        Text(chosen_line(found, best)),
        *(Text(line) for line in tie_break_lines(found)),
    )


def trained_finalists(found: SearchReport) -> list[TrialReport]:
    """The finalists that were trained to the end, the best first."""
    return sorted((t for t in found.trials if t.fids), key=lambda t: t.median or 0.0)


def finalist_columns(found: SearchReport) -> list[Column]:
    """Columns of the table of finalists."""
    return [
        Column("trial", lambda t: str(t.number)),
        Column("in the\nsearch", lambda t: str(t.search_trial), "number of the trial there"),
        Column(f"{found.distance}\nof seeds", lambda t: " ".join(map(number, t.fids))),
        Column("median", lambda t: number(t.median)),
        Column(
            "90 %\ninterval",
            lambda t: " to ".join(map(number, found.interval(t))),
            "of the median, from the noise of all seeds",
        ),
        *before_training(found),
        macs(found.trials, COUNTER),
        Column("params", lambda t: format_quantity(t.params or 0)),
        *latency(found),
    ]


def finalist_notes(trial: TrialReport, best: TrialReport) -> list[str]:
    """What to know of a finalist beside its numbers."""
    notes = ["chosen"] if trial == best else []
    return [*notes, f"baseline: {trial.baseline}"] if trial.baseline else notes


def chosen_line(found: SearchReport, best: TrialReport) -> str:
    """The finalist that is chosen."""
    low, high = found.interval(best)
    return (
        f"Chosen: trial {best.number}, trial {best.search_trial} in the search, {found.distance} "
        f"{best.median:.2f} (90 % {low:.2f} to {high:.2f}), {costs(best.macs or 0, best.params or 0)}; "
        f"{states(found)}."
    )


def _got_worse(found: SearchReport, trained: Sequence[TrialReport]) -> list[str]:
    """Which finalists were better at an earlier rung than at their last, a line each."""
    lines = []
    for trial in trained:
        *earlier, last = trial.rungs
        before = min(earlier, key=lambda rung: rung.fid, default=last)
        if before.fid < last.fid:
            lines.append(
                f"Caution: trial {trial.number} got worse: {found.distance} {number(before.fid)} after "
                f"{before.images:,} images, {number(last.fid)} after {last.images:,}: train it shorter "
                "(--images of nas-distill), or with another --recipe."
            )
    return lines


def _held_out(found: SearchReport, trained: Sequence[TrialReport]) -> list[RenderableType]:
    """The scores against held-out images, medians over seeds, where finalists have any."""
    if not any(found.held_out(trial) for trial in trained):
        return []
    scored = [(trial, scores) for trial in trained if (scores := found.held_out(trial))]
    names = dict.fromkeys(name for _, scores in scored for name in scores)
    table = make_table(["trial", *(_heading(name, found.distance) for name in names)])
    for trial, scores in scored:
        shown = (f"{scores[name]:{FORMATS.get(name, '.2f')}}" if name in scores else "-" for name in names)
        table.add_row(str(trial.number), *shown)
    meanings = [MEANINGS[name] for name in names if name in MEANINGS]
    meaning = f"Medians over seeds. {'; '.join(meanings)}."
    return [
        Text(),
        title("Against held-out images, which no training has seen"),
        table,
        Text(meaning, style="dim"),
    ]


def _heading(name: str, distance: str) -> str:
    """Of the column of a score."""
    return HEADINGS.get(name, distance if name == "fid" else name).replace(" ", "\n").replace("_", "\n")


def _nearest(found: SearchReport, best: TrialReport) -> list[str]:
    """Where the picture is that shows whether the chosen student repeats training images, in a line."""
    if best.nearest is None:
        return []
    return [f"Its samples beside their nearest training images: {near(found.folder)}/{best.nearest}"]
