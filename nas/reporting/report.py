"""What a study knows, as one object: the JSON that commands print; `nas.reporting.tables` renders it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial
from pydantic import BaseModel, ConfigDict
from scipy.special import stdtrit

from distill.evaluation import distance_name
from distill.recipes import RECIPES
from distill.schedules import Ramp, Schedule
from distill.tasks import DEFAULT_OPTIONS
from nas.budget import Budget
from nas.errors import StudyError
from nas.ranking import (
    PRIOR_WEIGHT,
    Measured,
    Point,
    RankCorrelation,
    log_fid,
    noise_floor,
    rung_correlations,
    select,
    variance_of_median,
)
from nas.study import REAL_IMAGES, Latencies, RungRecord, StudyAttributes, StudyStore, TieBreak
from nas.trials import TrialAttributes, measured_architectures, state_of


class TrialReport(BaseModel):
    """One architecture of the study. Costs are fvcore's; `fid` is the last rung's."""

    model_config = ConfigDict(frozen=True)

    number: int
    state: str  # COMPLETE, PRUNED (stopped early), FAIL, RUNNING, or INTERRUPTED: no driver runs the study
    fid: float | None
    macs: int | None
    params: int | None
    architecture: dict[str, Any]
    summary: str  # the architecture's canonical string
    baseline: str | None  # name of a uniform-width baseline
    reason: str | None  # why it failed
    rungs: list[RungRecord]
    budget_fraction: float | None = None  # that its widths were scaled to, of what is searched
    latency: float | None = None  # seconds for one image, measured where a budget limits it …
    latency_on: str | None = None  # … and on what
    replicate_of: int | None = None  # the first trial of its architecture
    search_trial: int | None = None  # trial of the search that this finalist was chosen from
    held_out: dict[str, float] = {}  # of a finalist: fid, kid, precision, recall, … on held-out images
    nearest: str | None = None  # PNG of its nearest training images, path relative to the study's folder
    selected: bool = True  # trained to the end because its first run was good
    fid_before: float | None = None  # of what its training started from
    fids: list[float] = []  # of its architecture's trainings to the end, its own first; a replicate has none

    @property
    def median(self) -> float | None:
        """Of its architecture's trainings to the end; its own FID where there is no other."""
        return statistics.median(self.fids) if self.fids else self.fid

    @property
    def is_no_better_than_before(self) -> bool:
        """Whether training did not lower the distance."""
        return self.fid_before is not None and self.median is not None and self.median >= self.fid_before

    @property
    def point(self) -> Point:
        """MACs and median FID, infinite where they are not measured."""
        return (
            math.inf if self.macs is None else float(self.macs),
            math.inf if self.median is None else self.median,
        )

    @property
    def samples(self) -> int | None:
        """Images that the FID was taken over."""
        return self.rungs[-1].fid_samples if self.rungs else None


class SearchReport(BaseModel):
    """A study. `front` holds complete trials only: a low-fidelity FID never stands beside a full one."""

    model_config = ConfigDict(frozen=True)

    study: str
    budget: dict[str, int | float | None]  # macs, params, and latency in seconds
    teacher: dict[str, Any]  # name, path, digest, macs, params, fid, fid_samples
    below_teacher: bool  # the teacher fits the budget: a known result, not trained again
    teacher_on_front: bool  # it fits, and no student is as good for less
    space: str
    extractor: str  # that all students are measured with
    extractor_weights: str  # the file that the user gave for it; empty where it has its default ones
    recipe: str  # how students were taught, in words
    data: dict[str, str]  # the images: what the user called them, and their digest
    compared_with: str = REAL_IMAGES  # what every FID is a distance to, in words
    trials: list[TrialReport]
    front: list[TrialReport]  # cheapest first
    best: TrialReport | None  # lowest posterior estimate of FID; a student, never the teacher
    within_margin: list[int]  # trials that are not significantly worse than the best
    estimates: dict[int, float]  # posterior estimates of FID, by trial
    noise: float  # standard deviation of log FID between equal trainings
    replicates: int  # trainings that the noise was estimated from, beyond their architectures' first
    correlations: list[RankCorrelation]  # of each rung with the last
    storage: str
    folder: str
    warnings: list[str] = []  # about the conditions of the search
    finalists_of: str = ""  # the search whose finalists this study trains; empty for a search
    latencies: list[Latencies] = []  # of `nas-report --latency`
    tie_break: TieBreak | None = None  # a person's choice, as it was made
    choice: int | None = None  # what nas-export takes: `tie_break` while tied with the best, else the best

    @property
    def distance(self) -> str:
        """What the distance of a student is called: "FID" in Inception's features only."""
        return distance_name(self.extractor)

    def interval(self, trial: TrialReport) -> tuple[float, float]:
        """90 % interval of the median FID of an architecture that was trained to the end.

        By Student's t for the median of normal logarithms, their deviation being the study's noise.
        """
        return _interval(trial, self.noise, self.replicates)

    def held_out(self, trial: TrialReport) -> dict[str, float]:
        """Medians of `TrialReport.held_out` over the trainings of an architecture; `trial` is its first."""
        runs = [t.held_out for t in self.trials if trial.number in (t.number, t.replicate_of) and t.held_out]
        return {name: statistics.median(run[name] for run in runs) for name in (runs[0] if runs else ())}

    def trial(self, number: int) -> TrialReport:
        """The trial `number`.

        Raises:
            StudyError: there is none.
        """
        for trial in self.trials:
            if trial.number == number:
                return trial
        raise StudyError(
            f"study {self.study!r} has no trial {number}: see its trials with nas-report --trials"
        )


