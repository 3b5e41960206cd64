"""Training of a CycleGAN: two translators and two discriminators at once (Zhu et al., arXiv 1703.10593)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from distill.adversarial import DiscriminatorStep, Terms
from distill.noise import OwnNoise
from distill.recipes import GeneratorStep, Recipe
from distill.seeds import derive_seed
from distill.tasks import Batch, Task
from distill.training.averaging import average_decay, averaged_copy, update_average
from distill.training.config import TrainingConfig
from distill.training.micro_batches import descend
from distill.training.optimizers import adam, set_rate
from distill.training.readings import READ_EVERY, Progress, read_losses
from search_spaces import Discriminator, Generator

Network = TypeVar("Network", bound=torch.nn.Module)
POOL = 50  # translated images that a discriminator may be shown again
CONSTANT = 0.5  # of the training; after it, rates fall to 0 on a line
NETWORKS = ("generator", "reverse_generator", "discriminator", "reverse_discriminator", "ema")
OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")


@dataclass(frozen=True)
class CycleWeights:
    """Weights of the terms beside the adversarial ones, as published."""

    cycle: float = 10.0
    identity: float = 5.0  # half of the cycle's


class CycleGanTrainer:
    """Trains `generator` (A to B) and `reverse_generator` (B to A) in place, on an unpaired task from A to B.

    `ema` averages the weights of `generator` (ours; the published training has no average), `discriminator`
    judges images of B: both are what a teacher's checkpoint holds. `load_state_dict` resumes to the bit on
    the same machine.
    """

    def __init__(
        self,
        generator: Generator,
        reverse_generator: Generator,
        reverse_discriminator: Discriminator,  # of A
        discriminator: Discriminator,  # of B
        recipe: Recipe,  # the adversarial loss of both
        task: Task,
        config: TrainingConfig,
        *,
        weights: CycleWeights | None = None,
        device: str = "cpu",
    ) -> None:
        self.recipe, self.task, self.config, self.device = recipe, task, config, device
        self._scaler = torch.amp.GradScaler(enabled=False)  # it trains in fp32
        self.weights = weights or CycleWeights()
        self.generator, self.reverse_generator = (
            _trained(each, device) for each in (generator, reverse_generator)
        )
        self.discriminator = _trained(discriminator, device)
        self.reverse_discriminator = _trained(reverse_discriminator, device)
        self.ema = averaged_copy(self.generator)
        both = torch.nn.ModuleList([self.generator, self.reverse_generator])
        self.generator_optimizer = adam(both, config.generator_lr, config.betas)
        both = torch.nn.ModuleList([self.discriminator, self.reverse_discriminator])
        self.discriminator_optimizer = adam(both, config.discriminator_lr, config.betas)
        self.pools = {"a": ImagePool(POOL), "b": ImagePool(POOL)}
        self.stream = task.train_stream(config.batch_size, config.seed, mirror=config.mirror, device=device)
        self._noise = OwnNoise(derive_seed(config.seed, "noise"), device)
        self.step, self.images = 0, 0
        self.losses: dict[str, float] = {}

    augment = None  # published without
    kd_weight = 0.0

    def train(
        self,
        until: int,
        on_step: Callable[[Progress], None] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Train in whole batches until at least `until` images of B have been seen, or `stop` returns True.

        Raises:
            TrainingDivergedError: a loss became NaN or infinite.
        """
        config = self.config
        with self._noise():
            while self.images < until and not stop():
                terms = self._step(self.stream.discriminator_batch().to(self.device))
                self.step += 1
                self.images += config.batch_size
                decay = average_decay(config.batch_size, self.images, config.ema_half_life, config.ema_rampup)
                update_average(self.ema, self.generator, decay)
                if self.step % READ_EVERY == 1 or self.images >= until:
                    self.losses = read_losses(terms, self.images)
                if on_step is not None:
                    on_step(Progress(self.images, self.kd_weight, self.losses))

    def _step(self, batch: Batch) -> Terms:
        """Generators first, then both discriminators on images of the pools."""
        progress = min(1.0, self.images / self.config.images)
        fraction = min(1.0, (1 - progress) / (1 - CONSTANT))
        set_rate(self.generator_optimizer, fraction * self.config.generator_lr)
        set_rate(self.discriminator_optimizer, fraction * self.config.discriminator_lr)
        (a,), b = batch.inputs, batch.real
        assert b is not None
        self._train_discriminators(False)
        fake_b, fake_a = self.generator(a), self.reverse_generator(b)
        terms = self._descend(self._generator_terms(a, b, fake_a, fake_b), self.generator_optimizer)
        self._train_discriminators(True)
        rng = self.stream.rng
        shown_b, shown_a = (
            self.pools[name].swap(x.detach(), rng) for name, x in (("b", fake_b), ("a", fake_a))
        )
        judged = {
            "d_b": self._discriminator_loss(self.discriminator, b, shown_b),
            "d_a": self._discriminator_loss(self.reverse_discriminator, a, shown_a),
        }
        return terms | self._descend(judged, self.discriminator_optimizer)

    def _generator_terms(self, a: Tensor, b: Tensor, fake_a: Tensor, fake_b: Tensor) -> Terms:
        weights = self.weights
        terms = {
            "g_b": self._adversarial_loss(self.discriminator, fake_b),
            "g_a": self._adversarial_loss(self.reverse_discriminator, fake_a),
            "g_cycle_a": weights.cycle * F.l1_loss(self.reverse_generator(fake_b), a),
            "g_cycle_b": weights.cycle * F.l1_loss(self.generator(fake_a), b),
        }
        if weights.identity:
            terms["g_identity_b"] = weights.identity * F.l1_loss(self.generator(b), b)
            terms["g_identity_a"] = weights.identity * F.l1_loss(self.reverse_generator(a), a)
        return terms

    def _adversarial_loss(self, discriminator: Discriminator, fake: Tensor) -> Tensor:
        step = GeneratorStep(Batch(()), fake, discriminator(fake), self.generator, None, 0.0)
        return torch.stack(list(self.recipe.generator_terms(step).values())).sum()

    def _discriminator_loss(self, discriminator: Discriminator, real: Tensor, fake: Tensor) -> Tensor:
        step = DiscriminatorStep(discriminator, Batch((), real), fake, self.step)
        return torch.stack(list(self.recipe.discriminator_terms(step).values())).sum()

    def _descend(self, terms: Terms, optimizer: torch.optim.Optimizer) -> Terms:
        return descend([Batch(())], lambda _: terms, optimizer, self._scaler)

    def _train_discriminators(self, trained: bool) -> None:
        self.discriminator.requires_grad_(trained)
        self.reverse_discriminator.requires_grad_(trained)

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to resume exactly here."""
        return {
            **{name: getattr(self, name).state_dict() for name in (*NETWORKS, *OPTIMIZERS, "stream")},
            "pools": {name: pool.images for name, pool in self.pools.items()},
            "noise_rng": dict(self._noise.state),
            "step": self.step,
            "images": self.images,
            "losses": self.losses,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume where `state_dict` was called."""
        for name in (*NETWORKS, *OPTIMIZERS, "stream"):
            getattr(self, name).load_state_dict(state[name])
        for name, pool in self.pools.items():
            pool.images = [image.to(self.device) for image in state["pools"][name]]
        self._noise.load(state["noise_rng"])
        self.step, self.images, self.losses = state["step"], state["images"], dict(state["losses"])


class ImagePool:
    """Translated images of earlier steps, so that a discriminator does not follow the last step alone."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.images: list[Tensor] = []  # (C, H, W) each

    def swap(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """`images` (N, C, H, W), about half of which are exchanged for stored ones once the pool is full."""
        shown = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image.clone())  # a view would keep its whole batch
                shown.append(image)
            elif torch.rand((), generator=rng) < 0.5:
                place = int(torch.randint(self.size, (), generator=rng))
                shown.append(self.images[place])
                self.images[place] = image.clone()
            else:
                shown.append(image)
        return torch.stack(shown)


def _trained(network: Network, device: str) -> Network:
    return network.to(device).train().requires_grad_(True)
