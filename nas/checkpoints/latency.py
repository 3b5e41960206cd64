"""The time of one image, of a student beside its teacher: one protocol, one run, one machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distill.teachers import load_teacher
from nas.budget import Stopwatch, Timing, machine, make_stopwatch
from nas.checkpoints.subject import Subject
from nas.errors import ConfigError
from nas.reporting import SearchReport, TrialReport, architecture_of
from nas.study import BUILT_IN, Latencies, StudyAttributes, StudyStore
from search_spaces import Generator, UserError, get_family, one_line

THREADS = BATCH = 1


def teacher_of(subject: Subject, given: str | Path | None) -> tuple[Generator | None, str]:
    """The teacher that `subject` is timed beside: the one `given`, else the noted one; or why there is none.

    Raises:
        UserError: the one that is given can't be read.
    """
    noted = subject.noted
    path = str(given or noted.get("teacher_file") or noted.get("teacher_path", ""))
    if not path:
        return None, f"Teacher not timed: {subject.path} notes none; give it by --teacher"
    resolution = subject.generator.image_shape[-1]
    if given is not None:
        return _read(path, resolution)[0], ""
    teacher, note = _noted_teacher(path, noted.get("teacher_digest"), resolution)
    return teacher, note and f"{note}; give it by --teacher"


def timed_beside(
    generator: Generator, teacher: Generator | None, stopwatches: Iterable[Stopwatch]
) -> dict[str, dict[str, Any]]:
    """By stopwatch: seconds of one image (median, quartiles, runs), of the teacher, and their ratio."""
    found = {}
    for stopwatch in stopwatches:
        student = stopwatch.timing(generator.cpu())
        theirs = None if teacher is None else stopwatch.timing(teacher.cpu())
        found[stopwatch.name] = {
            **asdict(student),
            "threads": THREADS,
            "batch": BATCH,
            "machine": machine(),
            "teacher": None if theirs is None else asdict(theirs),
            "ratio": None if theirs is None else theirs.median / student.median,
        }
    return found


def measure_study(
    store: StudyStore,
    found: SearchReport,
    where: Sequence[str],
    on_note: Callable[[str], None] = lambda note: None,
) -> None:
    """Time the students that reports show, and their teacher; kept in the study one by one.

    What was measured on this machine before is not measured again.

    Args:
        store: the study, which a search may be running.
        found: what it holds.
        where: names of stopwatches.
        on_note: receives what to know, a line each.

    Raises:
        ConfigError: the study can't be written, or there is no such hardware or package.
    """
    if store.is_copy:
        raise ConfigError("--latency: the study can't be written, and times are kept in it: copy its folder")
    stopwatches = [make_stopwatch(name, "--latency") for name in where]
    family, shown = get_family(found.space), shown_trials(found)
    if not shown:
        return
    resolution = family.build(architecture_of(found, shown[0])).image_shape[-1]
    teacher, note = _noted_teacher(str(found.teacher["path"]), found.teacher["digest"], resolution)
    if note:
        on_note(note)
    for stopwatch in stopwatches:
        known = _known(store, stopwatch.name)
        if known.teacher is None and teacher is not None:
            known = known.model_copy(update={"teacher": stopwatch.timing(teacher.cpu())})
            _keep(store, known)
        for trial in shown:
            if trial.number in known.students:
                continue
            student = family.build(architecture_of(found, trial))
            taken: dict[int, Timing] = {**known.students, trial.number: stopwatch.timing(student)}
            known = known.model_copy(update={"students": taken})
            _keep(store, known)


def shown_trials(found: SearchReport) -> list[TrialReport]:
    """Trials that reports show in their first table, each once."""
    near = [t for t in found.trials if t.fids and (t.baseline or t.number in found.within_margin)]
    finalists = [t for t in found.trials if t.fids and found.finalists_of]
    return list({t.number: t for t in [*found.front, *near, *finalists]}.values())


def _noted_teacher(path: str, digest: object, resolution: int) -> tuple[Generator | None, str]:
    """The teacher of students of this `resolution`; or why there is none: its file is gone or has changed."""
    try:
        teacher, found = _read(path, resolution)
    except UserError as error:
        return None, f"Teacher not timed: {one_line(error, 200)}"
    if digest not in (None, found):
        return None, f"Teacher not timed: {path} has changed since the search"
    return teacher, ""


def _read(path: str, resolution: int) -> tuple[Generator, str]:
    """The generator in a teacher's file, for images of this `resolution`, and the digest of the file.

    Raises:
        UserError: it can't be read, or makes no such images.
    """
    loaded = load_teacher(None if path == BUILT_IN else Path(path))
    return loaded.generator.at_resolution(resolution).cpu(), loaded.digest


def _known(store: StudyStore, on: str) -> Latencies:
    """What the study has of this place."""
    here = machine()
    for each in StudyAttributes.from_study(store.study).latencies:
        if (each.on, each.machine) == (on, here):
            return each
    return Latencies(on=on, machine=here, threads=THREADS, batch=BATCH)


def _keep(store: StudyStore, measured: Latencies) -> None:
    """Save, beside what the study has of other places."""
    place = (measured.on, measured.machine)
    others = [
        each for each in StudyAttributes.from_study(store.study).latencies if (each.on, each.machine) != place
    ]
    StudyAttributes(latencies=[*others, measured]).write(store.study)
