"""Students in the dashboard: the note on a trial with its architecture drawn, and samples of the front."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from nas.budget import format_quantity
from nas.dashboard.markdown import block, literal
from nas.reporting import TrialReport, width_profile
from search_spaces import UserError

if TYPE_CHECKING:
    from nas.dashboard.page import StudyPage

MOST = 6  # students whose samples are shown
LONGEST = 24  # characters of the widest layer's bar
EIGHTHS = " ▏▎▍▌▋▊▉"


def trial_note(trial: TrialReport, distance: str, family: str, marks: Sequence[str]) -> str:
    """Markdown: what is special about `trial`, its distance and costs, and the widths of its layers.

    Args:
        trial: of the study.
        distance: what the study's distance is called.
        family: the study's.
        marks: what is special about the trial, in words.
    """
    numbers = [f"{literal(distance)} **{trial.median:.2f}**"] if trial.median is not None else []
    numbers += [f"{format_quantity(trial.macs)} MACs"] if trial.macs else []
    numbers += [f"{format_quantity(trial.params)} parameters"] if trial.params else []
    paragraphs = [literal("; ".join(marks))] if marks else []
    paragraphs += [", ".join(numbers)] if numbers else []
    drawn = draw_architecture(trial, family)
    return "\n\n".join([*paragraphs, *([drawn] if drawn else [])])


def draw_architecture(trial: TrialReport, family: str) -> str:
    """The architecture's widths as a block of code; empty where the family is unknown here."""
    try:
        layers = width_profile(family, trial.architecture)
    except (UserError, ValueError, TypeError, KeyError):  # of another installation, or not ours
        return ""
    return block(draw_widths(layers)) if layers else ""


def draw_widths(layers: Sequence[tuple[str, int]]) -> str:
    """A bar for each layer, as long as it has channels, and their number behind it."""
    widest = max(width for _, width in layers)
    longest = max(len(name) for name, _ in layers)
    return "\n".join(f"{name:>{longest}} {_bar(width / widest)} {width}" for name, width in layers)


def _bar(part: float) -> str:
    whole, rest = divmod(round(part * LONGEST * 8), 8)
    return ("█" * whole + EIGHTHS[rest]).rstrip() or EIGHTHS[1]


def gallery(page: StudyPage, reports: Sequence[TrialReport]) -> str:
    """HTML of the newest samples of the front, the best first; empty before there are any."""
    chosen = page.choice(reports)
    shown = [(t, page.picture(t.number)) for t in reversed(chosen.front)]
    figures = [_figure(t, path, page) for t, path in shown[:MOST] if path]
    if not figures:
        return ""
    return f'<h3>Samples of the front</h3><div class="nas-gallery">{"".join(figures)}</div>'


def _figure(trial: TrialReport, path: str, page: StudyPage) -> str:
    address = escape(f"{path}?images={trial.rungs[-1].images if trial.rungs else 0}")
    costs = f"{trial.median:.2f} at {format_quantity(trial.macs or 0)} MACs"
    return (
        f'<figure><a href="/dashboard/studies/{page.number}/trials?numbers={trial.number}">'
        f'<img src="{address}" alt="Samples of trial {trial.number} and of the teacher"></a>'
        f"<figcaption>trial {trial.number}: {escape(page.distance)} {costs}</figcaption></figure>"
    )
