"""A study of students, a baseline, stopped and failed trials, and a duplicate; nothing is trained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from optuna.trial import TrialState

from nas.study import StudyStore
from tests.nas.dashboard.trials import finish


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[StudyStore]:
    url = f"sqlite:///{tmp_path}/study.db"
    with StudyStore.open(url, "digits", identity={"extractor": "digits"}) as store:
        yield store


@pytest.fixture
def store(empty: StudyStore) -> StudyStore:
    finish(empty, 60, 500_000, baseline="uniform x0.25")  # 0, on the front
    finish(empty, 40, 1_000_000)  # 1, on the front
    finish(empty, 50, 1_500_000)  # 2, dominated
    finish(empty, 35, 1_900_000)  # 3, the best within 2M
    finish(empty, 20, 3_000_000)  # 4, over 2M
    finish(empty, 90, 400_000, stopped=True)  # 5, a low-fidelity FD (digits)
    finish(empty, 10, 1_000_000, duplicate_of=1)  # 6, a repeat
    empty.study.tell(empty.study.ask(), state=TrialState.PRUNED)  # 7, never measured
    empty.study.tell(empty.study.ask(), state=TrialState.FAIL)  # 8
    return empty
