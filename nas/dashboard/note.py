"""Note on a study in the dashboard, as Markdown: best student, front, states of the trials."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optuna.trial import TrialState

from nas.budget import format_quantity
from nas.options import StudyOptions
from nas.plots import known_teacher, measured
from nas.reporting import (
    TrialReport,
    choose_best,
    comparison,
    count_states,
    location,
    resuming,
    states_in_words,
)
from nas.study import StudyAttributes
from search_spaces import count_of

if TYPE_CHECKING:
    from nas.study import StudyStore


def note(
    store: StudyStore,
    reports: Sequence[TrialReport],
    budget_macs: float | None,
    folder: Path | None = None,
) -> str:
    """Markdown: the best student, how to export it, the front, and the states of the trials.

    Args:
        store: the study.
        reports: its trials.
        budget_macs: the limit that the front and the best keep to.
        folder: where the study is now, if it was moved.
    """
    chosen = choose_best(measured(reports), budget_macs)
    attributes = StudyAttributes.from_study(store.study)
    distance = attributes.distance
    lines = [f"## {store.name}", ""]
    limit = "any number of MACs" if budget_macs is None else f"{format_quantity(budget_macs)} MACs"
    best = chosen.best
    if best is None:
        lines += [f"No student within {limit} is finished yet."]
    else:
        lines += [
            f"Best student within {limit}: **trial {best.number}**, {distance} **{best.median:.2f}** "
            f"(N = {best.samples or '?'}{_of_seeds(best)}), {format_quantity(best.macs)} MACs (fvcore), "
            f"{format_quantity(best.params)} parameters.",
            "",
            "```",
            f"nas-export {_location(store, folder)} --trial {best.number} -o student.safetensors",
            "```",
            "",
            f"| trial | {distance} | MACs | parameters | architecture |",
            "|---:|---:|---:|---:|---|",
        ]
        lines += [
            f"| {t.number} | {t.median:.2f} | {format_quantity(t.macs)} | {format_quantity(t.params)} "
            f"| `{_cell(t.summary)}`{f' ({t.baseline})' if t.baseline else ''} |"
            for t in chosen.front
        ]
        teacher = attributes.teacher_info
        if known_teacher(store) is not None and chosen.leaves(teacher["fid"]):
            lines += [
                f"| teacher | {teacher['fid']:.2f} | {format_quantity(teacher['macs'])} "
                f"| {format_quantity(teacher['params'])} | known, not trained again |"
            ]
    compared = comparison(attributes.compared_with)
    lines += ["", *compared] if compared else []
    replicates = sum(t.replicate_of is not None for t in reports)
    waiting = len(store.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))
    counts = [states_in_words(count_states(reports))]
    counts += [count_of(replicates, "replicate")] if replicates else []
    counts += [f"{waiting} waiting"] if waiting else []
    lines += ["", "; ".join(counts) + "."]
    lines += resuming([t.state for t in reports], attributes.finalists_of)
    return "\n".join(lines)


def _of_seeds(best: TrialReport) -> str:
    return f"; median of {len(best.fids)} seeds" if len(best.fids) > 1 else ""


def _location(store: StudyStore, folder: Path | None) -> str:
    """The options by which a command finds the study."""
    noted = StudyAttributes.from_study(store.study).config
    workdir = noted.get("workdir", StudyOptions.model_fields["workdir"].default)
    return " ".join(location(store.name, str(folder or f"{workdir}/{store.name}"), store.url))


def _cell(text: str) -> str:
    """`text` for a cell of a Markdown table, where a bar ends a cell even inside code."""
    return text.replace("|", "\\|")
