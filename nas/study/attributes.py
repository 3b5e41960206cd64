"""The facts of a study as Optuna's user attributes: one typed record, and the version of its layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import optuna
from pydantic import BaseModel, ConfigDict, ValidationError, ValidatorFunctionWrapHandler, field_validator

from distill.evaluation import distance_name
from nas.budget import Timing
from nas.errors import StudyError
from nas.study.records import TieBreak

LAYOUT = 1
"""Version of the attributes of studies and trials. Raise it when studies of the version before can't be read
or resumed any more. The earliest studies have no version."""

REAL_IMAGES = "real images"  # what FIDs are distances to, unless there are none
BUILT_IN = "built-in"  # in place of the path of the built-in teacher

OURS = {"space", "teacher"}  # attributes of every study of nas-search that has trials


class Latencies(BaseModel):
    """The time of one image of students and of their teacher, measured in one place after the search."""

    model_config = ConfigDict(frozen=True)

    on: str  # hardware or runtime: "cpu, 1 thread"
    machine: str  # its processor
    threads: int = 1
    batch: int = 1  # images at a time
    teacher: Timing | None = None  # None: its file was not there
    students: dict[int, Timing] = {}  # by trial

    def ratio(self, trial: int) -> float | None:
        """The teacher's time as a multiple of the student's; None where one of them is not known."""
        student = self.students.get(trial)
        return None if self.teacher is None or student is None else self.teacher.median / student.median


class RunFacts(BaseModel):
    """One run of the command that searches: where it ran, and with which versions."""

    model_config = ConfigDict(frozen=True)

    run: str  # its id, as in the study's log
    since: str  # UTC, ISO 8601
    host: str
    pid: int
    seed: int
    versions: dict[str, str]  # of Python and of packages, by name


class StudyAttributes(BaseModel):
    """What a study keeps beside its trials. Field names are the attributes' keys.

    The parts of a study's identity (`nas.workbench.Workbench.identity`) are attributes, too; here are those
    that readers need.
    """

    model_config = ConfigDict(frozen=True)  # attributes that somebody else has set are ignored

    layout: int | None = None  # see LAYOUT
    space: str = ""  # family of the students
    teacher: str = ""  # digest of its file
    data: str = ""  # digest of the real images
    extractor: str = ""  # that all students are measured with: its name or file
    extractor_digest: str = ""  # of its weights
    extractor_weights: str = ""  # the file that the user gave for it; empty where it has its default ones
    trained_in: str = ""  # precision of all trainings
    finalists_of: str = ""  # the search whose finalists this study trains
    compared_with: str = REAL_IMAGES  # what every FID is a distance to, in words
    teacher_info: dict[str, Any] = {}  # name, path, digest, macs, params, fid, fid_samples
    config: dict[str, Any] = {}  # the search's settings, without passwords
    warnings: list[str] = []  # about the conditions of the search, for reports
    runs: list[RunFacts] = []  # the last runs that trained something, the latest last
    latencies: list[Latencies] = []  # of `nas-report --latency`, one for each place
    tie_break: TieBreak | None = None  # a person's choice; written by `save_tie_break` alone

    @property
    def distance(self) -> str:
        """What the distance of a student is called."""
        return distance_name(self.extractor)

    @field_validator("tie_break", mode="wrap")
    @classmethod
    def _ignore_others(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> TieBreak | None:
        """A choice that this version can't read is none: the trials are what they are without it."""
        try:
            chosen: TieBreak | None = handler(value)
        except ValidationError:
            return None
        return chosen

    @classmethod
    def from_study(cls, study: optuna.Study) -> Self:
        """The attributes of `study`."""
        return cls.model_validate(study.user_attrs)

    def write(self, study: optuna.Study) -> None:
        """Save what is set and differs from what `study` has."""
        known = study.user_attrs
        for key, value in self.model_dump(exclude_defaults=True, exclude={"tie_break"}).items():
            if key not in known or known[key] != value:
                study.set_user_attr(key, value)


def save_tie_break(study: optuna.Study, tie_break: TieBreak | None) -> None:
    """Save a person's choice in place of the one before; None withdraws it.

    No driver reads or writes it, so that a dashboard may save it while a search runs.
    """
    study.set_user_attr("tie_break", None if tie_break is None else tie_break.model_dump(mode="json"))


def check_layout(study: optuna.Study, *, create: bool) -> None:
    """Refuse a study that another version or another program made; mark a new one with our version.

    Args:
        study: any study.
        create: whether a study without trials and without a version is new, and is marked.

    Raises:
        StudyError: the study was made by an earlier or a later version, or not by nas-search.
    """
    fresh = not study.get_trials(deepcopy=False)
    known = study.user_attrs  # read second: who added trials had marked the study
    layout = known.get("layout")  # alone: the other attributes of another layout need not be valid
    if layout == LAYOUT:
        return
    if layout is None and fresh and _readable(known):
        if create:
            StudyAttributes(layout=LAYOUT).write(study)
        return
    if not isinstance(layout, int) and not (layout is None and known.keys() >= OURS):
        raise StudyError(f"study {study.study_name!r} was not made by nas-search: name another with --study")
    version = "a later" if layout is not None and layout > LAYOUT else "an earlier"
    raise StudyError(
        f"study {study.study_name!r} was made by {version} version of nas-search: "
        "use --study NAME for a new one, or read it with the version that made it"
    )


def _readable(attributes: Mapping[str, Any]) -> bool:
    """Whether a study with these attributes can be ours."""
    try:
        StudyAttributes.model_validate(attributes)
    except ValidationError:
        return False
    return True
