"""The study store: one contract, over a SQLite file and, where NAS_TEST_POSTGRES names one, a PostgreSQL.

NAS_TEST_POSTGRES=postgresql+psycopg://user@host/database pytest tests/nas/study
"""

import math

import optuna
import pytest
import sqlalchemy as sa
from optuna.trial import TrialState
from pydantic import ValidationError

from nas.errors import StudyError
from nas.study import LAYOUT, StudyAttributes, StudyStore
from tests.nas.study.records import IDENTITY, rung

# Opening


def test_a_new_study_minimises_its_distance_and_macs(url: str, name: str) -> None:
    with StudyStore.open(url, name, identity={"extractor": "digits"}) as store:
        assert store.study.metric_names == ["FD (digits)", "MACs"]
        assert [direction.name for direction in store.study.directions] == ["MINIMIZE", "MINIMIZE"]
        assert name in StudyStore.names(url)


def test_what_is_recorded_is_there_after_opening_again(url: str, name: str) -> None:
    with StudyStore.open(url, name, identity=IDENTITY) as store:
        trial = store.study.ask()
        store.record_rung(rung(trial.number))
        store.study.tell(trial, [41.5, 1_000_000])
    with StudyStore.open(url, name, identity=IDENTITY, create=False) as again:
        assert again.study.trials[0].values == [41.5, 1_000_000]
        assert again.rungs() == [rung()]


def test_the_identity_is_saved_and_a_study_of_another_teacher_is_refused(url: str, name: str) -> None:
    with StudyStore.open(url, name, identity=IDENTITY) as store:
        store.study.ask()
    other = IDENTITY | {"teacher": "ffffffffffffffff"}
    with pytest.raises(StudyError) as error:
        StudyStore.open(url, name, identity=other, named={"teacher": "faces.pkl"})
    assert str(error.value) == (
        f"study {name!r} belongs to --teacher of digest 0123456789abcdef, not --teacher faces.pkl (digest "
        "ffffffffffffffff): give --teacher of digest 0123456789abcdef to resume it, or use --study NAME for "
        "a new one"
    )
    with StudyStore.open(url, name, create=False) as store:  # readers need not know
        assert store.study.user_attrs == IDENTITY | {"layout": LAYOUT}


def test_a_search_that_ended_before_its_first_trial_gives_way_to_other_settings(url: str, name: str) -> None:
    StudyStore.open(url, name, identity=IDENTITY | {"batch_size": "64"}).close()
    other = IDENTITY | {"batch_size": "32"}
    with StudyStore.open(url, name, identity=other) as store:
        assert store.study.user_attrs["batch_size"] == "64", "the lease may be another driver's"
        with store.lease():
            assert store.study.user_attrs == other | {"layout": LAYOUT}
            store.study.ask()
    with pytest.raises(StudyError, match="belongs to --batch-size 32, not --batch-size 64"):
        StudyStore.open(url, name, identity=IDENTITY | {"batch_size": "64"})


def test_the_identity_of_a_study_that_is_being_prepared_is_not_touched(url: str, name: str) -> None:
    with StudyStore.open(url, name, identity=IDENTITY) as first, first.lease():
        with (
            StudyStore.open(url, name, identity=IDENTITY | {"data": "other"}) as second,
            pytest.raises(StudyError, match="is being run by pid"),
        ):
            second.lease().__enter__()
        assert first.study.user_attrs == IDENTITY | {"layout": LAYOUT}


def test_a_study_that_got_trials_between_opening_and_lease_is_compared_again(url: str, name: str) -> None:
    with StudyStore.open(url, name, identity=IDENTITY | {"data": "other"}) as late:
        with StudyStore.open(url, name, identity=IDENTITY) as first, first.lease():
            first.study.ask()
        with pytest.raises(StudyError, match="belongs to --data of digest fedcba9876543210"):
            late.lease().__enter__()
    with StudyStore.open(url, name, identity=IDENTITY) as first, first.lease():
        pass


def test_a_study_from_before_a_setting_was_noted_had_its_default(url: str, name: str) -> None:
    with StudyStore.open(url, name, identity=IDENTITY) as store:
        store.study.ask()
    newer = IDENTITY | {"share_weights": "False"}
    assumed = {"share_weights": "False"}
    StudyStore.open(url, name, identity=newer, assumed=assumed).close()
    with pytest.raises(StudyError, match="belongs to --no-share-weights, not --share-weights"):
        StudyStore.open(url, name, identity=newer | {"share_weights": "True"}, assumed=assumed)
    with pytest.raises(StudyError, match="belongs to --share-weights unknown"):
        StudyStore.open(url, name, identity=newer)


def test_a_study_that_does_not_exist_is_not_made_for_a_reader(url: str, name: str) -> None:
    StudyStore.open(url, name).close()
    with pytest.raises(StudyError, match="no study 'other': there are '"):
        StudyStore.open(url, "other", create=False)
    assert "other" not in StudyStore.names(url)


def layout_of(url: str, name: str, layout: int | None) -> None:
    """Make the study one of another layout; None is from before layouts had a version."""
    study = optuna.load_study(storage=url, study_name=name)
    if layout is None:
        study._storage._backend.engine.dispose()  # type: ignore[attr-defined]
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sa.text("DELETE FROM study_user_attributes WHERE key = 'layout'"))
        engine.dispose()
    else:
        study.set_user_attr("layout", layout)


