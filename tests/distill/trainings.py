"""What tests of the trainer share: small trainings of one student, and ways to look at them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from distill.adversarial import DiscriminatorStep, Terms
from distill.data import ImageSet
from distill.recipes import GeneratorStep, Recipe
from distill.schedules import Schedule
from distill.training import Trainer, TrainingConfig
from search_spaces import Generator

BATCH = 4
DATA = ImageSet(
    "noise",
    torch.randint(0, 256, (37, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)),
    "0" * 16,
)
CONFIG = TrainingConfig(images=40 * BATCH, batch_size=BATCH, ema_half_life=20, seed=5, mirror=True)
LINEAR = Schedule("linear", start=3.0, end=0.0, begin=0.0, finish=0.5)
Make = Callable[..., Trainer]


@dataclass
class Log:
    """A recipe that does as another does, and remembers."""

    inner: Recipe
    seen_by_discriminator: list[tuple[DiscriminatorStep, set[str]]] = field(default_factory=list)
    generator_steps: list[tuple[GeneratorStep, set[str]]] = field(default_factory=list)
    on_discriminator: Callable[[], None] = lambda: None
    on_generator: Callable[[], None] = lambda: None
    name = "log"
    needs_teacher_images = True
    needs_teacher_discriminator = False
    needs_maps = False

    def discriminator_steps(self, progress: float) -> int:
        return self.inner.discriminator_steps(progress)

    @property
    def needs_real_logits(self) -> bool:
        return self.inner.needs_real_logits

    @property
    def needs_gap(self) -> bool:
        return self.inner.needs_gap

    def stage(self, progress: float) -> int:
        return self.inner.stage(progress)

    def kd_weight(self, progress: float, gap: float) -> float:
        return self.inner.kd_weight(progress, gap)

    def adversarial_weight(self, progress: float) -> float:
        return self.inner.adversarial_weight(progress)

    def modules(self, student: Generator, teacher: Generator | None) -> nn.ModuleDict:
        return self.inner.modules(student, teacher)

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        self.on_discriminator()
        terms = self.inner.discriminator_terms(step)
        self.seen_by_discriminator.append((step, set(terms)))
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
