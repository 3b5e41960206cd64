"""A study serves one purpose: a search proposes its trials, or the finalists of one search are its trials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nas.errors import StudyError
from nas.study import StudyAttributes, StudyStore, check_purpose


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StudyStore]:
    with StudyStore.open(f"sqlite:///{tmp_path}/study.db", "digits-final") as opened:
        yield opened


def test_an_empty_study_serves_any_purpose(store: StudyStore) -> None:
    check_purpose(store.study, "")
    check_purpose(store.study, "digits")


def test_a_search_is_continued_by_a_search_only(store: StudyStore) -> None:
    store.study.ask()
    check_purpose(store.study, "")
    with pytest.raises(StudyError, match="'digits-final' holds a search: the finalists of 'digits' need"):
        check_purpose(store.study, "digits")


@pytest.mark.parametrize("trials", [0, 1])
def test_finalists_are_continued_by_those_of_the_same_search_only(store: StudyStore, trials: int) -> None:
    StudyAttributes(finalists_of="digits").write(store.study)
    for _ in range(trials):
        store.study.ask()
    check_purpose(store.study, "digits")
    with pytest.raises(StudyError, match="holds the finalists of 'digits': continue it with nas-distill"):
        check_purpose(store.study, "")
    with pytest.raises(StudyError, match="holds the finalists of 'digits': the finalists of 'faces' need"):
        check_purpose(store.study, "faces")


def test_the_command_that_continues_finalists_can_be_pasted(store: StudyStore) -> None:
    StudyAttributes(finalists_of="my digits").write(store.study)
    with pytest.raises(StudyError, match=r"nas-distill --study 'my digits' \(with the same --images\), or"):
        check_purpose(store.study, "")
