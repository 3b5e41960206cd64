"""A training that stops and resumes ends to the bit as one that does not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from distill.adversarial import Logistic, Relativistic
from distill.recipes import (
    AdversarialTraining,
    WeightDecay,
)
from distill.schedules import Schedule
from distill.training.readings import READ_EVERY
from tests.distill.trainings import BATCH, LINEAR, Make, same, saved


@pytest.mark.parametrize(
    ("shape", "stop"),
    [
        ("linear", 10),
        ("linear", READ_EVERY),
        ("adaptive", 1),
        ("adaptive", READ_EVERY + 1),
        ("adaptive", 18),
    ],
)
def test_a_training_resumes_to_the_bit(make: Make, shape: str, stop: int) -> None:
    recipe = WeightDecay(Schedule(shape, start=3.0, begin=0.0, finish=0.9))
    straight, first, second = make(recipe), make(recipe), make(recipe)
    straight.train(2 * 18 * BATCH)
    first.train(stop * BATCH)
    second.load_state_dict(saved(first))
    second.train(2 * 18 * BATCH)
    assert same(second.state_dict(), straight.state_dict())


def test_stopping_in_between_changes_nothing(make: Make) -> None:
    recipe = WeightDecay(Schedule("adaptive", start=3.0, begin=0.0, finish=0.9))
    straight, halting = make(recipe), make(recipe)
    straight.train(24 * BATCH)
    for steps in (1, 2, 9, 17, 20, 24, 24):
        halting.train(steps * BATCH)
    assert same(halting.state_dict(), straight.state_dict())


def test_what_happens_between_two_trainings_changes_nothing(make: Make) -> None:
    plain, disturbed = make(), make()
    plain.train(6 * BATCH)
    disturbed.train(3 * BATCH)
    torch.manual_seed(0)
    torch.rand(100)
    disturbed.train(6 * BATCH)
    assert same(disturbed.state_dict(), plain.state_dict())


def test_a_training_that_is_done_does_nothing(make: Make) -> None:
    trainer = make()
    trainer.train(2 * BATCH)
    before = copy.deepcopy(trainer.state_dict())
    trainer.train(2 * BATCH)
    trainer.train(BATCH)
    assert same(trainer.state_dict(), before)


def test_what_a_recipe_remembers_survives_a_stop(make: Make) -> None:
    recipe = AdversarialTraining(Logistic(r1_gamma=1.0))
    first, second = make(recipe), make(recipe)
    first.train(5 * BATCH)
    assert float(first.recipe_state["path_length"]) > 0
    second.load_state_dict(saved(first))
    assert same(second.recipe_state, first.recipe_state)


def test_a_training_can_be_asked_to_stop_after_any_step(make: Make) -> None:
    straight, stopped = make(), make()
    straight.train(9 * BATCH)
    stopped.train(9 * BATCH, stop=lambda: stopped.images >= 4 * BATCH)
    assert stopped.images == 4 * BATCH
    stopped.train(9 * BATCH)
    assert same(stopped.state_dict(), straight.state_dict())


def test_a_relativistic_training_resumes_to_the_bit(make: Make) -> None:
    recipe = WeightDecay(LINEAR, Relativistic())
    straight, first, second = make(recipe), make(recipe), make(recipe)
    straight.train(8 * BATCH)
    first.train(3 * BATCH)
    second.load_state_dict(saved(first))
    second.train(8 * BATCH)
    assert same(second.state_dict(), straight.state_dict())


def test_a_state_that_is_saved_after_any_step_resumes_to_the_bit(make: Make) -> None:
    straight, first = make(), make()
    straight.train(20 * BATCH)
    states: list[dict[str, Any]] = []
    first.train(20 * BATCH, lambda _: states.append(saved(first)))
    for state in (states[0], states[8], states[READ_EVERY - 1], states[READ_EVERY], states[18]):
        torch.rand(7)
        resumed = make()
        resumed.load_state_dict(state)
        resumed.train(20 * BATCH)
        assert same(resumed.state_dict(), straight.state_dict())
