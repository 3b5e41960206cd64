"""Training follows its recipe step by step, and each network learns in its own step only."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from distill.adversarial import DiscriminatorStep, Terms
from distill.data import ImageStream, load_images
from distill.errors import DataError, RecipeError, TrainingDivergedError
from distill.recipes import (
    DglGan,
    GeneratorStep,
    PathLengths,
    WeightDecay,
)
from distill.schedules import Ramp, Schedule
from distill.tasks import NoiseTask
from distill.teachers import Teacher, TeacherCache, load_teacher
from distill.training.config import TrainingConfig
from distill.training.readings import READ_EVERY, Progress
from distill.training.teaching import Teaching
from distill.training.trainer import MOST_SKIPPED, Trainer
from tests.distill.trainings import BATCH, CONFIG, DATA, LINEAR, Log, Make, same, saved, snapshot


def test_a_training_leaves_global_randomness_alone(make: Make) -> None:
    trainer = make()
    state = torch.get_rng_state()
    trainer.train(3 * BATCH)
    assert torch.equal(torch.get_rng_state(), state)
    assert saved(trainer) is not None


def test_the_same_seed_gives_the_same_result_and_another_one_another(make: Make) -> None:
    one, other, different = make(), make(), make(config=replace(CONFIG, seed=6))
    for trainer in (one, other, different):
        trainer.train(5 * BATCH)
    assert same(one.state_dict(), other.state_dict())
    assert not same(snapshot(one.student), snapshot(different.student))


def test_the_weight_of_the_teacher_is_logged_at_every_step_and_follows_its_schedule(make: Make) -> None:
    trainer, log = make(), list[Progress]()
    trainer.train(CONFIG.images, log.append)
    assert [progress.images for progress in log] == [BATCH * (i + 1) for i in range(40)]
    assert [p.kd_weight for p in log] == [LINEAR(i * BATCH / CONFIG.images) for i in range(40)]
    assert log[0].kd_weight == 3.0
    assert {p.kd_weight for p in log[20:]} == {0.0}
    assert all(p.losses for p in log)


def test_a_log_entry_is_not_rewritten_later(make: Make) -> None:
    trainer, log = make(), list[Progress]()
    trainer.train(2 * READ_EVERY * BATCH, log.append)
    assert log[0].losses["g_adversarial"] != log[-1].losses["g_adversarial"]


def test_a_term_that_is_over_is_not_logged_any_more(make: Make) -> None:
    trainer = make()
    trainer.train(10 * BATCH)
    assert {"g_pixel", "g_feature", "d_r1", "d_adversarial", "g_adversarial"} <= set(trainer.losses)
    trainer.train(CONFIG.images)
    assert set(trainer.losses) == {"d_r1", "d_adversarial", "g_adversarial"}


def test_the_teacher_is_asked_only_while_it_has_weight(make: Make) -> None:
    log = Log(WeightDecay(LINEAR))
    make(log).train(CONFIG.images)
    asked = [step.batch.teacher is not None for step, _ in log.generator_steps]
    assert asked == [True] * 20 + [False] * 20
    assert all(step.kd_weight > 0 for step, _ in log.generator_steps[:20])


def test_a_student_sees_the_teachers_images_for_its_own_inputs(make: Make, teacher: Teacher) -> None:
    log = Log(WeightDecay(LINEAR))
    trainer = make(log)
    inputs: list[Tensor] = []
    trainer.student.register_forward_pre_hook(lambda module, args: inputs.append(args[0]))
    trainer.train(2 * BATCH)
    for (step, _), z in zip(log.generator_steps, inputs[1::2], strict=True):
        assert step.batch.teacher is not None
        with torch.no_grad():
            rendered = teacher.generator(z).clamp(-1, 1)
        assert (step.batch.teacher - rendered).abs().max() < 0.01


def test_without_a_teacher_cache_training_is_plainly_adversarial(make: Make) -> None:
    log = Log(WeightDecay(LINEAR))
    make(log, teachings=[Teaching()]).train(3 * BATCH)
    assert [terms for _, terms in log.generator_steps] == [{"g_adversarial"}] * 3


def test_each_network_learns_in_its_own_step_only(make: Make) -> None:
    log = Log(WeightDecay(LINEAR))
    trainer = make(log)
    weights: dict[str, Any] = {}

    def look(network: str) -> dict[str, Tensor]:
        return {n: p.detach().clone() for n, p in getattr(trainer, network).named_parameters()}

    def discriminator_learns() -> None:
        weights["student"], weights["discriminator"] = look("student"), look("discriminator")
        assert all(p.requires_grad for p in trainer.discriminator.parameters())

    def generator_learns() -> None:
        assert same(look("student"), weights["student"])
        assert not same(look("discriminator"), weights["discriminator"])
        assert not any(p.requires_grad for p in trainer.discriminator.parameters())
        weights["discriminator"] = look("discriminator")

    def step_done(progress: Progress) -> None:
        assert not same(look("student"), weights["student"])
        assert same(look("discriminator"), weights["discriminator"])

    log.on_discriminator, log.on_generator = discriminator_learns, generator_learns
    trainer.train(3 * BATCH, step_done)
    assert all(not step.fake.requires_grad for step, _ in log.seen_by_discriminator)


def test_the_teachers_discriminator_learns_nothing(make: Make) -> None:
    trainer = make()
    assert trainer.teaching.discriminator is not None
    before = snapshot(trainer.teaching.discriminator)
    trainer.train(5 * BATCH)
    assert same(snapshot(trainer.teaching.discriminator), before)
    assert all(p.grad is None for p in trainer.teaching.discriminator.parameters())


def test_networks_that_come_frozen_from_a_file_are_trained_all_the_same(make: Make, teacher: Teacher) -> None:
    student = copy.deepcopy(teacher.generator)
    discriminator = copy.deepcopy(teacher.discriminator)
    assert discriminator is not None
    task = NoiseTask(DATA, student.input_specs)
    trainer = Trainer(student, discriminator, WeightDecay(LINEAR), task, CONFIG)
    trainer.train(2 * BATCH)
    assert not same(snapshot(student), snapshot(teacher.generator))


def test_the_students_rate_follows_the_adversarial_weight_and_the_discriminators_does_not(make: Make) -> None:
    config = replace(CONFIG, images=4 * BATCH, generator_lr=0.002, discriminator_lr=0.003, similarity_lr=0.01)
    trainer = make(WeightDecay(Schedule(), ramp=Ramp(begin=0.5, full=1.0)), config)
    rates: list[float] = []
    trainer.train(4 * BATCH, lambda _: rates.append(trainer.generator_optimizer.param_groups[0]["lr"]))
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.006])
    assert trainer.discriminator_optimizer.param_groups[0]["lr"] == 0.003


def test_a_recipe_without_need_of_the_teachers_images_gets_fresh_latents(make: Make) -> None:
    log = Log(DglGan(paths=PathLengths(0.0)))
    log.needs_teacher_images = False
    trainer = make(log)
    trainer.train(CONFIG.images)
    steps = [step for step, _ in log.generator_steps]
    assert all(step.batch.teacher is None for step in steps)
    weights = [step.kd_weight for step in steps]
    assert weights == [0.0] * 20 + [0.1] * 20, "stage II is the second half"


def test_real_images_come_from_the_data_all_of_them_in_every_epoch(make: Make) -> None:
    log = Log(WeightDecay(LINEAR))
    make(log, replace(CONFIG, mirror=False)).train(37 * BATCH)
    shown = torch.cat([step.real for step, _ in log.seen_by_discriminator])
    known = {tuple(image.flatten().tolist()) for image in DATA.images / 127.5 - 1.0}
    for epoch in shown.split(37):
        assert {tuple(image.flatten().tolist()) for image in epoch} == known


def test_the_average_follows_the_student_at_its_half_life(make: Make) -> None:
    trainer = make()
    expected = {n: p.detach().clone() for n, p in trainer.student.named_parameters()}
    start = copy.deepcopy(expected)

    def follow(progress: Progress) -> None:
        half_life = min(CONFIG.ema_half_life, CONFIG.ema_rampup * progress.images)
        decay = 0.5 ** (BATCH / half_life)
        for name, parameter in trainer.student.named_parameters():
            expected[name] = decay * expected[name] + (1 - decay) * parameter.detach()

    trainer.train(20 * BATCH, follow)
    average = dict(trainer.ema.named_parameters())
    for name, parameter in trainer.student.named_parameters():
        assert torch.allclose(average[name], expected[name], rtol=1e-4, atol=1e-5), name
        assert not torch.equal(average[name], parameter)
        assert not torch.equal(average[name], start[name])
    for mine, theirs in zip(trainer.ema.buffers(), trainer.student.buffers(), strict=True):
        assert torch.equal(mine, theirs)
    assert not trainer.ema.training
    assert trainer.student.training


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_stays_not_finite_ends_the_training(make: Make, value: float) -> None:
    @dataclass(frozen=True)
    class Broken(WeightDecay):
        def generator_terms(self, step: GeneratorStep) -> Terms:
            terms = super().generator_terms(step)
            return terms | {"g_odd": step.fake.sum() * 0 + (value if len(calls) > 5 else 0.0)}

        def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
            calls.append(step.step)
            return super().discriminator_terms(step)

    calls: list[int] = []
    with pytest.raises(
        TrainingDivergedError, match=r"(g_odd|d_\w+|g_\w+|gap) is -?(nan|inf) after \d+ images"
    ):
        make(Broken(LINEAR)).train(200 * BATCH)
    assert 5 + 2 * MOST_SKIPPED < len(calls) <= 5 + 2 * MOST_SKIPPED + READ_EVERY + 1


def test_a_loss_that_is_not_finite_in_the_very_last_step_is_noticed(make: Make) -> None:
    trainer = make()
    trainer.train(4 * BATCH)
    nn.init.constant_(trainer.student.const, float("nan"))
    with pytest.raises(TrainingDivergedError):
        trainer.train(5 * BATCH)


def test_a_target_between_two_batches_is_reached_by_a_whole_one(make: Make) -> None:
    trainer = make()
    trainer.train(BATCH + 1)
    assert trainer.images == 2 * BATCH


ADAPTIVE = Schedule("adaptive", start=3.0, begin=0.0, finish=1.0)


def test_training_brings_the_gap_of_the_teachers_discriminator_into_the_schedule(make: Make) -> None:
    trainer, log = make(WeightDecay(ADAPTIVE)), list[Progress]()
    trainer.train(READ_EVERY * 2 * BATCH, log.append)
    assert log[0].kd_weight == 3.0
    assert len({p.kd_weight for p in log}) > 1
    assert trainer.gap is not None
    assert trainer.gap >= 0
    assert trainer.kd_weight == pytest.approx(3.0 * min(1.0, trainer.gap))


class Always(nn.Module):
    """A discriminator whose logit is the same for every image."""

    takes_input_image = False

    def __init__(self, logit: float) -> None:
        super().__init__()
        self.logit = logit

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(1, 2, 3)) * 0 + self.logit

    def features(self, images: Tensor) -> list[Tensor]:
        return [images]


@pytest.mark.parametrize(("logit", "gap"), [(-0.25, 0.25), (-7.0, 7.0), (2.0, 0.0)])
def test_an_adaptive_weight_follows_the_discriminator_that_does_not_move(
    make: Make, cache: TeacherCache, logit: float, gap: float
) -> None:
    """Before adversarial training starts, too: the student's own discriminator has no part in it."""
    for ramp in (Ramp(), Ramp(0.9, 1.0)):
        trainer = make(WeightDecay(ADAPTIVE, ramp=ramp), teachings=[Teaching(cache, Always(logit))])
        trainer.train(BATCH)
        assert trainer.gap == pytest.approx(gap)
        assert trainer.kd_weight == pytest.approx(3.0 * min(1.0, gap))


