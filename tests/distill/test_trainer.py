"""Training follows its recipe step by step, and goes on after a stop as if there had been none."""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from distill.augment import ADJUST_EVERY, Augment
from distill.bank import TeacherBank, make_bank
from distill.data import ImageSet, ImageStream, load_images
from distill.errors import DataError, TrainingDivergedError, TrainingError
from distill.recipes import (
    AdversarialTraining,
    CompressingGans,
    DglGan,
    DiscriminatorStep,
    GeneratorStep,
    Logistic,
    PathLengths,
    Recipe,
    Terms,
    Wasserstein,
    WeightDecay,
)
from distill.schedules import Schedule
from distill.teacher import Teacher, load_teacher
from distill.trainer import CHECK_EVERY, Progress, Trainer, TrainingConfig
from search_spaces.stylegan2 import Block, StyleGAN2Generator

BATCH = 4
DATA = ImageSet(
    "noise",
    torch.randint(0, 256, (37, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)),
    "0" * 16,
)
CONFIG = TrainingConfig(images=40 * BATCH, batch_size=BATCH, ema_half_life=20, seed=5, mirror=True)
LINEAR = Schedule("linear", start=3.0, end=0.0, begin=0.0, finish=0.5)
Make = Callable[..., Trainer]


@pytest.fixture(scope="module")
def teacher(teacher_file: Path) -> Teacher:
    return load_teacher(teacher_file)


@pytest.fixture(scope="module")
def bank(teacher: Teacher, tmp_path_factory: pytest.TempPathFactory) -> TeacherBank:
    return make_bank(teacher.generator, teacher.digest, tmp_path_factory.mktemp("bank"), size=16)


@pytest.fixture
def make(teacher: Teacher, bank: TeacherBank) -> Make:
    """A new trainer of the same narrow student, whose noise counts, with the teacher's own discriminator."""

    def trainer(recipe: Recipe | None = None, config: TrainingConfig = CONFIG, **options: Any) -> Trainer:
        torch.manual_seed(1)
        shape = replace(
            teacher.generator.architecture, blocks=(Block(6, 1), Block(6), Block(4, 2, "separable"))
        )
        student = StyleGAN2Generator(shape)
        for block in student.blocks:
            for conv in block.convs:
                nn.init.constant_(conv.noise_strength, 0.5)
        defaults = {"bank": bank, "teacher_discriminator": copy.deepcopy(teacher.discriminator)}
        critic = copy.deepcopy(teacher.discriminator)
        assert critic is not None
        return Trainer(student, critic, recipe or WeightDecay(LINEAR), DATA, config, **defaults | options)

    return trainer


@dataclass
class Log:
    """A recipe that does as another does, and remembers."""

    inner: Recipe
    discriminator_steps: list[tuple[DiscriminatorStep, set[str]]] = field(default_factory=list)
    generator_steps: list[tuple[GeneratorStep, set[str]]] = field(default_factory=list)
    on_discriminator: Callable[[], None] = lambda: None
    on_generator: Callable[[], None] = lambda: None
    name = "log"
    needs_teacher_images = True
    needs_teacher_discriminator = False

    @property
    def critic_steps(self) -> int:
        return self.inner.critic_steps

    def kd_weight(self, progress: float, gap: float) -> float:
        return self.inner.kd_weight(progress, gap)

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        self.on_discriminator()
        terms = self.inner.discriminator_terms(step)
        self.discriminator_steps.append((step, set(terms)))
        return terms

    def generator_terms(self, step: GeneratorStep) -> Terms:
        self.on_generator()
        terms = self.inner.generator_terms(step)
        self.generator_steps.append((step, set(terms)))
        return terms


