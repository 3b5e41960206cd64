"""Columns, rows and lines that the tables of a search and of its finalists share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from distill.evaluation import few_samples
from distill.teachers import HELD_OUT
from nas.budget import Timing, format_duration, format_quantity
from nas.ranking import PRIOR_SIGMA, PRIOR_WEIGHT
from nas.reporting.architectures import legend_lines
from nas.reporting.conclusion import near
from nas.reporting.report import SearchReport, TrialReport
from nas.reporting.sizes import folder_bytes, format_bytes
from nas.study import Latencies
from nas.trials import INTERRUPTED, STATES
from search_spaces import count_of


def make_table(columns: Sequence[str], *, text: Container[str] = ()) -> Table:
    """A table that 80 columns of a terminal hold: no lines between columns, two-line headings.

    Columns are numbers, but those of `text`.
    """
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False, show_edge=False)
    for name in columns:
        table.add_column(name, justify="left" if name in text else "right", overflow="fold")
    return table


def title(words: str) -> Text:
    """The title above a table; a table's own would be folded to its width."""
    return Text(words, style="italic")


@dataclass(frozen=True)
class Column:
    """A column of a table with a row for each trial."""

    heading: str  # its lines
    cell: Callable[[TrialReport], str]
    meaning: str = ""  # for the legend; empty where the heading says enough


def before_training(found: SearchReport) -> list[Column]:
    """The distance that students started from, where it was measured."""
    if all(t.fid_before is None for t in found.trials):
        return []
    meaning = "distance of the weights that the training starts from"
    return [Column("before\ntraining", lambda t: number(t.fid_before), meaning)]


def latency(found: SearchReport) -> list[Column]:
    """The latency of students, where it was measured: by a budget, or by `nas-report --latency`."""
    columns = []
    if any(t.latency is not None for t in found.trials):
        columns.append(Column("latency", lambda t: format_duration(t.latency), "seconds for one image"))
    for heading, each in latency_headings(found):
        columns.append(
            Column(
                heading,
                lambda t, each=each: milliseconds(each.students.get(t.number)),  # type: ignore[misc]  # of a default's type
                f"ms for one image on {each.on}",
            )
        )
    return columns


def latency_headings(found: SearchReport) -> list[tuple[str, Latencies]]:
    """What was measured in each place, below a heading that no other has."""
    taken: Counter[str] = Counter()
    headings = []
    for each in found.latencies:
        words = each.on.partition(",")[0].split()
        short = "\n".join([word for word in words if not word[0].isdigit()][:2])  # without versions
        taken[short] += 1
        again = f" {taken[short]}" if taken[short] > 1 else ""
        headings.append((f"{short}\nms{again}", each))
    return headings


def milliseconds(timing: Timing | None) -> str:
    """The median in ms; nothing where there is none."""
    return "" if timing is None else f"{1e3 * timing.median:.3g}"


def latency_lines(found: SearchReport) -> list[str]:
    """The time of the teacher beside that of the best student, a line for each place."""
    lines = []
    for each in found.latencies:
        threads = "" if "thread" in each.on else f"; {count_of(each.threads, 'thread')}"
        place = f"One image on {each.on} ({each.machine}{threads}; batch {each.batch})"
        parts = [f"teacher {milliseconds(each.teacher)} ms"] if each.teacher is not None else []
        if found.best is not None and found.best.number in each.students:
            ratio = each.ratio(found.best.number)
            times = "" if ratio is None else f", {ratio:.2f} times as fast"
            parts.append(f"best student {milliseconds(each.students[found.best.number])} ms{times}")
        lines += [f"{place}: {', '.join(parts)}."] if parts else []
    return lines


def macs(trials: Iterable[TrialReport], meaning: str = "") -> Column:
    """The MACs of `trials`, told apart where they differ."""
    shown = told_apart(t.macs or 0 for t in trials)
    return Column("MACs", lambda t: shown.get(t.macs or 0, format_quantity(t.macs or 0)), meaning)


def told_apart(values: Iterable[int]) -> dict[int, str]:
    """The short form of each value, with a further digit, or two, where another one has the same."""
    distinct = set(values)
    forms = {value: format_quantity(value) for value in distinct}
    for digits in (4, 5):
        taken = Counter(forms.values())
        forms |= {v: format_quantity(v, digits) for v in distinct if taken[forms[v]] > 1}
    return forms


def number(value: float | None) -> str:
    """A distance with two decimals; nothing where there is none."""
    return "" if value is None else f"{value:.2f}"


def legend(columns: Sequence[Column], **more: str) -> Text:
    """What each column of a table is, and `more` that stands in it, in a line."""
    words = {" ".join(column.heading.split()): column.meaning for column in columns if column.meaning}
    return Text("; ".join(f"{name}: {what}" for name, what in {**words, **more}.items()) + ".", style="dim")


