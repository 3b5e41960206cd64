"""Importance of channels by what they change in images when a latent, or an input image, moves.

The idea is that of DCP-GAN (Chung et al., arXiv 2403.13548): what a student needs for diverse images are the
channels that react to the latent. The paper differentiates the difference of two images by a channel's
weights. Ours differentiates it by a factor on the channel, which means the same in every family. An image
that a translator reads moves towards other images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from search_spaces.base import Generator
from search_spaces.importance import evaluating, measuring_inputs
from search_spaces.inputs import Inputs

LATENTS = 64
DIRECTIONS = 2  # of each latent: with more latents instead, fewer images give the same ranking
STEP = 0.1  # of a step: in units of a latent's or an attribute's length, or of the way to another image
SEED = 1
PIXELS = 1 << 17  # of the pairs of images that are differentiated at a time


@dataclass(frozen=True)
class Site:
    """Where a network has channels that a student may leave out: maps (N, C, H, W)."""

    module: nn.Module
    place: Literal["input", "output"]  # the module's first input, or its output


Scaled = Callable[[str, Tensor], Tensor]
"""The name of a site and its maps (N, C, H, W) ─► the maps times factors."""


@dataclass(frozen=True)
class _Known:
    """Scores of a generator, and the state of the weights that they were measured with."""

    versions: tuple[int, ...]
    examples: Inputs
    scores: dict[str, Tensor]


_KNOWN: WeakKeyDictionary[Generator, _Known] = WeakKeyDictionary()  # a search inherits once per candidate


def image_difference(generator: Generator, sites: Mapping[str, Site]) -> dict[str, Tensor]:
    """Importance of the channels at every site, (C,) each; the same at every call, and computed once.

    With `f` a factor on a channel in both images, it is the standard deviation over directions `d` of
    `∂/∂f mean|G(z + d) - G(z)|` at `f = 1`, the root mean square over latents `z`, or over example images and
    attributes, where `G` takes such. Labels stay as they are.
    """
    versions = _versions(generator)
    known = _KNOWN.get(generator)
    same = known is not None and known.versions == versions and known.examples is generator.examples
    if known is None or not same or known.scores.keys() != sites.keys():
        with _on_the_gpu(generator):
            scores = _measured(generator, sites)
        home = next(generator.parameters()).device
        scores = {name: score.to(home) for name, score in scores.items()}
        known = _KNOWN[generator] = _Known(_versions(generator), generator.examples, scores)
    return known.scores


def _versions(generator: Generator) -> tuple[int, ...]:
    return tuple(tensor._version for tensor in generator.state_dict(keep_vars=True).values())


@contextmanager
def _on_the_gpu(generator: Generator) -> Iterator[None]:
    """Move `generator` to the GPU, if there is one, while the block runs: a CPU takes minutes at 256 px."""
    home = next(generator.parameters()).device
    if torch.cuda.is_available():
        generator.cuda()
    try:
        yield
    finally:
        generator.to(home)


def _measured(generator: Generator, sites: Mapping[str, Site]) -> dict[str, Tensor]:
    device = next(generator.parameters()).device
    at_a_time = max(1, PIXELS // generator.image_shape[1] ** 2)
    inputs = measuring_inputs(generator, LATENTS, SEED)
    here = (x.repeat_interleave(DIRECTIONS, dim=0) for x in inputs)
    steps = _steps(generator, inputs)
    parts = zip(*(torch.split(x.to(device), at_a_time) for x in (*here, *steps)), strict=True)
    count = len(generator.input_specs)
    with evaluating(generator), torch.enable_grad():
        gradients = [_gradients(generator, sites, part[:count], part[count:]) for part in parts]
    found: dict[str, Tensor] = {}
    for name in sites:
        each = torch.cat([part[name] for part in gradients]).reshape(len(inputs[0]), DIRECTIONS, -1)
        found[name] = each.var(dim=1).mean(dim=0).sqrt()
    return found


def _steps(generator: Generator, inputs: Inputs) -> list[Tensor]:
    """A step of each input for every pair of images: towards others for images, 0 for labels."""
    rng = torch.Generator().manual_seed(SEED)
    count = len(inputs[0]) * DIRECTIONS
    steps = []
    for spec, x in zip(generator.input_specs, inputs, strict=True):
        if spec.kind == "image":
            others = torch.stack([x.roll(i + 1, dims=0) for i in range(DIRECTIONS)], dim=1).flatten(0, 1)
            steps.append(STEP * (others - x.repeat_interleave(DIRECTIONS, dim=0)))
        else:
            length = 0 if spec.kind == "label" else STEP
            steps.append(length * torch.randn(count, *spec.shape, generator=rng))
    return steps


def _gradients(
    generator: Generator, sites: Mapping[str, Site], here: Inputs, steps: Inputs
) -> dict[str, Tensor]:
    """Gradients of the difference of images by the factors of channels, (pairs, C) for each site."""
    pairs = tuple(torch.cat([x, x + step]) for x, step in zip(here, steps, strict=True))
    with _factors(sites, len(steps[0])) as factors:
        still, moved = generator.deterministic(*pairs).chunk(2)
        difference = (moved - still).abs().mean(dim=(1, 2, 3)).sum()
    gradients = torch.autograd.grad(difference, [factors[name] for name in sites])
    return dict(zip(sites, gradients, strict=True))


@contextmanager
def _factors(sites: Mapping[str, Site], count: int) -> Iterator[dict[str, Tensor]]:
    """Factors of 1 on the channels of every site, (count, C); both images of a pair have the same ones."""
    factors: dict[str, Tensor] = {}

    def scaled(name: str, x: Tensor) -> Tensor:
        factors[name] = torch.ones(count, x.shape[1], device=x.device, requires_grad=True)
        return x * factors[name].repeat(2, 1)[:, :, None, None]

    with ExitStack() as hooks:
        for name, site in sites.items():
            if site.place == "input":
                hook = site.module.register_forward_pre_hook(_before(name, scaled))
            else:
                hook = site.module.register_forward_hook(_behind(name, scaled))
            hooks.callback(hook.remove)
        yield factors


def _before(name: str, scaled: Scaled) -> Callable[..., Any]:
    return lambda module, inputs: (scaled(name, inputs[0]), *inputs[1:])


def _behind(name: str, scaled: Scaled) -> Callable[..., Any]:
    return lambda module, inputs, output: scaled(name, output)
