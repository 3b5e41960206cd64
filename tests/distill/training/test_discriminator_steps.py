"""What the discriminator sees and when it is trained."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from distill.adversarial import Logistic, Relativistic, Wasserstein
from distill.recipes import (
    AdversarialTraining,
    CompressingGans,
    PathLengths,
    WeightDecay,
)
from distill.schedules import Ramp, Schedule
from distill.training.augmentation import ADJUST_EVERY, Augment
from distill.training.config import images_in_whole_steps
from tests.distill.trainings import BATCH, CONFIG, LINEAR, Log, Make, same, saved, snapshot


def test_a_discriminator_that_takes_more_steps_sees_more_images_and_every_one_counts(make: Make) -> None:
    log = Log(AdversarialTraining(Wasserstein(discriminator_steps=3), PathLengths(0.0)))
    trainer = make(log)
    trainer.train(7 * BATCH)
    assert trainer.images == 9 * BATCH, "whole steps: three of the discriminator, one of the student"
    assert trainer.step == len(log.generator_steps) == 3
    assert [step.step for step, _ in log.seen_by_discriminator] == list(range(9))
    seen = [step.real for step, _ in log.seen_by_discriminator]
    assert not any(torch.equal(one, other) for one, other in pairwise(seen))


def test_without_a_discriminator_only_the_student_learns(make: Make) -> None:
    log = Log(CompressingGans(Schedule("constant", start=1.0)))
    trainer = make(log)
    before, stream = snapshot(trainer.discriminator), trainer.stream.state_dict()["images"]
    trainer.discriminator.register_forward_pre_hook(
        lambda module, args: pytest.fail("the discriminator was asked")
    )
    trainer.train(3 * BATCH)
    assert (trainer.images, len(log.generator_steps)) == (3 * BATCH, 3)
    assert not log.seen_by_discriminator
    assert same(snapshot(trainer.discriminator), before)
    assert same(trainer.stream.state_dict()["images"], stream), "no real image was looked at"
    assert trainer.gap is None, "there is no discriminator to fool"


def test_before_adversarial_training_starts_only_the_teacher_teaches(make: Make) -> None:
    log = Log(WeightDecay(LINEAR, ramp=Ramp(0.25, 0.75)))
    trainer = make(log)
    before = snapshot(trainer.discriminator)
    trainer.train(CONFIG.images // 4)
    assert same(snapshot(trainer.discriminator), before)
    assert trainer.gap is None
    assert all("g_adversarial" not in terms for _, terms in log.generator_steps)
    trainer.train(CONFIG.images)
    steps = [step for step, _ in log.generator_steps]
    assert [step.adversarial_weight for step in steps] == [Ramp(0.25, 0.75)(i / 40) for i in range(40)]
    assert len(log.seen_by_discriminator) == 30
    assert [step.step for step, _ in log.seen_by_discriminator] == list(range(30))


def test_a_step_without_a_discriminator_counts_the_images_that_the_student_makes(make: Make) -> None:
    recipe = WeightDecay(LINEAR, Wasserstein(discriminator_steps=3), ramp=Ramp(0.5, 0.5))
    trainer, seen = make(recipe), list[int]()
    trainer.train(CONFIG.images, lambda progress: seen.append(progress.images))
    assert seen[:20] == [BATCH * (i + 1) for i in range(20)]
    assert seen[20] == seen[19] + 3 * BATCH
    for until in (BATCH + 1, CONFIG.images // 2 + 1, CONFIG.images):
        found = images_in_whole_steps(recipe, BATCH, CONFIG.images, until)
        assert found == next(images for images in seen if images >= until)


def test_the_discriminator_is_regularised_every_sixteenth_step(make: Make) -> None:
    log = Log(WeightDecay(LINEAR))
    make(log).train(35 * BATCH)
    assert [i for i, (_, terms) in enumerate(log.seen_by_discriminator) if "d_r1" in terms] == [0, 16, 32]
    assert [step.step for step, _ in log.seen_by_discriminator] == list(range(35))


def test_everything_that_the_discriminator_sees_is_augmented_and_nothing_else(make: Make) -> None:
    class White(Augment):
        def forward(self, images: Tensor) -> Tensor:
            return images * 0 + 1

    log = Log(WeightDecay(LINEAR))
    trainer, seen = make(log, augment=White()), list[Tensor]()
    trainer.discriminator.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    trainer.train(2 * BATCH)
    assert len(seen) == 6
    assert all(bool((images == 1).all()) for images in seen)
    assert all(not bool((step.fake == 1).all()) for step, _ in log.generator_steps)


def test_augmentation_follows_the_real_images_every_fourth_step_and_resumes_to_the_bit(make: Make) -> None:
    recipe = AdversarialTraining(Logistic(r1_gamma=1.0))
    straight, first, second = (make(recipe, augment=Augment(0.5, target=-2.0)) for _ in range(3))
    straight.train(ADJUST_EVERY * BATCH)
    assert straight.augment is not None
    assert float(straight.augment.p) > 0.5
    straight.train(11 * BATCH)
    first.train(7 * BATCH)
    second.load_state_dict(saved(first))
    second.train(11 * BATCH)
    assert same(second.state_dict(), straight.state_dict())


def test_only_a_loss_that_compares_gets_logits_of_the_real_images_that_the_discriminator_saw_last(
    make: Make,
) -> None:
    plain, paired = (Log(WeightDecay(LINEAR, loss)) for loss in (Logistic(), Relativistic()))
    make(plain).train(3 * BATCH)
    assert all(step.real_logits is None for step, _ in plain.generator_steps)
    trainer = make(paired)
    logits = list[Tensor]()

    def compute() -> None:
        with torch.no_grad():
            logits.append(trainer.discriminator(paired.seen_by_discriminator[-1][0].real))

    paired.on_generator = compute
    trainer.train(3 * BATCH)
    for (step, _), expected in zip(paired.generator_steps, logits, strict=True):
        assert step.batch.teacher is not None, "its latents are still the teacher's"
        assert step.real_logits is not None
        assert torch.allclose(step.real_logits, expected, atol=1e-5)
        assert not step.real_logits.requires_grad
