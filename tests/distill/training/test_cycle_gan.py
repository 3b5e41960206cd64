"""CycleGAN: both directions learn, pools are filled, and a stopped training resumes to the bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from distill.adversarial import LeastSquares
from distill.data import ImageSet
from distill.recipes import AdversarialTraining, PathLengths
from distill.tasks import UnpairedTask
from distill.training import CycleGanTrainer, TrainingConfig
from distill.training.cycle_gan import POOL, ImagePool
from search_spaces import get_family
from tests.search_spaces.teachers import TEACHERS

SIDE, BATCH = 16, 4
FAMILY = get_family("resnet-translator")


def domain(name: str, brightness: int) -> ImageSet:
    """Noisy images about one grey level."""
    noise = torch.randint(-40, 40, (40, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(brightness))
    names = tuple(f"train/{i}.png" for i in range(len(noise)))
    return ImageSet(name, (noise + brightness).to(torch.uint8), name[0] * 16, names=names)


def trainer(images: int = 160) -> CycleGanTrainer:
    torch.manual_seed(0)
    architecture = TEACHERS["resnet-translator"]
    judge = FAMILY.default_discriminator(architecture)
    task = UnpairedTask(domain("dark", 60), domain("light", 190))
    config = TrainingConfig(images, BATCH, 2e-3, 2e-3, betas=(0.5, 0.999), seed=3)
    generators = [FAMILY.build(architecture) for _ in range(2)]
    judges = [FAMILY.build_discriminator(judge) for _ in range(2)]
    recipe = AdversarialTraining(LeastSquares(), PathLengths(0.0))
    return CycleGanTrainer(*generators, *judges, recipe, task, config)


def state(training: CycleGanTrainer) -> list[Tensor]:
    return [*training.generator.state_dict().values(), *training.reverse_discriminator.state_dict().values()]


def test_both_directions_learn_to_keep_and_to_return() -> None:
    training = trainer()
    training.train(BATCH)
    first = dict(training.losses)
    training.train(160)
    last = training.losses
    assert last.keys() == {
        *("g_a", "g_b", "g_cycle_a", "g_cycle_b", "g_identity_a", "g_identity_b"),
        *("d_a", "d_b"),
    }
    for name in ("g_cycle_a", "g_cycle_b", "g_identity_a", "g_identity_b"):
        assert last[name] < 0.5 * first[name], name
    assert training.images == 160


def test_rates_fall_to_zero_in_the_second_half() -> None:
    training = trainer(images=80)
    rates = []
    training.train(80, on_step=lambda _: rates.append(training.generator_optimizer.param_groups[0]["lr"]))
    assert rates[:10] == pytest.approx([2e-3] * 10)
    assert rates[10:] == pytest.approx([2e-3 * (1 - i / 10) for i in range(10)])
    assert training.discriminator_optimizer.param_groups[0]["lr"] == pytest.approx(2e-4)


def test_a_stopped_training_resumes_to_the_bit(tmp_path: Path) -> None:
    whole, stopped, resumed = trainer(), trainer(), trainer()
    whole.train(96)
    stopped.train(80)  # the pools are full
    torch.save(stopped.state_dict(), tmp_path / "state.pt")
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    resumed.train(96)
    assert all(torch.equal(a, b) for a, b in zip(state(whole), state(resumed), strict=True))
    assert whole.losses == resumed.losses


def test_a_pool_gives_back_earlier_images_once_it_is_full() -> None:
    rng, pool = torch.Generator().manual_seed(0), ImagePool(3)
    numbered = [torch.full((3, 1, 2, 2), float(i)) for i in range(40)]
    assert torch.equal(pool.swap(numbered[0], rng), numbered[0])
    shown = torch.cat([pool.swap(images, rng) for images in numbered[1:]])
    earlier = shown[:, 0, 0, 0] < torch.arange(1, 40).repeat_interleave(3)
    assert 0.3 < float(earlier.float().mean()) < 0.7
    assert len(pool.images) == 3
    assert all(image.untyped_storage().size() == image.nbytes for image in pool.images), "no whole batches"
    assert POOL == 50
