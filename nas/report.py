"""What a study knows, as one object: the JSON that commands print, and the tables people read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial
from pydantic import BaseModel, ConfigDict
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nas.budget import format_quantity
from nas.cost import COUNTER
from nas.errors import StudyError
from nas.pareto import Point, front
from nas.study import RungRecord, StudyStore


class TrialReport(BaseModel):
    """One architecture of the study. Costs are fvcore's; `fid` is the last rung's."""

    model_config = ConfigDict(frozen=True)

    number: int
    state: str  # COMPLETE, PRUNED (stopped early), FAIL or RUNNING
    fid: float | None
    macs: int | None
    params: int | None
    architecture: dict[str, Any]
    summary: str  # the architecture's canonical string
    baseline: str | None  # name of a uniformly slimmed teacher
    reason: str | None  # why it failed
    rungs: list[RungRecord]

    @property
    def point(self) -> Point:
        """MACs and FID, infinite where they are not measured."""
        return (
            math.inf if self.macs is None else float(self.macs),
            math.inf if self.fid is None else self.fid,
        )

    @property
    def samples(self) -> int | None:
        """Images that the FID was taken over."""
        return self.rungs[-1].fid_samples if self.rungs else None


class SearchReport(BaseModel):
    """A study. `front` holds complete trials only: a low-fidelity FID never stands beside a full one."""

    model_config = ConfigDict(frozen=True)

    study: str
    budget: dict[str, int | None]
    teacher: dict[str, Any]
    space: str
    data: dict[str, str]  # the real images: what the user called them, and their digest
    trials: list[TrialReport]
    front: list[TrialReport]  # cheapest first
    best: TrialReport | None  # lowest FID
    storage: str
    folder: str

    def trial(self, number: int) -> TrialReport:
        """The trial `number`.

        Raises:
            StudyError: there is none.
        """
        for trial in self.trials:
            if trial.number == number:
                return trial
        raise StudyError(f"study {self.study!r} has no trial {number}: see its trials with nas-dashboard")


def report(store: StudyStore) -> SearchReport:
    """Read everything that `store` holds.

    Raises:
        StudyError: the study was not made by nas-search.
    """
    attributes = store.study.user_attrs
    if "config" not in attributes:
        raise StudyError(f"study {store.name!r} was not made by nas-search: name another with --study")
    config = attributes["config"]
    trials = trial_reports(store)
    on_front = pareto_front(trials)
    return SearchReport(
        study=store.name,
        budget={"macs": config.get("budget_macs"), "params": config.get("budget_params")},
        teacher=attributes["teacher_info"],
        space=attributes["space"],
        data={"name": config["data"], "digest": attributes["data"]},
        trials=trials,
        front=on_front,
        best=on_front[-1] if on_front else None,
        storage=store.url,
        folder=str(config["workdir"]) + "/" + store.name,
    )


def trial_reports(store: StudyStore) -> list[TrialReport]:
    """Every trial whose architecture was chosen, without repeats of an architecture."""
    rungs: dict[int, list[RungRecord]] = {}
    for record in store.rungs():
        rungs.setdefault(record.trial, []).append(record)
    own = [t for t in store.study.get_trials(deepcopy=False) if "architecture" in t.user_attrs]
    return [_trial(t, rungs.get(t.number, [])) for t in own if "duplicate_of" not in t.user_attrs]


def pareto_front(trials: Iterable[TrialReport], budget_macs: float | None = None) -> list[TrialReport]:
    """COMPLETE trials within the budget that no other dominates, by ascending MACs: the best FID is last."""
    limit = math.inf if budget_macs is None else budget_macs
    within = [t for t in trials if t.state == "COMPLETE" and t.point[0] <= limit]
    return [within[i] for i in front([t.point for t in within])]


def _trial(trial: FrozenTrial, rungs: list[RungRecord]) -> TrialReport:
    attributes = trial.user_attrs
    return TrialReport(
        number=trial.number,
        state=trial.state.name,
        fid=rungs[-1].fid if rungs else None,
        macs=attributes.get("macs"),
        params=attributes.get("params"),
        architecture=attributes["architecture_json"],
        summary=attributes["architecture"],
        baseline=attributes.get("baseline"),
        reason=attributes.get("reason"),
        rungs=rungs,
    )


def render(found: SearchReport) -> RenderableType:
    """The Pareto table, the baselines beside it, the best student and where things are."""
    if found.best is None:
        return Text(f"no trial of study {found.study} is complete: {_states(found)}")
    baselines = [t for t in found.trials if t.baseline and t.state == "COMPLETE" and t not in found.front]
    samples = f"{found.best.rungs[-1].fid_samples} samples, {found.best.rungs[-1].fid_extractor} features"
    table = Table(
        title=f"Pareto front of {found.study}: FID ({samples}) against MACs ({COUNTER})", title_justify="left"
    )
    for name, justify in (("trial", "right"), ("FID", "right"), ("MACs", "right"), ("parameters", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column("of teacher", justify="right")
    table.add_column("architecture", overflow="fold")
    for trial in found.front:
        table.add_row(*_row(trial, found), style="bold" if trial == found.best else "")
    if baselines:
        table.add_section()
        for trial in sorted(baselines, key=lambda t: t.macs or 0):
            table.add_row(*_row(trial, found), style="dim")
    best = found.best
    lines = [
        f"Best student: trial {best.number}, FID {best.fid:.2f}, {format_quantity(best.macs or 0)} MACs, "
        f"{format_quantity(best.params or 0)} parameters; {_states(found)}.",
        f"Teacher: {found.teacher['name']}, {_teacher_fid(found)}"
        f"{format_quantity(found.teacher['macs'])} MACs, "
        f"{format_quantity(found.teacher['params'])} parameters.",
        f"Study: {found.storage}   checkpoints and samples: {_near(found.folder)}/trials",
    ]
    return Group(table, *(Text(line) for line in lines))


def _near(folder: str) -> str:
    """A folder as one would type it here."""
    path = Path(folder)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _row(trial: TrialReport, found: SearchReport) -> list[str]:
    share = (trial.macs or 0) / found.teacher["macs"]
    what = trial.summary if trial.baseline is None else f"{trial.summary}  (baseline: {trial.baseline})"
    numbers = [format_quantity(trial.macs or 0), format_quantity(trial.params or 0), f"{share:.1%}"]
    return [str(trial.number), f"{trial.fid:.2f}", *numbers, what]


def _states(found: SearchReport) -> str:
    counts = {
        name: sum(t.state == name for t in found.trials) for name in ("COMPLETE", "PRUNED", "FAIL", "RUNNING")
    }
    words = {"COMPLETE": "complete", "PRUNED": "stopped early", "FAIL": "failed", "RUNNING": "running"}
    return ", ".join(f"{count} {words[name]}" for name, count in counts.items() if count) or "no trials"


def _teacher_fid(found: SearchReport) -> str:
    return f"FID {found.teacher['fid']:.2f} ({found.teacher['fid_samples']} samples), "
