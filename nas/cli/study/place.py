"""Which study a command of `nas-study` is about: a name without a flag, and where it is."""

from __future__ import annotations

from pathlib import Path

from nas.options import Location, Options, StudyOptions, option, variant


class StudiesOptions(Options):
    """Where studies are."""

    workdir: Location = variant(StudyOptions, "workdir", default=Path("nas-runs"))
    storage: str = variant(
        StudyOptions,
        "storage",
        default="",
        help="SQLAlchemy URL of the studies.",
        shown="SQLite in their folders",
    )


class NamedStudy(StudyOptions):
    """A study, the newest unless it is named."""

    study: str = option(
        "", group="study", argument=True, help="Name of the study; the newest in the workdir without it."
    )


class ChosenStudy(StudyOptions):
    """A study that must be named."""

    study: str = option(group="study", argument=True, help="Name of the study.")
