"""Opening a study: making a new one, and refusing one that was made by or for something else."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from sqlalchemy.engine import Engine

from distill.evaluation import distance_name
from nas.config import differences, in_words
from nas.database import Rung
from nas.errors import StudyError
from nas.options import nearest
from nas.study.attributes import StudyAttributes, check_layout
from search_spaces import count_of

LISTED = 10  # names in an error
DIRECTIONS = [StudyDirection.MINIMIZE, StudyDirection.MINIMIZE]


def open_study(
    storage: BaseStorage,
    name: str,
    identity: Mapping[str, str],
    assumed: Mapping[str, str],
    named: Mapping[str, Any],
    sampler: BaseSampler | None,
    create: bool,
) -> optuna.Study:
    """The study `name`; arguments as in `StudyStore.open`.

    Raises:
        StudyError: there is no such study (`create=False`), another version of nas-search made it, or it
            belongs to something else.
    """
    known = [study.study_name for study in storage.get_all_studies()]
    if name not in known:
        if not create:
            raise no_study(name, known)
        try:
            study = optuna.create_study(
                storage=storage, study_name=name, directions=DIRECTIONS, sampler=sampler
            )
        except DuplicatedStudyError:  # somebody made it just now
            study = optuna.load_study(storage=storage, study_name=name, sampler=sampler)
    else:
        study = optuna.load_study(storage=storage, study_name=name, sampler=sampler)
    check_origin(study, create=create)
    if study.metric_names is None and create:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names([distance_name(identity.get("extractor", "")), "MACs"])
    check_identity(study, identity, assumed, named, save=True)
    return study


def no_study(name: str, known: Sequence[str]) -> StudyError:
    """The error of a reader that asks for the study `name` where there are those `known`."""
    if not known:
        return StudyError(f"there is no study {name!r}: there are none yet, run nas-search first")
    listed = ", ".join(map(repr, known[:LISTED])) + (
        f" and {count_of(len(known) - LISTED, 'other')}" if len(known) > LISTED else ""
    )
    return StudyError(f"there is no study {name!r}: there are {listed}{nearest(name, known)}")


def check_origin(study: optuna.Study, *, create: bool) -> None:
    """Refuse a study that this version of nas-search did not make; `create` as in `check_layout`.

    Raises:
        StudyError: its directions or its layout are not ours.
    """
    if study.directions != DIRECTIONS:
        raise StudyError(
            f"study {study.study_name!r} does not minimise a distance and MACs: "
            "use --study NAME for a new one"
        )
    check_layout(study, create=create)


def identity_part(study: optuna.Study, part: str) -> str:
    """A part of the identity that the trials of `study` share; empty where it has none."""
    return str(study.user_attrs.get(part, "")) if study.get_trials(deepcopy=False) else ""


def is_empty_of_others(study: optuna.Study, identity: Mapping[str, str]) -> bool:
    """Whether `study` has no trials and another identity: its search ended before the first one."""
    saved = study.user_attrs
    other = any(part in saved and saved[part] != wanted for part, wanted in identity.items())
    return other and not study.get_trials(deepcopy=False)


def check_identity(
    study: optuna.Study,
    identity: Mapping[str, str],
    assumed: Mapping[str, str],
    named: Mapping[str, Any],
    *,
    save: bool,
) -> None:
    """Compare with what was saved when the study was made; `save` what is missing while it has no trials.

    A study without trials fits everything: the next search that gets its lease replaces its identity.

    Raises:
        StudyError: the study has trials, and belongs to something else.
    """
    fresh = not study.get_trials(deepcopy=False)
    saved = study.user_attrs  # read second: whoever asked for a trial had saved it
    if fresh:
        for part in identity.keys() - saved.keys() if save else ():
            study.set_user_attr(part, identity[part])
        return
    names = saved.get("config")
    found = differences({**assumed, **saved}, identity, names if isinstance(names, dict) else {}, named)
    if found:
        raise StudyError(f"study {study.study_name!r} belongs to {in_words(found)}")


def check_purpose(study: optuna.Study, finalists_of: str) -> None:
    """Refuse to search in a study of finalists, whose trials are chosen, and to train finalists in a search.

    Args:
        study: the study to continue.
        finalists_of: name of the search whose finalists are to be trained in it; empty for a search.

    Raises:
        StudyError: the study was begun for the other purpose, or for the finalists of another search.
    """
    known = StudyAttributes.from_study(study).finalists_of
    if known == finalists_of or not (known or study.get_trials(deepcopy=False)):
        return
    name = study.study_name
    if not finalists_of:
        raise StudyError(
            f"study {name!r} holds the finalists of {known!r}: continue it with nas-distill --study "
            f"{shlex.quote(known)} (with the same --images), or use --study NAME for a new search"
        )
    held = f"the finalists of {known!r}" if known else "a search"
    raise StudyError(
        f"study {name!r} holds {held}: the finalists of {finalists_of!r} need a study of their own, give "
        "another --images, which is part of its name"
    )


def rename_study(engine: Engine, name: str, new: str) -> None:
    """Rename a study and its rungs in one transaction; one that is renamed already is no error.

    Raises:
        StudyError: there is another study of the name `new`.
    """
    studies = sa.table("studies", sa.column("study_name"))  # Optuna has no call for it
    try:
        with engine.begin() as connection:
            named = sa.update(studies).where(studies.c.study_name == name).values(study_name=new)
            if connection.execute(named).rowcount:
                connection.execute(sa.delete(Rung).where(Rung.study == new))  # of a study that was deleted
                connection.execute(sa.update(Rung).where(Rung.study == name).values(study=new))
    except sa.exc.IntegrityError as error:
        raise StudyError(f"there is a study {new!r} already: it was made just now") from error
