"""Inputs of generators: a description of each tensor, and random draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

IMAGE_STD = 0.5  # of noise that stands in for photographs in [-1, 1]

Inputs: TypeAlias = tuple[Tensor, ...]
"""A batch of a generator's inputs, in the order of its `input_specs`; first dimension N each."""


@dataclass(frozen=True)
class InputSpec:
    """One input tensor of a generator."""

    kind: Literal["latent", "label", "attributes", "image"]
    shape: tuple[int, ...]  # without N
    distribution: Literal["normal", "uniform", "onehot", "data"]  # uniform in [-1, 1]; data is never drawn


def draw_inputs(specs: Sequence[InputSpec], count: int, rng: torch.Generator) -> Inputs:
    """`count` random inputs, float32, on the CPU, one tensor after the other from `rng`.

    Raises:
        ValueError: an input comes from data.
    """
    return tuple(_draw(spec, count, rng) for spec in specs)


def input_batches(specs: Sequence[InputSpec], batch_size: int, rng: torch.Generator) -> Iterator[Inputs]:
    """Endless batches of random inputs, one after the other from `rng`.

    Raises:
        ValueError: an input comes from data.
    """
    while True:
        yield draw_inputs(specs, batch_size, rng)


def example_inputs(specs: Sequence[InputSpec], count: int, seed: int = 0) -> Inputs:
    """`count` inputs of the right shapes, float32, on the CPU; noise in [-1, 1] stands in for data.

    Noise for images has the spectrum of photographs: strided convolutions would average white noise away.
    """
    rng = torch.Generator().manual_seed(seed)
    return tuple(
        _stand_in(spec, count, rng) if spec.distribution == "data" else _draw(spec, count, rng)
        for spec in specs
    )


def of_kind(kind: str, specs: Sequence[InputSpec], inputs: Inputs) -> Inputs:
    """The tensors of `inputs` whose spec has `kind`."""
    return tuple(x for spec, x in zip(specs, inputs, strict=True) if spec.kind == kind)


def classes_of(specs: Sequence[InputSpec]) -> int:
    """Number of classes of the label among `specs`; 0 without one."""
    return next((spec.shape[0] for spec in specs if spec.kind == "label"), 0)


def _draw(spec: InputSpec, count: int, rng: torch.Generator) -> Tensor:
    if spec.distribution == "normal":
        return torch.randn(count, *spec.shape, generator=rng)
    if spec.distribution == "uniform":
        return _uniform(spec, count, rng)
    if spec.distribution == "onehot":
        (classes,) = spec.shape
        return F.one_hot(torch.randint(classes, (count,), generator=rng), classes).float()
    raise ValueError(f"an input of kind {spec.kind} comes from data and can't be drawn")


def _stand_in(spec: InputSpec, count: int, rng: torch.Generator) -> Tensor:
    """Noise in [-1, 1] in place of data."""
    return _photograph_like(count, spec.shape, rng) if spec.kind == "image" else _uniform(spec, count, rng)


def _photograph_like(count: int, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """Noise (count, C, H, W) whose amplitudes fall with 1 / frequency (Field 1987), of correlated colours."""
    channels, height, width = shape
    vertical, horizontal = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :]
    frequency = (vertical.square() + horizontal.square()).sqrt().clamp_min(1 / max(height, width))
    white = torch.randn(count, channels, height, width, generator=rng)
    white = white + torch.randn(count, 1, height, width, generator=rng)
    images: Tensor = torch.fft.irfft2(torch.fft.rfft2(white) / frequency, s=(height, width))
    return (IMAGE_STD * images / images.std()).clamp(-1, 1)


def _uniform(spec: InputSpec, count: int, rng: torch.Generator) -> Tensor:
    return torch.rand(count, *spec.shape, generator=rng) * 2 - 1