def costs(macs: int, params: int) -> str:
    """MACs and parameters in words."""
    return f"{format_quantity(macs)} MACs, {format_quantity(params)} parameters"


def architectures(found: SearchReport, rows: Sequence[tuple[TrialReport, Sequence[str]]]) -> RenderableType:
    """The short form of each trial's architecture, with notes on the trial, and the key to the short form.

    It stands below a table, because a long architecture leaves no room for columns beside it.
    """
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for trial, notes in rows:
        table.add_row(str(trial.number), trial.summary + (f"  ({', '.join(notes)})" if notes else ""))
    key = [Text(line, style="dim") for line in legend_lines(found.space)]
    return Group(Text("\nArchitectures by trial:"), table, *key)


def states(found: SearchReport) -> str:
    """The architectures of the study by their state, and the replicates beside them."""
    counts = count_states(found.trials)
    architectures = sum(counts.values())
    further = len(found.trials) - architectures
    counted = (
        f"{count_of(architectures, 'architecture')}: {states_in_words(counts)}"
        if counts
        else "no architecture"
    )
    return counted + (f"; {count_of(further, 'replicate')} in addition" if further else "")


def nothing_complete(found: SearchReport, what: str) -> Text:
    """What there is to say of a study of trials or finalists, `what`, before the first one is complete."""
    first = f"no {what} of study {found.study} is complete: {states(found)}"
    return Text("\n".join([first, *resuming([t.state for t in found.trials], found.finalists_of)]))


def count_states(trials: Sequence[TrialReport]) -> dict[str, int]:
    """Architectures by the state of their first training; states that none is in are left out."""
    first = [t.state for t in trials if t.replicate_of is None]
    return {state: first.count(state) for state in STATES if state in first}


def resuming(states: Container[str], finalists_of: str = "") -> list[str]:
    """How interrupted trials are resumed, in a line; none where `states` has none of them."""
    command = "nas-distill" if finalists_of else "nas-search"
    return [f"Interrupted: the same {command} command resumes it."] if INTERRUPTED in states else []


def states_in_words(counts: Mapping[str, int]) -> str:
    """`count_states` as text."""
    return ", ".join(f"{count} {STATES[state]}" for state, count in counts.items()) or "no trials"


def noise_line(found: SearchReport) -> str:
    """How far equal trainings scatter, and who may be as good as the best."""
    assumed = f"an assumption of {math.expm1(PRIOR_SIGMA):.0%}"
    scatter = f"{math.expm1(found.noise):.0%}"
    known = f"{_replicates(found)}, and {assumed} that counts as {PRIOR_WEIGHT}"
    if not found.replicates:
        known = f"{assumed}; {_replicates(found)}"
    spread = f"Standard deviation of {found.distance} between equal trainings: {scatter} ({known})"
    if found.within_margin:
        numbers = ", ".join(str(number) for number in found.within_margin)
        word = "trial" if len(found.within_margin) == 1 else "trials"
        return f"{spread}; not significantly worse than the best: {word} {numbers}."
    if sum(1 for t in found.trials if t.fids) < 2:
        return f"{spread}."
    return f"{spread}; all others are significantly worse than the best."


def _replicates(found: SearchReport) -> str:
    """How many replicates the noise is estimated from, of those that the table's column of seeds shows."""
    further = sum(len(t.fids) - 1 for t in found.trials if t.fids)
    if not further:
        return "no architecture has a second seed yet"
    if found.replicates == further:
        return count_of(further, "replicate")
    return (
        f"{found.replicates} of {count_of(further, 'replicate')}: a first training that led to its "
        "replicates was likely lucky, and is left out"
    )


def _compared_with(found: SearchReport) -> int | None:
    """Held-out samples of the teacher that distances are to; None for real images, of unknown number."""
    samples = found.data.get("samples")
    return None if samples is None else int(samples) // HELD_OUT


def caution_lines(found: SearchReport) -> list[str]:
    """What to know before the distances are believed."""
    samples = found.best.samples if found.best else None
    return [
        *([] if samples is None else few_samples(found.extractor, samples, _compared_with(found))),
        *(f"Warning: {warning}." for warning in found.warnings),
    ]


def closing_lines(found: SearchReport) -> list[str]:
    """What to be warned of, how to resume, where the study is, and how much its files take."""
    size = format_bytes(folder_bytes(Path(found.folder) / "trials"))
    return [
        *resuming([t.state for t in found.trials], found.finalists_of),
        *caution_lines(found),
        *latency_lines(found),
        f"Study: {found.storage}   checkpoints and samples: {near(found.folder)}/trials ({size})",
    ]
