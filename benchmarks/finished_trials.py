"""A study grown by finished trials that nobody trained, written in bulk."""

from __future__ import annotations

import json
from typing import Any

import optuna
from optuna.distributions import distribution_to_json
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.orm import Session

from benchmarks.stub import stub_outcome
from nas.study import Rung, RungRecord, StudyStore
from nas.trials import TrialAttributes
from nas.workbench import Workbench
from search_spaces import Utilisation


def fill(store: StudyStore, bench: Workbench, utilisation: Utilisation, trials: int, seed: int) -> None:
    """Add `trials` random finished trials with their rungs, as a search would have left them."""
    config = bench.config
    source = optuna.create_study(
        directions=store.study.directions, sampler=optuna.samplers.RandomSampler(seed)
    )
    present = store.study.get_trials(deepcopy=False)
    known = {TrialAttributes.from_trial(trial).architecture for trial in present}
    number, found = len(present), list[FrozenTrial]()
    rungs: list[RungRecord] = []
    while len(found) < trials:
        asked = source.ask()
        architecture = bench.space.sample(asked, utilisation)
        if str(architecture) in known:
            continue
        known.add(str(architecture))
        last = 2 if number % 4 == 0 else number % 2  # about as halving by two stops them
        outcomes = [stub_outcome(config, number, rung, picture=False) for rung in range(last + 1)]
        rungs += [outcome.record for outcome in outcomes]
        cost = outcomes[-1].cost
        complete = last == len(config.rungs) - 1
        found.append(
            create_trial(
                state=TrialState.COMPLETE if complete else TrialState.PRUNED,
                values=[outcomes[-1].record.fid, cost.macs] if complete else None,
                params=asked.params,
                distributions=asked.distributions,
                user_attrs=TrialAttributes(
                    macs=cost.macs,
                    params=cost.params,
                    architecture_json=architecture.to_json(),
                    architecture=str(architecture),
                ).stored(),
            )
        )
        number += 1
    _insert(store, found, rungs)


def _insert(store: StudyStore, trials: list[FrozenTrial], rungs: list[RungRecord]) -> None:
    """Write in bulk: one by one, as Optuna does it, 10,000 trials would take ten minutes."""
    study, start = store.study._study_id, len(store.study.get_trials(deepcopy=False))
    with Session(store._engine) as session, session.begin():
        rows = [
            models.TrialModel(study_id=study, number=start + i, state=trial.state)
            for i, trial in enumerate(trials)
        ]
        for row, trial in zip(rows, trials, strict=True):
            row.datetime_start, row.datetime_complete = trial.datetime_start, trial.datetime_complete
        session.add_all(rows)
        session.flush()
        for row, trial in zip(rows, trials, strict=True):
            of: dict[str, Any] = {"trial_id": row.trial_id}
            session.add_all(
                models.TrialParamModel(
                    **of,
                    param_name=name,
                    param_value=distribution.to_internal_repr(trial.params[name]),
                    distribution_json=distribution_to_json(distribution),
                )
                for name, distribution in trial.distributions.items()
            )
            session.add_all(
                models.TrialUserAttributeModel(**of, key=key, value_json=json.dumps(value))
                for key, value in trial.user_attrs.items()
            )
            finite = models.TrialValueModel.TrialValueType.FINITE
            session.add_all(
                models.TrialValueModel(**of, objective=i, value=value, value_type=finite)
                for i, value in enumerate(trial.values or ())
            )
        session.add_all(
            Rung(study=store.name, **record.model_dump() | {"losses": json.dumps(record.losses)})
            for record in rungs
        )
