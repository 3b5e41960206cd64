"""What a search comes to, in words: the gain over uniform widths, the teacher's price, the next commands."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from pathlib import Path

from nas.budget import Budget, format_quantity
from nas.config import DATABASE
from nas.options import StudyOptions
from nas.reporting.report import SearchReport, TrialReport, choose_best
from nas.study import REAL_IMAGES
from nas.trials import INTERRUPTED

ENOUGH_TRIALS = 24  # architectures, before finalists are trained for longer


@dataclass(frozen=True)
class Gain:
    """The best student within the budget of a uniform-width baseline, beside that baseline."""

    student: TrialReport
    baseline: TrialReport
    limit: str  # the budget of both, in words
    significant: bool  # the difference is above the noise

    @property
    def reduction(self) -> float:
        """The fraction by which the student's median distance is lower; 0 or less where it is not."""
        assert self.student.median is not None
        assert self.baseline.median is not None
        return 1 - self.student.median / self.baseline.median


def gain(found: SearchReport) -> Gain | None:
    """The gain over the largest uniform-width baseline; None where none was trained to the end.

    The student is the best one that keeps to the budget which the baseline was scaled to.
    """
    baselines = [t for t in found.trials if t.baseline and t.fids]
    if not baselines:
        return None
    baseline = max(baselines, key=lambda t: (t.budget_fraction or 0.0, -t.number))
    fraction = baseline.budget_fraction or 1.0
    whole = min(found.budget["macs"] or math.inf, found.teacher["macs"])
    limit = fraction * whole
    chosen = choose_best(found.trials, limit)
    if chosen.best is None:
        return None
    words = f"{format_quantity(limit)} MACs" if found.below_teacher or fraction < 1 else str(_budget(found))
    return Gain(chosen.best, baseline, words, baseline not in chosen.within_margin)


def verdict(found: SearchReport) -> list[str]:
    """The best student in numbers, and its gain over uniform widths; a line each.

    Without a student that was trained to the end there is nothing to say.
    """
    if found.best is None:
        return []
    lines = [_price(found, found.best)] if found.below_teacher else []
    known = gain(found)
    if known is None:
        return [*lines, "No uniform-width baseline was trained to the end: there is nothing to compare with."]
    uniform = f"{known.baseline.median:.2f} of uniform widths at {_macs(known.baseline)}"
    unfinished = any(t.state in ("RUNNING", INTERRUPTED) for t in found.trials)
    if unfinished and all(t.baseline for t in found.trials if t.fids):
        return [*lines, f"Gain: only uniform widths are finished yet, {found.distance} {uniform}."]
    if known.student == known.baseline or known.reduction <= 0:
        return [
            *lines,
            f"Gain: no student within {known.limit} beats {found.distance} {uniform}: raise --trials (more "
            "architectures) or --rungs (longer trainings, in another --study).",
        ]
    noise = "" if known.significant else ", which is within the noise: raise --trials or --replicates"
    return [
        *lines,
        f"Gain: {found.distance} {known.student.median:.2f} at {_macs(known.student)} against {uniform}, "
        f"both within {known.limit}: {known.reduction:.0%} lower{noise}.",
    ]


def _macs(trial: TrialReport) -> str:
    return f"{format_quantity(trial.macs)} MACs"


def comparison(compared_with: str) -> list[str]:
    """What distances are to, where that is not real images; a line."""
    if compared_with == REAL_IMAGES:
        return []
    return [
        f"No real images were given: all distances are to {compared_with}. The teacher's is the distance "
        "of two sets of its samples: about the lowest that a student can have."
    ]


def _price(found: SearchReport, best: TrialReport) -> str:
    """What the best student costs and scores beside the teacher."""
    part = (best.macs or 0) / found.teacher["macs"]
    return (
        f"Below the teacher: the best student costs {part:.0%} of the teacher's MACs, with "
        f"{found.distance} {best.median:.2f} against {found.teacher['fid']:.2f}."
    )


def next_commands(found: SearchReport, folder: str = "") -> list[tuple[str, str]]:
    """Three commands to continue with after a search or after its finalists, and what each does.

    Args:
        found: a study with a best student.
        folder: where the commands are, with a slash at its end; empty where the shell finds them.
    """
    where = " ".join(["", *location(found.study, found.folder, found.storage)])
    if found.finalists_of:
        further = (f"{folder}nas-evaluate student.safetensors", "repeat its measurement from the file")
    elif len([t for t in found.trials if t.replicate_of is None]) < ENOUGH_TRIALS:
        config = shlex.quote(f"{near(found.folder)}/config.toml")
        further = (f"{folder}nas-search --config {config} --trials {ENOUGH_TRIALS}", "search on")
    else:
        further = (f"{folder}nas-distill --top 3 --seeds 3{where}", "train the three best for longer")
    return [
        (f"{folder}nas-dashboard{where}", "the study in the browser"),
        (f"{folder}nas-export --best{where} -o student.safetensors", "the best student as a file"),
        further,
    ]


def location(study: str, folder: str, storage: str) -> list[str]:
    """The options by which a command finds a study, quoted for a shell.

    Args:
        study: its name.
        folder: the study's own.
        storage: SQLAlchemy URL, without its password.
    """
    workdir = near(str(Path(folder).parent))
    flags = ["--study", shlex.quote(study)]
    if workdir != str(StudyOptions.model_fields["workdir"].default):
        flags += ["--workdir", shlex.quote(workdir)]
    file = storage.removeprefix("sqlite:///")
    if Path(file).resolve() != Path(folder).resolve() / DATABASE:
        flags += ["--storage", shlex.quote(storage)]
    return flags


def near(folder: str) -> str:
    """A folder as one would type it here."""
    path = Path(folder)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _budget(found: SearchReport) -> Budget:
    macs, params = (
        None if found.budget[name] is None else int(found.budget[name] or 0) for name in ("macs", "params")
    )
    return Budget(macs, params, found.budget["latency"])
