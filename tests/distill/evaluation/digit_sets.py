"""Digits to measure against, and a generator that repeats them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from distill.data import ImageSet, load_images, to_float
from distill.tasks import EvalSet
from search_spaces import Generator, Inputs

DIGITS = load_images("digits", 16, 1)

HALVES = torch.randperm(1797, generator=torch.Generator().manual_seed(0)).split([898, 899])


def chosen(samples: int, seed: int, batch_size: int) -> Iterator[Inputs]:
    """Indices of digits at random, in whole batches."""
    rng = torch.Generator().manual_seed(seed)
    for _ in range(0, samples, batch_size):
        yield (torch.randint(len(DIGITS), (batch_size,), generator=rng),)


def against(images: ImageSet) -> tuple[EvalSet, ...]:
    return (EvalSet(images.name, images, chosen),)


SETS = against(DIGITS)


class Replay(Generator):
    """Real digits, with batch normalisation and noise of its own as a generator may have."""

    def __init__(self, noise: float = 0.1) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1, affine=False)
        self.frozen = nn.BatchNorm2d(1).eval()
        self.noise = noise

    def forward(self, chosen: Tensor) -> Tensor:
        images = self.norm(to_float(DIGITS.images[chosen]))
        return images + self.noise * torch.randn_like(images)
