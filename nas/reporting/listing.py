"""Lists: the studies of a work folder, and the trials of a study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from rich.console import Group, RenderableType
from rich.text import Text

from nas.budget import format_quantity
from nas.errors import StudyError
from nas.reporting.columns import count_states, make_table, number, resuming, states_in_words
from nas.reporting.report import SearchReport, TrialReport, read_report
from nas.reporting.sizes import folder_bytes, format_bytes
from nas.study import StudyAttributes, StudyStore
from nas.trials import STATES


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
    summary = StudySummary(
        study=store.name, folder=str(folder), storage=store.url, bytes=folder_bytes(folder)
    )
    if StudyAttributes.from_study(store.study).teacher and not store.study.get_trials(deepcopy=False):
        return summary.model_copy(update={"note": "being prepared" if store.has_driver else "not started"})
    try:
        found = read_report(store, folder)
    except StudyError as error:
        return summary.model_copy(update={"note": str(error)})
    known = {
        "trials": count_states(found.trials),
        "distance": found.distance,
        "best": found.best,
        "finalists_of": found.finalists_of,
    }
    return summary.model_copy(update=known)


def render_studies(studies: Sequence[StudySummary]) -> RenderableType:
    """One row for each study, in the order given."""
    columns = ["study", "trials", "files", "best\ntrial", "its\ndistance", "MACs", "params"]
    table = make_table(columns, text=columns[:2])
    for each in studies:
        best = each.best
        row = [each.study, each.note or states_in_words(each.trials), format_bytes(each.bytes)]
        if best is not None:
            costs = [format_quantity(best.macs or 0), format_quantity(best.params or 0)]
            row += [str(best.number), f"{each.distance} {best.median:.2f}", *costs]
        table.add_row(*row)
    hints = dict.fromkeys(line for each in studies for line in resuming(each.trials, each.finalists_of))
    return Group(table, *(Text(hint, style="dim") for hint in hints))


def render_trials(found: SearchReport) -> RenderableType:
    """One row for each training, replicates among them, by number."""
    columns = ["trial", "state", "images", found.distance.replace(" ", "\n"), "MACs", "params", ""]
    table = make_table(columns, text=("state", ""))
    for trial in found.trials:
        last = trial.rungs[-1] if trial.rungs else None
        table.add_row(
            str(trial.number),
            STATES.get(trial.state, trial.state.lower()),
            "" if last is None else f"{last.images:,}",
            number(trial.fid),
            "" if trial.macs is None else format_quantity(trial.macs),
            "" if trial.params is None else format_quantity(trial.params),
            "; ".join(what_it_is(trial, found.best)),
            style="bold" if trial == found.best else "",
        )
    hints = resuming([t.state for t in found.trials], found.finalists_of)
    return Group(table, *(Text(hint, style="dim") for hint in hints))


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
