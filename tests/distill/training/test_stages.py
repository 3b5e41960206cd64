"""Stages of a recipe: each takes over weights, and begins with fresh optimizers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from distill.errors import TrainingError
from distill.recipes import DglGan, PathLengths, WeightDecay
from distill.schedules import Schedule
from distill.training.config import TrainingConfig
from distill.training.readings import Progress
from distill.training.trainer import STAGE, Trainer
from tests.distill.trainings import BATCH, CONFIG, Make, same, saved, snapshot

TWO_STAGES = DglGan(paths=PathLengths(0.0))
SWITCH = CONFIG.images // 2


def steps_taken(trainer: Trainer) -> set[float]:
    """Steps that Adam has counted, of both networks."""
    optimizers = (trainer.generator_optimizer, trainer.discriminator_optimizer)
    return {float(state["step"]) for each in optimizers for state in each.state.values()}


def test_stage_two_starts_from_the_weights_of_stage_one_with_fresh_optimizers(make: Make) -> None:
    trainer = make(TWO_STAGES)
    trainer.train(SWITCH)
    assert steps_taken(trainer) == {20.0}
    before = [p.detach().clone() for p in trainer.student.parameters()]
    trainer.train(SWITCH + BATCH)
    assert steps_taken(trainer) == {1.0}, "moments of stage I are forgotten"
    for old, new in zip(before, trainer.student.parameters(), strict=True):
        assert float((old - new.detach()).abs().max()) <= 1.05 * CONFIG.generator_lr, (
            "one step of Adam from there"
        )


def test_the_switch_of_stages_is_in_the_records(make: Make) -> None:
    trainer, log = make(TWO_STAGES), list[Progress]()
    trainer.train(CONFIG.images, log.append)
    stages = [(p.kd_weight, p.losses[STAGE]) for p in log if p.images in (BATCH, CONFIG.images)]
    assert stages == [(0.0, 1), (0.1, 2)]


def test_a_training_resumed_after_the_switch_keeps_its_optimizers(make: Make) -> None:
    straight, first, second = (make(TWO_STAGES) for _ in range(3))
    straight.train(SWITCH + 4 * BATCH)
    first.train(SWITCH + 2 * BATCH)
    second.load_state_dict(saved(first))
    second.train(SWITCH + 4 * BATCH)
    assert steps_taken(second) == {4.0}
    assert same(second.state_dict(), straight.state_dict())


@pytest.mark.parametrize("recipe", [WeightDecay(), DglGan(Schedule("constant", start=0.1))])
def test_recipes_without_stages_keep_their_optimizers(make: Make, recipe: Any) -> None:
    trainer = make(recipe)
    trainer.train(CONFIG.images)
    assert {recipe.stage(i / 10) for i in range(11)} == {0}
    assert float(max(steps_taken(trainer))) == 40.0
    assert STAGE not in trainer.losses


def test_learning_rates_fall_from_where_they_are_asked_to(make: Make) -> None:
    falling = TrainingConfig(images=40 * BATCH, batch_size=BATCH, ema_half_life=20, lr_decay_start=0.5)
    trainer, rates = make(config=falling), list[tuple[float, float]]()

    def note(progress: Progress) -> None:
        optimizers = (trainer.generator_optimizer, trainer.discriminator_optimizer)
        rates.append(tuple(each.param_groups[0]["lr"] for each in optimizers))  # type: ignore[arg-type]  # rates are numbers

    trainer.train(falling.images, note)
    assert rates[20] == (2e-3, 2e-3)
    assert rates[30] == pytest.approx((1e-3, 1e-3))
    assert rates[39] == pytest.approx((1e-4, 1e-4))


def test_terms_of_the_student_can_be_looked_at_without_training(make: Make) -> None:
    trainer = make()
    trainer.train(2 * BATCH)
    before = [p.detach().clone() for p in trainer.student.parameters()]
    terms = trainer.student_terms(3.0)
    assert terms.keys() == {"g_adversarial", "g_pixel", "g_feature"}
    gradients = torch.autograd.grad(terms["g_pixel"], list(trainer.student.parameters()), allow_unused=True)
    assert any(each is not None and bool(each.any()) for each in gradients)
    assert all(torch.equal(a, b) for a, b in zip(before, trainer.student.parameters(), strict=True))
    assert trainer.student_terms(0.0).keys() == {"g_adversarial"}


@pytest.mark.parametrize("wrong", [-0.1, 1.5])
def test_rates_that_fall_outside_of_the_training_are_refused(wrong: float) -> None:
    with pytest.raises(
        TrainingError, match=f"rates that fall from {wrong:g} of the training on: give a frac"
    ):
        TrainingConfig(images=100, lr_decay_start=wrong)


def test_an_average_that_is_restarted_is_the_student_of_that_moment(make: Make) -> None:
    trainer = make()
    trainer.train(3 * BATCH)
    assert not same(snapshot(trainer.ema), snapshot(trainer.student))
    trainer.restart_average()
    assert same(snapshot(trainer.ema), snapshot(trainer.student))
