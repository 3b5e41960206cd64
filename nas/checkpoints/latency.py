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
    try:
        loaded = load_teacher(None if path == BUILT_IN else Path(path))
        teacher = loaded.generator
        if teacher.image_shape[-1] != subject.generator.image_shape[-1]:
            teacher = teacher.at_resolution(subject.generator.image_shape[-1])
    except UserError as error:
        if given is not None:
            raise
        return None, f"Teacher not timed: {one_line(error, 200)}; give it by --teacher"
    if given is None and noted.get("teacher_digest", loaded.digest) != loaded.digest:
        return None, f"Teacher not timed: {path} has changed since the search; give it by --teacher"
    return teacher.cpu(), ""


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
    teacher, note = _teacher(found)
    if note:
        on_note(note)
    family = get_family(found.space)
    for stopwatch in stopwatches:
        known = _known(store, stopwatch.name)
        if known.teacher is None and teacher is not None:
            known = known.model_copy(update={"teacher": stopwatch.timing(teacher.cpu())})
            _keep(store, known)
        for trial in shown_trials(found):
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


def _teacher(found: SearchReport) -> tuple[Generator | None, str]:
    path = str(found.teacher["path"])
    try:
        loaded = load_teacher(None if path == BUILT_IN else Path(path))
    except UserError as error:
        return None, f"Teacher not timed: {one_line(error, 200)}"
    if loaded.digest != found.teacher["digest"]:
        return None, f"Teacher not timed: {path} has changed since the search"
    return loaded.generator, ""


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
