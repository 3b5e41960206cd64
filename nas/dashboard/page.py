"""One study as the dashboard shows it: Optuna's view of it, with our best, plots, rungs and marks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from optuna.artifacts import FileSystemArtifactStore
from optuna_dashboard import wsgi

from nas.dashboard.note import note
from nas.dashboard.students import gallery, trial_note
from nas.plots import measured, pareto_figure, rung_figure
from nas.printable import printable
from nas.reporting import Choice, TrialReport, choose_best, interval_of, trial_reports, what_it_is
from nas.study import StudyAttributes, StudyStore, TieBreak, samples_of
from nas.trials import TrialAttributes

PLOTS = ("fid-against-macs", "rungs")
READ_ONLY = "<p class=\"nas-read-only\">This study can't be written, so notes can't be changed.</p>"
MARK = "note"  # attribute of a trial that says what is special about it


class StudyPage:
    """A study behind its own instance of Optuna Dashboard, which knows it by `local`."""

    def __init__(self, store: StudyStore, folder: Path, number: int) -> None:
        self.store, self.folder, self.number = store, folder, number
        self.local: int = store.study._study_id
        self._app = wsgi(store.storage, artifact_store=FileSystemArtifactStore(str(folder / "artifacts")))
        self._drawn: tuple[object, dict[str, Any]] = (None, {})
        self._notes: dict[object, str] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Optuna Dashboard's answer."""
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer

    @property
    def budget_macs(self) -> float | None:
        """The study's limit to MACs."""
        return StudyAttributes.from_study(self.store.study).config.get("budget_macs")

    @property
    def tie_break(self) -> TieBreak | None:
        """A person's choice among tied trials."""
        return StudyAttributes.from_study(self.store.study).tie_break

    @property
    def distance(self) -> str:
        """What the study's distance is called, without control characters."""
        return printable(StudyAttributes.from_study(self.store.study).distance)

    def choice(self, reports: Sequence[TrialReport] | None = None) -> Choice:
        """The best student within the budget, the front, and what is tied with the best."""
        known = trial_reports(self.store) if reports is None else reports
        return choose_best(measured(known), self.budget_macs)

    def interval(self, trial: TrialReport) -> tuple[float, float]:
        """90 % interval of the trial's median distance."""
        return interval_of(trial, trial_reports(self.store))

    def picture(self, trial: int) -> str:
        """Path of the newest samples of `trial` beside the teacher's; empty where none are kept."""
        frozen = self.store.frozen(trial)
        artifact = None if frozen is None else samples_of(frozen, self.store.storage)
        return (
            ""
            if frozen is None or artifact is None
            else (f"/artifacts/{self.number}/{frozen._trial_id}/{artifact}")
        )

    def summary(self) -> str:
        """The note on the study as HTML, and samples of the front; what the study holds is escaped."""
        reports = trial_reports(self.store)
        markdown = MarkdownIt("js-default")  # no HTML in it
        html = str(markdown.render(self._note(reports))) + gallery(self, reports)
        return f"{html}{READ_ONLY}" if self.store.is_copy else html

    def shown(self, detail: dict[str, Any]) -> dict[str, Any]:
        """Optuna Dashboard's description of the study with all trials, as we show it.

        Its best trial is the best of the report. Trials have their rungs as intermediate values and a mark;
        those that were answered without a training have no values of their own. Our plots come first.
        """
        reports = trial_reports(self.store)
        by_number = {trial.number: trial for trial in reports}
        best = self.choice(reports).best
        attributes = {
            trial.number: TrialAttributes.from_trial(trial)
            for trial in self.store.study.get_trials(deepcopy=False)
        }
        for trial in detail["trials"]:
            number = trial["number"]
            marks = _mark(trial, attributes.get(number, TrialAttributes()), by_number.get(number), best)
            if number in by_number and not trial["note"]["body"]:
                trial["note"]["body"] = self._trial_note(by_number[number], marks)
        detail["best_trials"] = [
            t for t in detail["trials"] if best is not None and t["number"] == best.number
        ]
        detail["union_user_attrs"] = [{"key": MARK, "sortable": False}, *detail["union_user_attrs"]]
        others = [plot for plot in detail["plotly_graph_objects"] if plot["id"] not in PLOTS]
        drawn = self._plots(reports)
        detail["plotly_graph_objects"] = [
            *({"id": name, "graph_object": plot} for name, plot in drawn.items()),
            *others,
        ]
        if not detail["note"]["body"]:  # else it is the user's own
            detail["note"]["body"] = self._note(reports)
        return detail

    def _note(self, reports: Sequence[TrialReport]) -> str:
        """Markdown on the study with these trials."""
        return note(self.store, reports, self.budget_macs, self.folder, f"/tie-break/{self.number}")

    def _trial_note(self, trial: TrialReport, marks: Sequence[str]) -> str:
        """Markdown on a trial; kept, as a page asks for all trials every few seconds."""
        state = (trial.number, trial.median, trial.macs, *marks)
        if state not in self._notes:
            space = StudyAttributes.from_study(self.store.study).space
            self._notes[state] = trial_note(trial, self.distance, space, marks)
        return self._notes[state]

    def _plots(self, reports: Sequence[TrialReport]) -> dict[str, str]:
        """Our plots as plotly's JSON; drawn again when a rung or a result has come."""
        state = Counter((t.state, len(t.rungs)) for t in reports)
        if self._drawn[0] != state:
            figures = {
                "fid-against-macs": pareto_figure(self.store, reports, self.budget_macs),
                "rungs": rung_figure(self.store, reports, self.budget_macs),
            }
            self._drawn = state, {name: figure.to_json() for name, figure in figures.items()}
        return self._drawn[1]


def _mark(
    trial: dict[str, Any], attributes: TrialAttributes, report: TrialReport | None, best: TrialReport | None
) -> list[str]:
    """Say in the JSON of a trial what it is, and give it the rungs that it has passed; returns the former."""
    marks = [] if report is None else what_it_is(report, best)
    if attributes.is_untrained:
        trial.pop("values", None)
        if trial["state"] == "Complete":
            trial["state"] = "Pruned"
        marks = [_answered(attributes)]
    if marks:
        trial["user_attrs"] = [{"key": MARK, "value": "; ".join(marks)}, *trial["user_attrs"]]
    if report is not None:
        trial["intermediate_values"] = [{"step": rung.images, "value": rung.fid} for rung in report.rungs]
    return marks


def _answered(attributes: TrialAttributes) -> str:
    """How a trial was answered without a training."""
    if attributes.duplicate_of is not None:
        return f"duplicate of trial {attributes.duplicate_of}, not trained"
    if attributes.same_as_teacher:
        return "the teacher's architecture, not trained"
    return f"not trained: {attributes.reason or 'too slow'}"