def snapshot(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def same(one: Any, other: Any) -> bool:
    """Equal to the bit, through dictionaries, lists and tensors."""
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def saved(trainer: Trainer) -> dict[str, Any]:
    """The state of `trainer` as a later process reads it from a file."""
    file = io.BytesIO()
    torch.save(trainer.state_dict(), file)
    file.seek(0)
    state: dict[str, Any] = torch.load(file, weights_only=True)
    return state


@pytest.mark.parametrize(
    ("shape", "stop"),
    [
        ("linear", 10),
        ("linear", CHECK_EVERY),
        ("adaptive", 1),
        ("adaptive", CHECK_EVERY + 1),
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
    trainer.train(2 * CHECK_EVERY * BATCH, log.append)
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
    asked = [step.teacher_images is not None for step, _ in log.generator_steps]
    assert asked == [True] * 20 + [False] * 20
    assert all(step.kd_weight > 0 for step, _ in log.generator_steps[:20])


def test_a_student_sees_the_teachers_images_for_its_own_inputs(
    make: Make, bank: TeacherBank, teacher: Teacher
) -> None:
    log = Log(WeightDecay(LINEAR))
    trainer = make(log)
    inputs: list[Tensor] = []
    trainer.student.register_forward_pre_hook(lambda module, args: inputs.append(args[0]))
    trainer.train(2 * BATCH)
    for (step, _), z in zip(log.generator_steps, inputs[1::2], strict=True):
        assert step.teacher_images is not None
        with torch.no_grad():
            rendered = teacher.generator(z).clamp(-1, 1)
        assert (step.teacher_images - rendered).abs().max() < 0.01


def test_without_a_bank_training_is_plainly_adversarial(make: Make) -> None:
    log = Log(WeightDecay(LINEAR))
    make(log, bank=None, teacher_discriminator=None).train(3 * BATCH)
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
    assert all(not step.fake.requires_grad for step, _ in log.discriminator_steps)


def test_the_teachers_discriminator_learns_nothing(make: Make) -> None:
    trainer = make()
    assert trainer.teacher_discriminator is not None
    before = snapshot(trainer.teacher_discriminator)
    trainer.train(5 * BATCH)
    assert same(snapshot(trainer.teacher_discriminator), before)
    assert all(p.grad is None for p in trainer.teacher_discriminator.parameters())


def test_networks_that_come_frozen_from_a_file_are_trained_all_the_same(make: Make, teacher: Teacher) -> None:
    student = copy.deepcopy(teacher.generator)
    critic = copy.deepcopy(teacher.discriminator)
    assert critic is not None
    trainer = Trainer(student, critic, WeightDecay(LINEAR), DATA, CONFIG)
    trainer.train(2 * BATCH)
    assert not same(snapshot(student), snapshot(teacher.generator))


def test_a_critic_that_takes_more_steps_sees_more_images_and_every_one_counts(make: Make) -> None:
    log = Log(AdversarialTraining(Wasserstein(critic_steps=3), PathLengths(0.0)))
    trainer = make(log)
    trainer.train(7 * BATCH)
    assert trainer.images == 9 * BATCH, "whole steps: three of the critic, one of the student"
    assert trainer.step == len(log.generator_steps) == 3
    assert [step.step for step, _ in log.discriminator_steps] == list(range(9))
    seen = [step.real for step, _ in log.discriminator_steps]
    assert not any(torch.equal(one, other) for one, other in pairwise(seen))


def test_without_a_critic_only_the_student_learns(make: Make) -> None:
    log = Log(CompressingGans(Schedule("constant", start=1.0)))
    trainer = make(log)
    before, stream = snapshot(trainer.discriminator), trainer.stream.state_dict()
    trainer.discriminator.register_forward_pre_hook(lambda module, args: pytest.fail("the critic was asked"))
    trainer.train(3 * BATCH)
    assert (trainer.images, len(log.generator_steps)) == (3 * BATCH, 3)
    assert not log.discriminator_steps
    assert same(snapshot(trainer.discriminator), before)
    assert same(trainer.stream.state_dict(), stream), "no real image was looked at"
    assert trainer.gap == 0, "there is nobody to be fooled"


def test_a_recipe_without_need_of_the_teachers_images_gets_fresh_latents(make: Make) -> None:
    log = Log(DglGan(paths=PathLengths(0.0)))
    log.needs_teacher_images = False
    trainer = make(log)
    trainer.train(CONFIG.images)
    steps = [step for step, _ in log.generator_steps]
    assert all(step.teacher_images is None for step in steps)
    weights = [step.kd_weight for step in steps]
    assert weights == [0.0] * 20 + [0.1] * 20, "stage II is the second half"


def test_the_discriminator_is_regularised_every_sixteenth_step(make: Make) -> None:
    log = Log(WeightDecay(LINEAR))
    make(log).train(35 * BATCH)
    assert [i for i, (_, terms) in enumerate(log.discriminator_steps) if "d_r1" in terms] == [0, 16, 32]
    assert [step.step for step, _ in log.discriminator_steps] == list(range(35))


def test_real_images_come_from_the_data_all_of_them_in_every_epoch(make: Make) -> None:
    log = Log(WeightDecay(LINEAR))
    make(log, replace(CONFIG, mirror=False)).train(37 * BATCH)
    shown = torch.cat([step.real for step, _ in log.discriminator_steps])
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
def test_a_loss_that_is_not_finite_ends_the_training_soon(make: Make, value: float) -> None:
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
        make(Broken(LINEAR)).train(CONFIG.images)
    assert 5 < len(calls) <= 5 + CHECK_EVERY + 1


def test_a_loss_that_is_not_finite_in_the_very_last_step_is_noticed(make: Make) -> None:
    trainer = make()
    trainer.train(4 * BATCH)
    nn.init.constant_(trainer.student.const, float("nan"))
    with pytest.raises(TrainingDivergedError):
        trainer.train(5 * BATCH)


def test_a_training_that_is_done_does_nothing(make: Make) -> None:
    trainer = make()
    trainer.train(2 * BATCH)
    before = copy.deepcopy(trainer.state_dict())
    trainer.train(2 * BATCH)
    trainer.train(BATCH)
    assert same(trainer.state_dict(), before)


def test_a_target_between_two_batches_is_reached_by_a_whole_one(make: Make) -> None:
    trainer = make()
    trainer.train(BATCH + 1)
    assert trainer.images == 2 * BATCH


def test_training_brings_the_critics_gap_into_the_schedule(make: Make) -> None:
    trainer, log = make(WeightDecay(Schedule("adaptive", start=3.0, begin=0.0, finish=1.0))), list[Progress]()
    trainer.train(CHECK_EVERY * 2 * BATCH, log.append)
    assert log[0].kd_weight == 3.0
    assert len({p.kd_weight for p in log}) > 1
    assert trainer.gap >= 0
    assert trainer.kd_weight == pytest.approx(3.0 * min(1.0, trainer.gap))


# At size: memory and speed change, the training does not


def gradients(trainer: Trainer) -> dict[str, Tensor]:
    """Of both networks after one step; learning rates of nearly nothing leave the weights where they were."""
    trainer.train(trainer.images + trainer.config.batch_size)
    networks = {"student": trainer.student, "discriminator": trainer.discriminator}
    parameters = {f"{kind}.{n}": p for kind, net in networks.items() for n, p in net.named_parameters()}
    return {name: p.grad.clone() for name, p in parameters.items() if p.grad is not None}


def close(one: dict[str, Tensor], other: dict[str, Tensor], tolerance: float) -> bool:
    """Whether every gradient is the same within `tolerance` of its largest value."""
    return one.keys() == other.keys() and all(
        bool((one[n] - other[n]).abs().max() <= tolerance * one[n].abs().max().clamp_min(1e-4)) for n in one
    )


def still(trainer: Trainer) -> Trainer:
    """With noise layers silent: they draw other numbers for other batches."""
    for block in trainer.student.blocks:
        for conv in block.convs:
            nn.init.constant_(conv.noise_strength, 0.0)
            conv.noise_strength.requires_grad_(False)
    return trainer


WIDE = TrainingConfig(images=64, batch_size=16, generator_lr=1e-9, discriminator_lr=1e-9, seed=5)


@pytest.mark.parametrize("micro_batch", [4, 8, 16])
def test_micro_batches_give_the_gradients_of_the_whole_batch(make: Make, micro_batch: int) -> None:
    recipe = WeightDecay(LINEAR, feature=0.0)  # its unit is the mean magnitude within a part
    whole = gradients(still(make(recipe, WIDE)))
    parts = gradients(still(make(recipe, replace(WIDE, micro_batch=micro_batch))))
    assert close(whole, parts, 1e-4)
    assert len(whole) > 30


def test_a_micro_batch_that_splits_the_groups_of_the_discriminator_still_trains(make: Make) -> None:
    trainer = make(config=replace(WIDE, micro_batch=2))
    trainer.train(3 * 16)
    assert trainer.images == 48
    assert all(value < float("inf") for value in trainer.losses.values())


def test_losses_of_micro_batches_are_means_over_the_whole_batch(make: Make) -> None:
    recipe = WeightDecay(LINEAR, feature=0.0)
    whole, parts = still(make(recipe, WIDE)), still(make(recipe, replace(WIDE, micro_batch=4)))
    for trainer in (whole, parts):
        trainer.train(16)
    assert parts.losses == pytest.approx(whole.losses, rel=1e-4)
    assert parts.gap == pytest.approx(whole.gap, rel=1e-4)


@pytest.mark.parametrize(("micro_batch", "batch"), [(5, 16), (32, 16), (-1, 16)])
def test_a_micro_batch_that_does_not_divide_the_batch_is_refused(micro_batch: int, batch: int) -> None:
    with pytest.raises(
        TrainingError, match=f"--micro-batch {micro_batch} does not divide the batch of {batch}"
    ):
        TrainingConfig(images=1, batch_size=batch, micro_batch=micro_batch)
    with pytest.raises(TrainingError, match="precision 'fp8' is none of fp32, bf16, fp16"):
        TrainingConfig(images=1, precision="fp8")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "recipe", [WeightDecay(LINEAR), AdversarialTraining(Logistic(r1_gamma=1.0))], ids=lambda r: r.name
)
def test_activations_made_twice_give_the_same_training_noise_and_all(make: Make, recipe: Recipe) -> None:
    kept, made_twice = make(recipe), make(recipe, replace(CONFIG, checkpoint_activations=True))
    for trainer in (kept, made_twice):
        trainer.train(6 * BATCH)
    assert same(made_twice.state_dict(), kept.state_dict())


def test_activations_made_twice_are_not_kept(make: Make) -> None:
    def kept(trainer: Trainer) -> int:
        total = 0

        def count(tensor: Tensor) -> Tensor:
            nonlocal total
            total += tensor.numel()
            return tensor

        inputs = trainer.student.sample_inputs(8, torch.Generator().manual_seed(0))
        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            trainer._generate(inputs, slice(None))
        return total

    assert kept(make(config=replace(CONFIG, checkpoint_activations=True))) < kept(make()) / 3


def test_the_average_knows_nothing_of_how_the_student_is_run(make: Make) -> None:
    trainer = make(config=replace(CONFIG, checkpoint_activations=True))
    keys = set(make().state_dict()["student"])
    trainer.train(BATCH)
    assert set(trainer.state_dict()["student"]) == set(trainer.state_dict()["ema"]) == keys
    copy.deepcopy(trainer.student)
    assert all(
        "forward" not in vars(module) for module in (*trainer.student.modules(), *trainer.ema.modules())
    )


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize(
    "recipe", [WeightDecay(LINEAR), AdversarialTraining(Logistic(r1_gamma=1.0))], ids=lambda r: r.name
)
def test_half_precision_stays_finite_and_near_full_precision(
    make: Make, recipe: Recipe, precision: Any
) -> None:
    full, half = make(recipe), make(recipe, replace(CONFIG, precision=precision))
    for trainer in (full, half):
        trainer.train(CHECK_EVERY * BATCH + BATCH)
    assert half.losses == pytest.approx(full.losses, rel=0.3, abs=0.05)
    for network in (half.student, half.ema, half.discriminator):
        assert all(p.dtype == torch.float32 and p.isfinite().all() for p in network.parameters())


def test_half_precision_computes_in_half_precision_and_images_and_logits_are_full(make: Make) -> None:
    trainer, types = make(config=replace(CONFIG, precision="bf16")), dict[str, torch.dtype]()
    first, last = trainer.student.blocks[1].convs[0], trainer.discriminator.blocks[0]
    first.register_forward_hook(lambda module, args, out: types.update(student=out.dtype))
    last.register_forward_hook(lambda module, args, out: types.update(discriminator=out.dtype))
    fake, _ = trainer._generate(trainer.student.sample_inputs(2, trainer.rng), slice(None))
    with trainer._autocast():
        logits = trainer.discriminator(fake)
    assert types == {"student": torch.bfloat16, "discriminator": torch.bfloat16}
    assert fake.dtype == logits.dtype == torch.float32


def test_penalties_of_second_order_are_taken_in_full_precision(make: Make) -> None:
    full, half = make(config=WIDE), make(config=replace(WIDE, precision="bf16"))
    for trainer in (full, half):
        trainer.train(16)
    assert half.losses["d_r1"] == pytest.approx(full.losses["d_r1"], rel=1e-5)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_resumes_to_the_bit(make: Make, precision: Any) -> None:
    config = replace(CONFIG, precision=precision, micro_batch=2)
    straight, first, second = (make(config=config) for _ in range(3))
    straight.train(8 * BATCH)
    first.train(5 * BATCH)
    second.load_state_dict(saved(first))
    second.train(8 * BATCH)
    assert same(second.state_dict(), straight.state_dict())


def test_channels_last_is_the_same_training_in_another_memory_format(make: Make) -> None:
    plain, last = make(config=WIDE), make(config=replace(WIDE, channels_last=True))
    assert close(gradients(plain), gradients(last), 1e-3)
    weight = last.student.blocks[1].convs[0].conv.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    last.train(2 * 16)
    averaged = last.ema.blocks[1].convs[0].conv.weight
    assert averaged.is_contiguous()
    assert torch.allclose(averaged, weight, atol=1e-5)


def test_a_training_goes_on_in_another_memory_format(make: Make) -> None:
    config = replace(CONFIG, channels_last=False)
    straight, first = make(config=config), make(config=config)
    second = make(config=replace(CONFIG, channels_last=True))
    straight.train(6 * BATCH)
    first.train(5 * BATCH)
    second.load_state_dict(saved(first))
    second.train(6 * BATCH)
    for name, value in straight.state_dict()["student"].items():
        assert torch.allclose(second.state_dict()["student"][name], value, atol=1e-3), name


@pytest.mark.slow
def test_compiled_networks_are_the_same_training(make: Make) -> None:
    plain = still(make(config=replace(WIDE, micro_batch=8)))
    compiled = still(make(config=replace(WIDE, micro_batch=8, compile=True)))
    assert close(gradients(plain), gradients(compiled), 1e-2)
    assert set(compiled.state_dict()["student"]) == set(plain.state_dict()["student"])


# Augmentation and what recipes remember


def test_everything_that_the_discriminator_sees_is_augmented_and_nothing_else(
    make: Make, bank: TeacherBank
) -> None:
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


def test_what_a_recipe_remembers_survives_a_stop(make: Make) -> None:
    recipe = AdversarialTraining(Logistic(r1_gamma=1.0))
    first, second = make(recipe), make(recipe)
    first.train(5 * BATCH)
    assert float(first.memory["path_length"]) > 0
    second.load_state_dict(saved(first))
    assert same(second.memory, first.memory)


def test_a_training_can_be_asked_to_stop_after_any_step(make: Make) -> None:
    straight, stopped = make(), make()
    straight.train(9 * BATCH)
    stopped.train(9 * BATCH, stop=lambda: stopped.images >= 4 * BATCH)
    assert stopped.images == 4 * BATCH
    stopped.train(9 * BATCH)
    assert same(stopped.state_dict(), straight.state_dict())


# Classes

CONDITIONAL = Path(__file__).parents[1] / "data" / "reference" / "nvidia_32_conditional.pkl"


def test_a_student_with_classes_is_trained_on_labelled_images() -> None:
    teacher = load_teacher(CONDITIONAL)
    assert teacher.discriminator is not None
    told: list[Tensor] = []
    teacher.discriminator.register_forward_pre_hook(lambda module, inputs: told.append(inputs[1]))
    data = load_images("digits", 32, 3)
    config = TrainingConfig(images=16, batch_size=4)
    trainer = Trainer(teacher.generator, teacher.discriminator, WeightDecay(), data, config)
    trainer.train(8)
    assert all(math.isfinite(value) for value in trainer.losses.values())
    assert {tuple(labels.shape) for labels in told} == {(4, 10)}
    order = ImageStream(data.images, 4, config.seed, labels=data.labels)
    first = order.next_batch()[1]
    assert first is not None
    assert any(torch.equal(labels.argmax(dim=1), first) for labels in told), "real images have their own"


def test_images_without_labels_can_not_train_a_student_with_classes() -> None:
    teacher = load_teacher(CONDITIONAL)
    assert teacher.discriminator is not None
    digits = load_images("digits", 32, 3)
    for data, says in (
        (replace(digits, labels=None, classes=()), "has no labels and the teacher has 10 classes"),
        (replace(digits, classes=tuple("0123456789AB")), "has 12 classes and the teacher 10"),
    ):
        with pytest.raises(DataError, match=says):
            Trainer(teacher.generator, teacher.discriminator, WeightDecay(), data, TrainingConfig(images=16))
