"""The one training loop: a student generator against its discriminator, taught by a recipe."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from distill.bank import TeacherBank
from distill.data import ImageSet, ImageStream
from distill.errors import TrainingDivergedError
from distill.recipes.base import DiscriminatorStep, GeneratorStep, Recipe
from distill.seeds import derive_seed
from search_spaces.base import Discriminator, Generator

CHECK_EVERY = 16  # steps between looks at the losses: a look makes an accelerator wait
GAP_MEMORY = 0.98  # per step, of the running mean that adaptive schedules follow


@dataclass(frozen=True)
class TrainingConfig:
    """How long and how fast; the defaults are StyleGAN2's, shortened for brief training."""

    images: int  # real images shown in the whole training; schedules run along it
    batch_size: int = 64
    generator_lr: float = 2e-3
    discriminator_lr: float = 2e-3
    ema_half_life: int = 2_000  # images; shorter at the start, see `Trainer._ema_decay`
    ema_rampup: float = 0.1  # the half-life is at most this share of the images seen so far
    mirror: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Progress:
    """Where a training stands, as logged after every step."""

    images: int
    kd_weight: float
    losses: dict[str, float]  # of the last step that was looked at


class Trainer:
    """Trains `student` in place; `ema` is the network to evaluate and export.

    All randomness (data order, inputs, noise) follows from `config.seed`, so that candidates of a search are
    compared under common random numbers; `load_state_dict` resumes to the bit on the same machine.
    """

    def __init__(
        self,
        student: Generator,
        discriminator: Discriminator,
        recipe: Recipe,
        data: ImageSet,
        config: TrainingConfig,
        *,
        bank: TeacherBank | None = None,  # without it there is no teacher: plain adversarial training
        teacher_discriminator: Discriminator | None = None,
        device: str = "cpu",
    ) -> None:
        self.student = student.to(device).train().requires_grad_(True)  # loaded networks come frozen
        self.ema = copy.deepcopy(self.student).eval().requires_grad_(False)
        self.discriminator = discriminator.to(device).train()
        self.recipe, self.config, self.device, self.bank = recipe, config, device, bank
        self.teacher_discriminator = teacher_discriminator
        if teacher_discriminator is not None:
            self.teacher_discriminator = teacher_discriminator.to(device).eval().requires_grad_(False)
        self.stream = ImageStream(data.images, config.batch_size, config.seed, mirror=config.mirror)
        self.generator_optimizer = _adam(self.student, config.generator_lr)
        self.discriminator_optimizer = _adam(self.discriminator, config.discriminator_lr)
        self.rng = torch.Generator().manual_seed(config.seed)
        noise_seed = derive_seed(config.seed, "noise")
        self._noise = {d: torch.Generator(d).manual_seed(noise_seed).get_state() for d in {"cpu", device}}
        self.step, self.images, self.gap = 0, 0, 1.0
        self.losses: dict[str, float] = {}

    @property
    def kd_weight(self) -> float:
        """The teacher's weight in the next step."""
        return self.recipe.kd_weight(min(1.0, self.images / self.config.images), self.gap)

    def train(self, until: int, on_step: Callable[[Progress], None] | None = None) -> None:
        """Go on until `until` images have been seen (at least; whole batches).

        Raises:
            TrainingDivergedError: a loss became NaN or infinite.
        """
        with self._own_noise():
            while self.images < until:
                kd_weight = self.kd_weight
                terms = self._discriminator_step() | self._generator_step(kd_weight)
                self._update_ema()
                self.step += 1
                self.images += self.config.batch_size
                on_beat = self.step % CHECK_EVERY == 1
                if on_beat or self.images >= until:
                    self._look_at(terms, on_beat)
                if on_step is not None:
                    on_step(Progress(self.images, kd_weight, self.losses))

    def _discriminator_step(self) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(True)
        with torch.no_grad():
            inputs = self.student.sample_inputs(self.config.batch_size, self.rng)
            fake = self.student(*(x.to(self.device) for x in inputs))
        real = next(self.stream).to(self.device, non_blocking=True)
        terms = self.recipe.discriminator_terms(DiscriminatorStep(self.discriminator, real, fake, self.step))
        _descend(terms, self.discriminator_optimizer)
        return terms

    def _generator_step(self, kd_weight: float) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(False)
        if self.bank is not None and kd_weight > 0:
            inputs, teacher_images = self.bank.draw(self.config.batch_size, self.rng)
            teacher_images = teacher_images.to(self.device, non_blocking=True)
        else:
            inputs, teacher_images = self.student.sample_inputs(self.config.batch_size, self.rng), None
        fake = self.student(*(x.to(self.device) for x in inputs))
        logits = self.discriminator(fake)
        step = GeneratorStep(fake, logits, teacher_images, self.teacher_discriminator, kd_weight)
        terms = self.recipe.generator_terms(step)
        _descend(terms, self.generator_optimizer)
        return terms | {"gap": logits.detach().neg().clamp_min(0).mean()}

    @torch.no_grad()
    def _update_ema(self) -> None:
        seen = self.images + self.config.batch_size
        half_life = min(self.config.ema_half_life, self.config.ema_rampup * seen)
        decay = 0.5 ** (self.config.batch_size / max(half_life, 1e-8))
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.student.parameters()), 1 - decay)
        for average, current in zip(self.ema.buffers(), self.student.buffers(), strict=True):
            average.copy_(current)

    def _look_at(self, terms: dict[str, Tensor], on_beat: bool) -> None:
        """Note the losses; the gap follows the beat alone, so that stopping in between changes nothing."""
        values = {name: float(term.detach()) for name, term in terms.items()}
        for name, value in values.items():
            if not abs(value) < float("inf"):
                raise TrainingDivergedError(f"{name} is {value} after {self.images} images")
        gap = values.pop("gap")
        if on_beat:
            memory = GAP_MEMORY**CHECK_EVERY if self.step > 1 else 0.0
            self.gap = memory * self.gap + (1 - memory) * gap
            self.losses = values  # a term that is over is gone; lazy ones are due on the beat
        else:
            self.losses = self.losses | values

    @contextlib.contextmanager
    def _own_noise(self) -> Iterator[None]:
        """Torch's global generators, which noise layers draw from, go on where this training left them.

        Afterwards they are as before: what happens between two trainings (a metric, a grid) changes nothing.
        """
        accelerators = [device for device in self._noise if device != "cpu"]
        with torch.random.fork_rng(devices=accelerators):
            torch.set_rng_state(self._noise["cpu"])
            for device in accelerators:
                torch.cuda.set_rng_state(self._noise[device], device)
            yield
            self._noise = {"cpu": torch.get_rng_state()}
            self._noise |= {device: torch.cuda.get_rng_state(device) for device in accelerators}

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on exactly here."""
        return {
            "student": self.student.state_dict(),
            "ema": self.ema.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "generator_optimizer": self.generator_optimizer.state_dict(),
            "discriminator_optimizer": self.discriminator_optimizer.state_dict(),
            "stream": self.stream.state_dict(),
            "rng": self.rng.get_state(),
            "noise_rng": dict(self._noise),
            "step": self.step,
            "images": self.images,
            "gap": self.gap,
            "losses": self.losses,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to where `state_dict` was called."""
        for name in (
            "student",
            "ema",
            "discriminator",
            "generator_optimizer",
            "discriminator_optimizer",
            "stream",
        ):
            getattr(self, name).load_state_dict(state[name])
        self.rng.set_state(state["rng"])
        self._noise = {device: state["noise_rng"].get(device, old) for device, old in self._noise.items()}
        self.step, self.images, self.gap = state["step"], state["images"], state["gap"]
        self.losses = dict(state["losses"])


def _adam(network: nn.Module, lr: float) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=lr, betas=(0.0, 0.99), eps=1e-8, fused=True)


def _descend(terms: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss = sum(terms.values(), start=torch.zeros((), device=next(iter(terms.values())).device))
    torch.autograd.backward(loss)
    optimizer.step()
