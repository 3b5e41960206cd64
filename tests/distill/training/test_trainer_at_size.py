"""At size: memory and speed change, the training does not."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from distill.adversarial import AdversarialLoss, Logistic, Relativistic
from distill.errors import TrainingError
from distill.recipes import AdversarialTraining, Recipe, WeightDecay
from distill.training.config import TrainingConfig
from distill.training.readings import READ_EVERY
from distill.training.trainer import Trainer
from tests.distill.trainings import BATCH, CONFIG, LINEAR, Make, same, saved


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


@pytest.mark.parametrize("loss", [Logistic(), Relativistic()])
@pytest.mark.parametrize("micro_batch", [4, 8, 16])
def test_micro_batches_give_the_gradients_of_the_whole_batch(
    make: Make, micro_batch: int, loss: AdversarialLoss
) -> None:
    recipe = WeightDecay(LINEAR, loss, feature=0.0)  # its unit is the mean magnitude within a part
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
    recipe = WeightDecay(replace(LINEAR, shape="adaptive"), feature=0.0)
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
    with pytest.raises(TrainingError, match="--precision fp8: choose one of fp32, bf16, fp16"):
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

        inputs = trainer.student.example_inputs(8)
        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            trainer._generate(inputs)
        return total

    assert kept(make(config=replace(CONFIG, checkpoint_activations=True))) < kept(make()) / 3


def test_the_average_does_not_depend_on_how_the_student_is_run(make: Make) -> None:
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
        trainer.train(READ_EVERY * BATCH + BATCH)
    assert half.losses == pytest.approx(full.losses, rel=0.3, abs=0.05)
    for network in (half.student, half.ema, half.discriminator):
        assert all(p.dtype == torch.float32 and p.isfinite().all() for p in network.parameters())


def test_half_precision_computes_in_half_precision_and_images_and_logits_are_full(make: Make) -> None:
    trainer, types = make(config=replace(CONFIG, precision="bf16")), dict[str, torch.dtype]()
    first, last = trainer.student.blocks[1].convs[0], trainer.discriminator.blocks[0]
    first.register_forward_hook(lambda module, args, out: types.update(student=out.dtype))
    last.register_forward_hook(lambda module, args, out: types.update(discriminator=out.dtype))
    fake = trainer._generate(trainer.stream.inputs(2))
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


def test_a_training_resumes_in_another_memory_format(make: Make) -> None:
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
@pytest.mark.parametrize(
    "backend",
    [
        "aot_eager",  # traces forward and backward passes as the default does, and writes no code for them
        pytest.param("inductor", marks=pytest.mark.long),
    ],
)
def test_compiled_networks_are_the_same_training(
    make: Make, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    plain = still(make(config=replace(WIDE, micro_batch=8)))
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    compiled = still(make(config=replace(WIDE, micro_batch=8, compile=True)))
    assert close(gradients(plain), gradients(compiled), 1e-2)
    assert set(compiled.state_dict()["student"]) == set(plain.state_dict()["student"])
