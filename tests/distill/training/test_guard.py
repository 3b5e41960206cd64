"""Steps that are NaN or infinite are skipped whole, counted, and in the end too many."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from distill.adversarial import DiscriminatorStep, Terms
from distill.errors import TrainingDivergedError
from distill.recipes import GeneratorStep, WeightDecay
from distill.training.optimizers import SLOWER
from distill.training.trainer import MOST_SKIPPED, SKIPPED
from tests.distill.trainings import BATCH, LINEAR, Make, same, saved


class _Spoil(torch.autograd.Function):
    """The identity, with gradients that are NaN."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:  # type: ignore[override]  # torch takes any
        return gradients[0] * float("nan")


@dataclass(frozen=True)
class Spoilt(WeightDecay):
    """Some steps have a loss that is not finite, or gradients that are not."""

    steps: Collection[int] = field(default=(), kw_only=True)
    what: str = field(default="loss", kw_only=True)

    def generator_terms(self, step: GeneratorStep) -> Terms:
        terms = super().generator_terms(step)
        if step.step not in self.steps or self.what == "discriminator":
            return terms
        fake = step.fake.mean() * 0.0
        return terms | {"g_odd": fake + float("inf") if self.what == "loss" else _Spoil.apply(fake)}

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        terms = super().discriminator_terms(step)
        spoilt = step.step in self.steps and self.what == "discriminator"
        return terms | {"d_odd": next(iter(terms.values())) * float("nan")} if spoilt else terms


def numbers(state: object) -> list[Tensor]:
    if isinstance(state, Tensor):
        return [state] if state.is_floating_point() else []
    items = state.values() if isinstance(state, dict) else state if isinstance(state, list | tuple) else ()
    return [each for item in items for each in numbers(item)]


@pytest.mark.parametrize("what", ["loss", "gradient", "discriminator"])
def test_a_step_that_is_not_finite_leaves_no_trace_but_its_count(make: Make, what: str) -> None:
    trainer = make(Spoilt(LINEAR, steps=(5, 6, 11), what=what))
    weights: list[list[Tensor]] = []

    def follow(_: object) -> None:
        network = trainer.discriminator if what == "discriminator" else trainer.student
        weights.append([each.detach().clone() for each in network.parameters()])

    trainer.train(20 * BATCH, follow)
    still = [
        step
        for step in range(1, 20)
        if all(torch.equal(a, b) for a, b in zip(weights[step - 1], weights[step], strict=True))
    ]
    assert still == [5, 6, 11]
    assert trainer.losses[SKIPPED] == 3
    assert all(bool(each.isfinite().all()) for each in numbers(trainer.state_dict()))
    assert all(bool(each.isfinite().all()) for each in trainer.ema.parameters())


def test_a_good_training_counts_nothing(make: Make) -> None:
    trainer = make()
    trainer.train(20 * BATCH)
    assert SKIPPED not in trainer.losses
    assert trainer.state_dict()["guard"] == {"skipped": 0, "in_a_row": 0, "rate": 1.0}


def test_after_many_skipped_steps_in_a_row_the_rates_are_lowered_once(make: Make) -> None:
    trainer = make(Spoilt(LINEAR, steps=range(3, 3 + MOST_SKIPPED + 14)))
    trainer.train(50 * BATCH)
    assert trainer.state_dict()["guard"]["rate"] == SLOWER
    for optimizer in (trainer.generator_optimizer, trainer.discriminator_optimizer):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(SLOWER * 2e-3)


def test_many_more_end_the_training_with_the_reason(make: Make) -> None:
    trainer = make(Spoilt(LINEAR, steps=range(3, 1000), what="gradient"))
    with pytest.raises(TrainingDivergedError, match="gradients are NaN or infinite after"):
        trainer.train(100 * BATCH)
    assert trainer.step <= 3 + 3 * MOST_SKIPPED


def test_a_training_of_skipped_steps_only_has_failed(make: Make) -> None:
    with pytest.raises(TrainingDivergedError, match="g_odd is inf after"):
        make(Spoilt(LINEAR, steps=range(100))).train(3 * BATCH)


def test_a_training_with_skipped_steps_resumes_to_the_bit(make: Make) -> None:
    recipe = Spoilt(LINEAR, steps=range(3, 3 + MOST_SKIPPED + 14))
    straight, first = make(recipe), make(recipe)
    straight.train(40 * BATCH)
    for stop in (10, 20, 35):
        first.train(stop * BATCH)
        second = make(recipe)
        second.load_state_dict(saved(first))
        first = second
    first.train(40 * BATCH)
    assert same(first.state_dict(), straight.state_dict())