def read_report(store: StudyStore, folder: Path | None = None) -> SearchReport:
    """Read everything that `store` holds; `folder` is where the study is now, if it was moved.

    Raises:
        StudyError: the study was not made by nas-search.
    """
    attributes = StudyAttributes.from_study(store.study)
    config = attributes.config
    if not config:
        if attributes.teacher:
            raise StudyError(_without_trials(store))
        raise StudyError(f"study {store.name!r} was not made by nas-search: name another with --study")
    trials = trial_reports(store)
    chosen = choose_best(trials)
    floor = noise_floor([_measured(t) for t in trials if t.fids])
    below = searches_below_teacher(attributes)
    return SearchReport(
        study=store.name,
        budget={name: config.get(f"budget_{name}") for name in ("macs", "params", "latency")},
        teacher=attributes.teacher_info,
        below_teacher=below,
        teacher_on_front=below and chosen.leaves(attributes.teacher_info["fid"]),
        space=attributes.space,
        extractor=attributes.extractor,
        extractor_weights=attributes.extractor_weights or config.get("extractor_weights") or "",
        finalists_of=attributes.finalists_of,
        tie_break=attributes.tie_break,
        choice=None if chosen.best is None else chosen.preferred(attributes.tie_break).number,
        recipe=_recipe(config),
        data={"name": config["data"], "digest": attributes.data} | _parts(config),
        compared_with=attributes.compared_with,
        trials=trials,
        front=chosen.front,
        best=chosen.best,
        within_margin=[t.number for t in chosen.within_margin],
        estimates=chosen.estimates,
        noise=floor.sigma,
        replicates=floor.replicates,
        correlations=rung_correlations(
            t.rungs for t in trials if t.state == "COMPLETE" and t.replicate_of is None
        ),
        storage=store.url,
        folder=str(folder or Path(config["workdir"], store.name)),
        warnings=attributes.warnings,
        latencies=attributes.latencies,
    )


def _without_trials(store: StudyStore) -> str:
    """Why there is nothing to report of a study before its first trial."""
    if store.has_driver:
        return f"study {store.name!r} is being prepared, nothing is trained yet: try again later"
    return f"study {store.name!r} is not started, its search ended before the first trial: run it again"


def searches_below_teacher(attributes: StudyAttributes) -> bool:
    """Whether the teacher of a study fits the study's budget."""
    teacher, config = attributes.teacher_info, attributes.config
    if not teacher:
        return False
    limits = Budget(*(config.get(f"budget_{name}") for name in ("macs", "params", "latency")))
    return not limits.binds(teacher["macs"], teacher["params"])


def _parts(config: Mapping[str, Any]) -> dict[str, str]:
    """Samples of the teacher that take the place of real images, or the fraction of those held out.

    Of image translation also its options, where they are not the defaults.
    """
    names = {"samples": "teacher_samples", "held_out": "held_out", "task": "task", "attributes": "attributes"}
    parts = {name: config.get(option) for name, option in names.items()}
    if config.get("direction", DEFAULT_OPTIONS.direction) != DEFAULT_OPTIONS.direction:
        parts["direction"] = config["direction"]
    words = {name: ",".join(value) if isinstance(value, list) else value for name, value in parts.items()}
    return {name: str(value) for name, value in words.items() if value}


def _recipe(config: Mapping[str, Any]) -> str:
    """The recipe, its KD weight, and its adversarial weight where that is not the same throughout."""
    names = {"begin": "adversarial_start", "full": "adversarial_full", "weight": "adversarial_weight"}
    known = {part: config[name] for part, name in names.items() if name in config}  # earlier studies: none
    ramp = Ramp(**known)
    means = getattr(RECIPES.get(config["recipe"]), "weight_means", "")  # studies may have other recipes
    weights = f"{config['recipe']}, KD weight {schedule_of(config)}" + (f" ({means})" if means else "")
    return weights if ramp == Ramp() else f"{weights}; adversarial weight {ramp}"


