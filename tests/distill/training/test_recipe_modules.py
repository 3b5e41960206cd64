"""Networks that a recipe brings are trained with the student, checkpointed, and start from the seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from distill.adversarial import Terms
from distill.recipes import GeneratorStep, WeightDecay
from search_spaces import Generator
from tests.distill.trainings import BATCH, LINEAR, Make, same, saved, snapshot


@dataclass(frozen=True)
class Projected(WeightDecay):
    """The student's image through a 1×1 projection, pulled to the teacher's."""

    name: ClassVar = "projected"

    def modules(self, student: Generator, teacher: Generator | None) -> nn.ModuleDict:
        channels = student.image_shape[0]
        return nn.ModuleDict({"projection": nn.Conv2d(channels, channels, 1)})

    def generator_terms(self, step: GeneratorStep) -> Terms:
        terms = {"g_adversarial": self.adversarial.generator_losses(step.logits, step.real_logits).mean()}
        if step.batch.teacher is not None:
            projected = step.modules["projection"](step.fake)
            terms["g_projected"] = (projected - step.batch.teacher).square().mean()
        return terms


def test_they_are_trained_with_the_student(make: Make) -> None:
    trainer = make(Projected(LINEAR))
    before = snapshot(trainer.recipe_modules)
    trainer.train(3 * BATCH)
    assert before.keys() == {"projection.weight", "projection.bias"}
    assert not any(torch.equal(before[name], now) for name, now in snapshot(trainer.recipe_modules).items())
    assert "g_projected" in trainer.losses


def test_they_start_from_the_seed_and_disturb_no_other_randomness(make: Make) -> None:
    one, other, plain = make(Projected(LINEAR)), make(Projected(LINEAR)), make()
    assert same(snapshot(one.recipe_modules), snapshot(other.recipe_modules))
    assert same(snapshot(one.student), snapshot(plain.student))
    assert len(plain.recipe_modules) == 0


def test_a_resumed_training_continues_them_to_the_bit(make: Make) -> None:
    straight, stopped, resumed = (make(Projected(LINEAR)) for _ in range(3))
    straight.train(7 * BATCH)
    stopped.train(4 * BATCH)
    resumed.load_state_dict(saved(stopped))
    resumed.train(7 * BATCH)
    assert same(resumed.state_dict(), straight.state_dict())


def test_they_are_no_part_of_the_student(make: Make) -> None:
    trainer = make(Projected(LINEAR))
    assert snapshot(trainer.student).keys() == snapshot(make().student).keys()
    assert snapshot(trainer.ema).keys() == snapshot(trainer.student).keys()
