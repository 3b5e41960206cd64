"""The records of a study in another database: its trials with all that is noted of them, and its rungs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from optuna.trial import FrozenTrial

from nas.study import StudyStore

CHANGED = "config"  # the one attribute that differs in a copy: it says where the study is
_NOTE_OF_TRIAL = re.compile(r"dashboard:(\d+):(note_.+)")  # Optuna Dashboard keeps them by the trial's id
BATCH = 500  # rungs in a transaction


def copy_records(
    source: StudyStore, target: StudyStore, place: Mapping[str, str], on_trial: Callable[[int], None]
) -> None:
    """Write all records of `source` into the new study `target`, whose lease is held.

    Args:
        source, target: the studies.
        place: settings that say where the copy is: `workdir` and `storage`.
        on_trial: receives how many trials are copied, after each.
    """
    storage, study = target.storage, target.study._study_id
    ids: dict[int, int] = {}
    for trial in source.study.get_trials(deepcopy=False):
        ids[trial._trial_id] = storage.create_new_trial(study, template_trial=trial)
        on_trial(trial.number + 1)
    for key, value in _system_attributes(source, ids).items():
        storage.set_study_system_attr(study, key, value)
    for key, value in _attributes(source, place).items():
        storage.set_study_user_attr(study, key, value)
    rungs = source.rungs()
    for first in range(0, len(rungs), BATCH):
        target.record_rungs(rungs[first : first + BATCH])


def differing_records(source: StudyStore, target: StudyStore, place: Mapping[str, str]) -> list[str]:
    """What the copy `target` has otherwise than `source`, in words; empty where all is as it was."""
    found = []
    ours, theirs = (each.study.get_trials(deepcopy=False) for each in (source, target))
    if len(ours) != len(theirs):
        found.append(f"{len(theirs)} trials instead of {len(ours)}")
    found += [
        f"trial {one.number}"
        for one, other in zip(ours, theirs, strict=False)
        if _facts(one) != _facts(other)
    ]
    ids = {one._trial_id: other._trial_id for one, other in zip(ours, theirs, strict=False)}
    if source.rungs() != target.rungs():
        found.append("rungs")
    if source.study.directions != target.study.directions:
        found.append("directions")
    if _attributes(source, place) != target.study.user_attrs:
        found.append("attributes of the study")
    if _system_attributes(source, ids) != _system_attributes(target, {}):
        found.append("system attributes of the study")
    return found


def _facts(trial: FrozenTrial) -> tuple[Any, ...]:
    """What a copy of a trial keeps: all but its id, which is the database's; as text NaN equals NaN."""
    return (
        trial.number,
        trial.state,
        repr(trial.values),
        trial.datetime_start,
        trial.datetime_complete,
        trial.params,
        trial.distributions,
        trial.user_attrs,
        trial.system_attrs,
        repr(trial.intermediate_values),
    )


def _attributes(store: StudyStore, place: Mapping[str, str]) -> dict[str, Any]:
    """The study's attributes as its copy has them."""
    attributes = dict(store.study.user_attrs)
    if isinstance(attributes.get(CHANGED), dict):
        attributes[CHANGED] = {**attributes[CHANGED], **place}
    return attributes


def _system_attributes(store: StudyStore, ids: Mapping[int, int]) -> dict[str, Any]:
    """The study's system attributes, with the `ids` that the trials have in the copy."""

    def key_of(key: str) -> str:
        note = _NOTE_OF_TRIAL.fullmatch(key)
        return key if note is None else f"dashboard:{ids.get(int(note[1]), int(note[1]))}:{note[2]}"

    attributes = store.storage.get_study_system_attrs(store.study._study_id)
    return {key_of(key): value for key, value in attributes.items()}