def schedule_of(config: Mapping[str, Any]) -> Schedule:
    """The KD schedule, from a study's settings."""
    return Schedule(
        *(
            config[f"kd_{name}"]
            for name in ("schedule", "weight_start", "weight_end", "decay_start", "decay_end")
        )
    )


def trial_reports(store: StudyStore) -> list[TrialReport]:
    """Every trial whose architecture was chosen, without repeats of an architecture."""
    rungs: dict[int, list[RungRecord]] = {}
    for record in store.rungs():
        rungs.setdefault(record.trial, []).append(record)
    driven = store.has_driver  # read first: a driver that ends now has told its trials' states
    trials = store.study.get_trials(deepcopy=False)
    measured = {m.trial: m for m in measured_architectures(trials)}
    return [
        _trial(t, state_of(t, driven=driven), rungs.get(t.number, []), measured.get(t.number))
        for t in trials
        if TrialAttributes.from_trial(t).is_run
    ]


@dataclass(frozen=True)
class Choice:
    """The front by posterior estimates of FIDs, its best, and what is not significantly worse."""

    front: list[TrialReport]  # cheapest first
    best: TrialReport | None
    within_margin: list[TrialReport]
    estimates: dict[int, float]  # of FID, by trial

    def leaves(self, fid: float) -> bool:
        """Whether a teacher of this FID, which costs more than all students, is on the front, too."""
        return all(fid < self.estimates[t.number] for t in self.front)

    @property
    def tied(self) -> list[TrialReport]:
        """The best, then the trials that are not significantly worse."""
        return [] if self.best is None else [self.best, *self.within_margin]

    def preferred(self, tie_break: TieBreak | None) -> TrialReport:
        """The person's choice if it is tied with the best, else the best, of which there must be one."""
        number = None if tie_break is None else tie_break.trial
        return next((t for t in self.tied if t.number == number), self.tied[0])


def choose_best(trials: Sequence[TrialReport], limit_macs: float | None = None) -> Choice:
    """What reports, plots and exports call the front and the best, of architectures within a limit.

    Noise is that of all, whatever the limit.
    """
    measured = {t.number: _measured(t) for t in trials if t.fids}
    floor, limit = noise_floor(list(measured.values())), math.inf if limit_macs is None else limit_macs
    chosen = select([m for m in measured.values() if m.macs <= limit], floor)
    by_number = {t.number: t for t in trials}
    return Choice(
        [by_number[m.trial] for m in chosen.front],
        None if chosen.best is None else by_number[chosen.best.trial],
        [by_number[m.trial] for m in chosen.within_margin],
        chosen.estimates,
    )


def interval_of(trial: TrialReport, trials: Sequence[TrialReport]) -> tuple[float, float]:
    """`SearchReport.interval` of one of the `trials` of a study."""
    floor = noise_floor([_measured(t) for t in trials if t.fids])
    return _interval(trial, floor.sigma, floor.replicates)


def intervals_of(trials: Sequence[TrialReport]) -> dict[int, tuple[float, float]]:
    """`interval_of` of all `trials` that were trained to the end, by number."""
    ended = [t for t in trials if t.fids]
    floor = noise_floor([_measured(t) for t in ended])
    return {t.number: _interval(t, floor.sigma, floor.replicates) for t in ended}


def _interval(trial: TrialReport, noise: float, replicates: int) -> tuple[float, float]:
    centre = statistics.median(log_fid(fid) for fid in trial.fids)
    error = noise * math.sqrt(variance_of_median(len(trial.fids)))
    reach = error * float(stdtrit(PRIOR_WEIGHT + replicates, 0.95))  # quantile of Student's t
    return math.exp(centre - reach), math.exp(centre + reach)


def _measured(trial: TrialReport) -> Measured:
    return Measured(trial.number, trial.macs or 0, tuple(trial.fids), trial.selected)


def _trial(trial: FrozenTrial, state: str, rungs: list[RungRecord], measured: Measured | None) -> TrialReport:
    attributes = TrialAttributes.from_trial(trial)
    return TrialReport(
        number=trial.number,
        state=state,
        fid=rungs[-1].fid if rungs else None,
        macs=attributes.macs,
        params=attributes.params,
        architecture=attributes.architecture_json,
        summary=attributes.architecture,
        baseline=attributes.baseline,
        budget_fraction=trial.params.get("budget_fraction"),
        reason=attributes.reason,
        rungs=rungs,
        latency=attributes.latency,
        latency_on=attributes.latency_on,
        replicate_of=attributes.replicate_of,
        search_trial=attributes.search_trial,
        fid_before=attributes.fid_before,
        held_out=attributes.held_out,
        nearest=attributes.nearest,
        selected=measured is None or measured.selected,
        fids=[] if measured is None else list(measured.fids),
    )
