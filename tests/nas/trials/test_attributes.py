"""A trial's facts: one typed record, whose keys no other file spells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import Trial, TrialState, create_trial
from pydantic import ValidationError

from nas.study import StudyStore
from nas.trials import TrialAttributes

ROOT = Path(__file__).parents[3]
NUMBERS = st.none() | st.integers(0, 10**6)
COSTS = st.none() | st.integers(1, 10**12)
TEXTS = st.none() | st.text(min_size=1)
ATTRIBUTES = st.builds(
    TrialAttributes,
    macs=COSTS,
    params=COSTS,
    latency=st.none() | st.floats(1e-9, 1e3),
    latency_on=TEXTS,
    baseline=TEXTS,
    protected=st.booleans(),
    replicate_of=NUMBERS,
    retry_of=NUMBERS,
    retried_as=NUMBERS,
    duplicate_of=NUMBERS,
    same_as_teacher=st.booleans(),
    too_slow=TEXTS,
    search_trial=NUMBERS,
    seed=st.none() | st.integers(0, 2**63 - 1),
    reason=TEXTS,
    architecture_json=st.dictionaries(st.text(), st.integers() | st.text()),
    architecture=st.text(),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StudyStore]:
    with StudyStore.open(f"sqlite:///{tmp_path}/study.db", "study") as opened:
        yield opened


@given(ATTRIBUTES)
def test_what_is_stored_reads_back_equal(attributes: TrialAttributes) -> None:
    trial = create_trial(state=TrialState.RUNNING, user_attrs=attributes.stored())
    assert TrialAttributes.from_trial(trial) == attributes


def test_a_trial_without_attributes_and_one_with_somebody_elses_can_be_read() -> None:
    for foreign in ({}, {"note": "somebody looked"}):
        trial = create_trial(state=TrialState.RUNNING, user_attrs=foreign)
        assert TrialAttributes.from_trial(trial) == TrialAttributes()


@pytest.mark.parametrize("values", [{"macs": "many"}, {"macs": -1}, {"latency": 0.0}, {"replicate_of": -1}])
def test_a_value_that_is_none_of_its_type_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TrialAttributes.from_trial(create_trial(state=TrialState.RUNNING, user_attrs=values))


def test_writing_saves_what_is_set_and_keeps_the_rest(store: StudyStore) -> None:
    trial = store.study.ask()
    TrialAttributes(baseline="uniform", protected=True).write(trial)
    TrialAttributes(macs=10**6, params=10**4).write(trial)
    assert TrialAttributes.from_trial(trial) == TrialAttributes(
        macs=10**6, params=10**4, baseline="uniform", protected=True
    )


def test_writing_again_writes_what_changed_only(store: StudyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = store.study.ask()
    TrialAttributes(macs=10**6, params=10**4).write(trial)
    written = Mock()
    monkeypatch.setattr(Trial, "set_user_attr", written)
    TrialAttributes(macs=10**6, params=2 * 10**4).write(trial)
    written.assert_called_once_with("params", 2 * 10**4)


def test_the_architectures_name_is_written_last_for_a_trial_that_has_it_can_be_trained(
    store: StudyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial, written = store.study.ask(), Mock()
    monkeypatch.setattr(Trial, "set_user_attr", written)
    TrialAttributes(architecture="m4", architecture_json={"m": 4}, latency=1.0, latency_on="cpu").write(trial)
    assert written.call_args_list[-1].args[0] == "architecture"


@pytest.mark.parametrize(
    ("changes", "run", "counts", "first"),
    [
        ({}, True, True, True),
        ({"architecture": ""}, False, False, False),
        ({"duplicate_of": 0}, False, False, False),
        ({"architecture": "", "same_as_teacher": True}, False, False, False),
        ({"replicate_of": 0}, True, True, False),
        ({"retried_as": 1}, True, False, False),
        ({"retry_of": 0}, True, True, True),
        ({"retry_of": 1, "replicate_of": 0}, True, True, False),
    ],
)
def test_a_trial_is_a_run_counts_and_stands_for_its_architecture_by_its_relations(
    changes: dict[str, Any], run: bool, counts: bool, first: bool
) -> None:
    attributes = TrialAttributes(**{"architecture": "m4", **changes})
    assert (attributes.is_run, attributes.counts, attributes.is_first_run) == (run, counts, first)


@given(ATTRIBUTES)
def test_another_run_shares_the_architecture_and_neither_costs_relations_nor_reason(
    attributes: TrialAttributes,
) -> None:
    again = attributes.for_another_run(seed=7, replicate_of=3)
    own = {
        "macs",
        "params",
        "retry_of",
        "retried_as",
        "duplicate_of",
        "same_as_teacher",
        "too_slow",
        "reason",
    }
    assert not own & again.stored().keys()
    assert (again.seed, again.replicate_of) == (7, 3)
    kept = {"architecture", "architecture_json", "latency", "latency_on", "baseline", "protected"}
    assert again.model_dump(include=kept) == attributes.model_dump(include=kept)


def test_no_other_file_spells_the_key_of_an_attribute() -> None:
    spelt = re.compile(r'user_attrs(\[|\.get\(|\.keys\()|set_user_attr\(|" in \w+(\.\w+)*\.user_attrs')
    records = {"nas/trials/attributes.py", "nas/study/attributes.py"}
    identity = "nas/study/opening.py"  # saves the parts of an identity by whatever name they have
    found = {
        str(path.relative_to(ROOT))
        for package in ("nas", "benchmarks")
        for path in (ROOT / package).rglob("*.py")
        if spelt.search(path.read_text(encoding="utf-8"))
    }
    assert found == {*records, identity}