@pytest.mark.parametrize(
    ("layout", "version"), [(None, "an earlier"), (0, "an earlier"), (LAYOUT + 1, "a later")]
)
@pytest.mark.parametrize("create", [False, True])
def test_a_study_of_another_layout_is_refused_with_what_to_do(
    url: str, name: str, layout: int | None, version: str, create: bool
) -> None:
    with StudyStore.open(url, name, identity=IDENTITY) as store:
        store.study.ask()
    layout_of(url, name, layout)
    with pytest.raises(StudyError) as error:
        StudyStore.open(url, name, create=create)
    assert str(error.value) == (
        f"study {name!r} was made by {version} version of nas-search: use --study NAME for a new one, "
        "or read it with the version that made it"
    )


def test_a_study_that_was_killed_while_it_was_made_is_marked_by_the_next_run(url: str, name: str) -> None:
    StudyStore.open(url, name).close()
    layout_of(url, name, None)
    StudyStore.open(url, name, create=False).close()  # there is nothing in it that a reader could misread
    with StudyStore.open(url, name) as store:
        assert StudyAttributes.from_study(store.study).layout == LAYOUT


def test_a_foreign_optuna_study_is_refused(url: str, name: str) -> None:
    StudyStore.open(url, name + "-ours").close()
    optuna.create_study(storage=url, study_name=name)
    with pytest.raises(StudyError, match="does not minimise a distance and MACs"):
        StudyStore.open(url, name)


@pytest.mark.parametrize(
    ("attributes", "trials"),
    [
        ({}, 1),
        ({"config": "x.yaml"}, 1),
        ({"config": "x.yaml"}, 0),
        ({"layout": "grid"}, 1),
        ({"space": "floats", "config": "x.yaml"}, 1),
    ],
)
@pytest.mark.parametrize("create", [False, True])
def test_a_foreign_study_of_two_objectives_is_refused_as_such(
    url: str, name: str, attributes: dict[str, str], trials: int, create: bool
) -> None:
    StudyStore.open(url, name + "-ours").close()
    foreign = optuna.create_study(storage=url, study_name=name, directions=["minimize"] * 2)
    for key, value in attributes.items():
        foreign.set_user_attr(key, value)
    for _ in range(trials):
        foreign.ask()
    with pytest.raises(StudyError) as error:
        StudyStore.open(url, name, create=create)
    assert str(error.value) == f"study {name!r} was not made by nas-search: name another with --study"


def test_an_earlier_study_whose_attributes_cannot_be_read_any_more_is_called_so(url: str, name: str) -> None:
    with StudyStore.open(url, name, identity=IDENTITY) as store:
        store.study.ask()
        store.study.set_user_attr("config", "x.toml")
    layout_of(url, name, 0)
    with pytest.raises(StudyError, match="made by an earlier version of nas-search"):
        StudyStore.open(url, name)


def test_a_deleted_study_leaves_no_rungs_to_its_namesake(url: str, name: str) -> None:
    with StudyStore.open(url, name) as store:
        store.record_rung(rung())
        optuna.delete_study(study_name=name, storage=store.study._storage)
    with StudyStore.open(url, name) as store, store.lease():
        assert store.rungs() == []


# Rungs


def test_rungs_come_back_equal_and_in_order(url: str, name: str) -> None:
    records = [rung(trial, step, fid=100 / (1 + trial + step)) for trial in range(3) for step in range(3)]
    with StudyStore.open(url, name) as store:
        for record in reversed(records):
            store.record_rung(record)
        assert store.rungs() == records
        assert store.rungs(trial=1) == records[3:6]
        assert store.rungs(trial=9) == []


def test_recording_a_rung_again_replaces_it(url: str, name: str) -> None:
    with StudyStore.open(url, name) as store:
        for fid in (50.0, 40.0, 40.0):
            store.record_rung(rung(fid=fid))
        assert [record.fid for record in store.rungs()] == [40.0]


def test_rungs_of_two_studies_do_not_mix(url: str, name: str) -> None:
    with StudyStore.open(url, name) as one, StudyStore.open(url, name + "-two") as two:
        one.record_rung(rung())
        assert two.rungs() == []


def test_large_counts_and_a_loss_that_is_nan_survive(url: str, name: str) -> None:
    with StudyStore.open(url, name) as store:
        store.record_rung(rung(images=10**12, losses={"r1": math.nan}))
        (record,) = store.rungs()
        assert record.images == 10**12
        assert math.isnan(record.losses["r1"])


@pytest.mark.parametrize("fid", [math.nan, math.inf])
def test_a_fid_that_is_no_number_is_no_rung(fid: float) -> None:
    with pytest.raises(ValidationError):
        rung(fid=fid)


# Trials


def test_a_running_trial_resumes_under_its_own_number(url: str, name: str) -> None:
    with StudyStore.open(url, name) as store:
        width = store.study.ask().suggest_int("width", 8, 64)
    with StudyStore.open(url, name) as resumed:
        trial = resumed.trial(0)
        assert trial.params == {"width": width}
        trial.set_user_attr("macs", 123)
        resumed.study.tell(trial, [40.0, 123])
        (told,) = resumed.study.trials
        assert (told.state, told.user_attrs, told.params) == (
            TrialState.COMPLETE,
            {"macs": 123},
            {"width": width},
        )


def test_a_finished_or_missing_trial_can_not_resume(url: str, name: str) -> None:
    with StudyStore.open(url, name) as store:
        store.study.tell(store.study.ask(), state=TrialState.PRUNED)
        with pytest.raises(StudyError, match=r"trial 0 .* PRUNED"):
            store.trial(0)
        with pytest.raises(StudyError, match=r"trial 1 .* missing"):
            store.trial(1)
