"""The study: Optuna's trials and our rungs in one SQL database."""

from nas.study.records import RungRecord
from nas.study.store import StudyStore

__all__ = ["RungRecord", "StudyStore"]
