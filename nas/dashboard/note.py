"""Note on a study in the dashboard, as Markdown: best student, front, states of the trials."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optuna.trial import TrialState

from nas.budget import format_quantity
from nas.dashboard.markdown import block, cell, literal
from nas.options import StudyOptions
from nas.plots import known_teacher, measured
from nas.reporting import (
    Choice,
    TrialReport,
    choose_best,
    comparison,
    count_states,
    describe_tie_break,
    location,
    resuming,
    states_in_words,
    trial_numbers,
)
from nas.study import StudyAttributes, TieBreak
from search_spaces import count_of

if TYPE_CHECKING:
    from nas.study import StudyStore


def note(
    store: StudyStore,
    reports: Sequence[TrialReport],
    budget_macs: float | None,
    folder: Path | None = None,
    tie_break: str = "",
) -> str:
    """Markdown: the best student, how to export it, the front, and the states of the trials.

    Args:
        store: the study.
        reports: its trials.
        budget_macs: the limit that the front and the best keep to.
        folder: where the study is now, if it was moved.
        tie_break: path of the page on which a person chooses among tied trials; empty where there is none.
    """
    chosen = choose_best(measured(reports), budget_macs)
    attributes = StudyAttributes.from_study(store.study)
    distance = literal(attributes.distance)
    lines = [f"## {literal(store.name)}", ""]
    limit = "any number of MACs" if budget_macs is None else f"{format_quantity(budget_macs)} MACs"
    best = chosen.best
    if best is None:
        lines += [f"No student within {limit} is finished yet."]
    else:
        exported = chosen.preferred(attributes.tie_break)
        lines += [
            f"Best student within {limit}: **trial {best.number}**, {distance} **{best.median:.2f}** "
            f"(N = {best.samples or '?'}{_of_seeds(best)}), {format_quantity(best.macs)} MACs (fvcore), "
            f"{format_quantity(best.params)} parameters.",
            "",
            block(f"nas-export {_location(store, folder)} --trial {exported.number} -o student.safetensors"),
            "",
            f"| trial | {distance} | MACs | parameters | architecture |",
            "|---:|---:|---:|---:|---|",
        ]
        lines += [
            f"| {t.number} | {t.median:.2f} | {format_quantity(t.macs)} | {format_quantity(t.params)} "
            f"| {cell(t.summary)}{f' ({literal(t.baseline)})' if t.baseline else ''} |"
            for t in chosen.front
        ]
        teacher = attributes.teacher_info
        if known_teacher(store) is not None and chosen.leaves(teacher["fid"]):
            lines += [
                f"| teacher | {teacher['fid']:.2f} | {format_quantity(teacher['macs'])} "
                f"| {format_quantity(teacher['params'])} | known, not trained again |"
            ]
    lines += _tied(chosen, attributes.tie_break, tie_break)
    compared = [literal(line) for line in comparison(attributes.compared_with)]
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


def _tied(chosen: Choice, made: TieBreak | None, path: str) -> list[str]:
    """Which trials are tied with the best, where to choose, and what a person chose."""
    if made is None and len(chosen.tied) < 2:
        return []
    lines = [""]
    if len(chosen.tied) > 1:
        names = trial_numbers([t.number for t in chosen.tied])
        asked = f" [Choose by their samples]({path})." if path else ""
        lines += [f"Tied, as none is significantly worse than the best: {names}.{asked}"]
    if made is not None:
        best = chosen.best is not None and chosen.preferred(made).number == made.trial
        still = "" if best else "; it is not tied with the best any more"
        lines += ["", f"Tie-break: {literal(describe_tie_break(made))}{still}."]
    return lines
