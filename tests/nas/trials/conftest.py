"""The space and the study that trials are proposed for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from distill.teachers import load_teacher
from nas.budget import Budget
from nas.ranking import RungBoard
from nas.samplers import make_sampler
from nas.study import StudyStore
from search_spaces import SearchSpace
from tests.nas.trials.proposing import BUDGET


@pytest.fixture(scope="module")
def space() -> SearchSpace:
    """The space below the built-in teacher: large enough for every sampler."""
    teacher = load_teacher()
    return teacher.family.space(teacher.generator.architecture)


@pytest.fixture
def opened(tmp_path: Path, space: SearchSpace) -> Iterator[Callable[..., StudyStore]]:
    """Opens the study, each time as a process of its own would."""
    stores: list[StudyStore] = []

    def open_study(sampler: str = "random") -> StudyStore:
        store = StudyStore.open(f"sqlite:///{tmp_path}/study.db", "study")
        utilisation = Budget(BUDGET).utilisation(space)
        store.study.sampler = make_sampler(sampler, 0, space, utilisation, RungBoard(3))
        stores.append(store)
        return store

    yield open_study
    for store in stores:
        store.close()
