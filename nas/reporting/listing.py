"""Lists: the studies of a work folder, and the trials of a study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from rich.console import RenderableType
from rich.table import Table

from nas.budget import format_quantity
from nas.errors import StudyError
from nas.reporting.report import SearchReport, TrialReport, read_report
from nas.reporting.sizes import folder_bytes, format_bytes
from nas.study import StudyStore

STATES = {"COMPLETE": "complete", "PRUNED": "stopped early", "FAIL": "failed", "RUNNING": "running"}


class StudySummary(BaseModel):
    """A study in a list."""

    model_config = ConfigDict(frozen=True)

    study: str
    folder: str
    storage: str
    trials: dict[str, int] = {}  # architectures by the state of their first training
    distance: str = ""
    best: TrialReport | None = None
    finalists_of: str = ""  # the search whose finalists these are
    bytes: int = 0  # of all its files
    note: str = ""  # why there is nothing to show


def summarise(store: StudyStore, folder: Path) -> StudySummary:
    """The study in a few values; one that can't be shown says why."""
    size = folder_bytes(folder)
    summary = StudySummary(study=store.name, folder=str(folder), storage=store.url, bytes=size)
    try:
        found = read_report(store, folder)
    except StudyError as error:
        return summary.model_copy(update={"note": str(error)})
    return StudySummary(
        study=store.name,
        folder=str(folder),
        storage=store.url,
        bytes=size,
        trials=count_states(found.trials),
        distance=found.distance,
        best=found.best,
        finalists_of=found.finalists_of,
    )


def count_states(trials: Sequence[TrialReport]) -> dict[str, int]:
    """Architectures by the state of their first training; states that none is in are left out."""
    first = [t.state for t in trials if t.replicate_of is None]
    return {state: first.count(state) for state in STATES if state in first}


def states_in_words(counts: dict[str, int]) -> str:
    """`count_states` as text."""
    return ", ".join(f"{count} {STATES[state]}" for state, count in counts.items()) or "no trials"


def render_studies(studies: Sequence[StudySummary]) -> RenderableType:
    """One row for each study, in the order given."""
    table = _table("study", "trials", "files", "best", "distance", "MACs", "parameters", right=(2, 3, 5, 6))
    for each in studies:
        best = each.best
        row = [each.study, each.note or states_in_words(each.trials), format_bytes(each.bytes)]
        if best is not None:
            costs = [format_quantity(best.macs or 0), format_quantity(best.params or 0)]
            row += [f"trial {best.number}", f"{each.distance} {best.median:.2f}", *costs]
        table.add_row(*row)
    return table


def render_trials(found: SearchReport) -> RenderableType:
    """One row for each training, replicates among them, by number."""
    table = _table(
        "trial", "state", "images", found.distance, "MACs", "parameters", "", right=(0, 2, 3, 4, 5)
    )
    for trial in found.trials:
        last = trial.rungs[-1] if trial.rungs else None
        table.add_row(
            str(trial.number),
            STATES.get(trial.state, trial.state.lower()),
            "" if last is None else f"{last.images:,}",
            "" if trial.fid is None else f"{trial.fid:.2f}",
            "" if trial.macs is None else format_quantity(trial.macs),
            "" if trial.params is None else format_quantity(trial.params),
            "; ".join(what_it_is(trial, found.best)),
            style="bold" if trial == found.best else "",
        )
    return table


def what_it_is(trial: TrialReport, best: TrialReport | None) -> list[str]:
    """What is special about a trial of a study with this best, each in a few words."""
    kinds = ["best student"] if best is not None and trial.number == best.number else []
    if trial.replicate_of is not None:
        kinds.append(f"replicate of trial {trial.replicate_of}, from another seed")
    if len(trial.fids) > 1:
        kinds.append(f"median of {len(trial.fids)} seeds {trial.median:.2f}")
    if trial.baseline is not None:
        kinds.append(f"baseline: {trial.baseline}")
    if trial.search_trial is not None:
        kinds.append(f"trial {trial.search_trial} of the search")
    if trial.reason:
        kinds.append(trial.reason)
    return kinds


def _table(*columns: str, right: Sequence[int]) -> Table:
    table = Table()
    for i, name in enumerate(columns):
        table.add_column(name, justify="right" if i in right else "left", overflow="fold")
    return table