def test_without_an_adaptive_schedule_the_teachers_discriminator_is_not_asked_for_its_gap(make: Make) -> None:
    trainer = make()
    trainer.train(2 * READ_EVERY * BATCH)
    assert trainer.gap is None


def test_an_adaptive_weight_without_a_frozen_discriminator_is_refused(make: Make) -> None:
    says = "--kd-schedule adaptive follows the teacher's frozen discriminator, and the teacher has none: give"
    with pytest.raises(RecipeError, match=says):
        make(WeightDecay(ADAPTIVE), teachings=[Teaching()])


# Classes

CONDITIONAL = Path(__file__).parents[2] / "data" / "reference" / "nvidia_32_conditional.pkl"


def test_a_student_with_classes_is_trained_on_labelled_images() -> None:
    teacher = load_teacher(CONDITIONAL)
    assert teacher.discriminator is not None
    labels_seen: list[Tensor] = []
    teacher.discriminator.register_forward_pre_hook(lambda module, inputs: labels_seen.append(inputs[1]))
    data = load_images("digits", 32, 3)
    config = TrainingConfig(images=16, batch_size=4)
    task = NoiseTask(data, teacher.generator.input_specs)
    trainer = Trainer(teacher.generator, teacher.discriminator, WeightDecay(), task, config)
    trainer.train(8)
    assert all(math.isfinite(value) for value in trainer.losses.values())
    assert {tuple(labels.shape) for labels in labels_seen} == {(4, 10)}
    order = ImageStream(data.images, 4, config.seed, labels=data.labels)
    first = order.next_batch()[1]
    assert first is not None
    assert any(torch.equal(labels.argmax(dim=1), first) for labels in labels_seen), (
        "real images have their own"
    )


def test_images_without_labels_can_not_train_a_student_with_classes() -> None:
    teacher = load_teacher(CONDITIONAL)
    assert teacher.discriminator is not None
    digits = load_images("digits", 32, 3)
    for data, says in (
        (replace(digits, labels=None, classes=()), "has no labels and the teacher has 10 classes"),
        (replace(digits, classes=tuple("0123456789AB")), "has 12 classes and the teacher 10"),
    ):
        task = NoiseTask(data, teacher.generator.input_specs)
        with pytest.raises(DataError, match=says):
            Trainer(teacher.generator, teacher.discriminator, WeightDecay(), task, TrainingConfig(images=16))
