"""StyleGAN2 checkpoints of the public implementations as our networks: NVIDIA's and rosinality's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from search_spaces.base import Found
from search_spaces.errors import CheckpointError
from search_spaces.inputs import draw_inputs
from search_spaces.reading import PickledObject
from search_spaces.stylegan2.generator import StyleGAN2Generator
from search_spaces.stylegan2.reading import nvidia, rosinality
from search_spaces.stylegan2.reading.infer import discriminator_of, generator_of

W_AVG_LATENTS = 10_000  # for the mean style, if the file does not hold it
W_AVG_BATCH = 100  # of them at a time: how long a latent is, the file decides
OTHER_NETWORKS = {  # name of a characteristic tensor ─► kind of network
    "synthesis.input.freqs": "a StyleGAN3 generator",
    "progression.0.conv.0.conv.weight_orig": "a Progressive GAN generator",
    "scaleLayers.0.0.module.weight": "a Progressive GAN",
    "generator.progression.0.conv1.0.weight": "a StyleGAN (1) generator",
}


def read(content: Any) -> Found | None:
    """The networks in `content`, as `read_untrusted` returns it; None without a StyleGAN2.

    Raises:
        CheckpointError: it is, but can't be used: only a discriminator, a variant, tensors that don't fit.
    """
    if isinstance(content, PickledObject):
        content = {"G_ema": content}
    if not isinstance(content, Mapping):
        return None
    if any(isinstance(part, PickledObject) for part in content.values()):
        return _read_nvidia(content)
    return _read_rosinality(content)


def _read_nvidia(content: Mapping[str, Any]) -> Found | None:
    parts = {name: part for name, part in content.items() if isinstance(part, PickledObject)}
    tensors = {name: nvidia.tensors(part) for name, part in parts.items()}
    generator = _first(tensors, ("G_ema", "G"), nvidia.GENERATOR_MARK)
    discriminator_name = _first(tensors, ("D", "G_ema"), nvidia.DISCRIMINATOR_MARK)
    if generator is None:
        _refuse(tensors.values(), discriminator_name is not None)
        return None
    discriminator = None
    if discriminator_name is not None:
        discriminator = discriminator_of(
            nvidia.discriminator_state(tensors[discriminator_name]),
            minibatch_std_group=nvidia.minibatch_std_group(parts[discriminator_name]),
            conv_clamp=nvidia.conv_clamp(parts[discriminator_name]),
        )
    return Found(
        generator_of(
            nvidia.generator_state(tensors[generator]), conv_clamp=nvidia.conv_clamp(parts[generator])
        ),
        discriminator,
        {"source_format": "NVIDIA stylegan2-ada-pytorch", "source_network": generator},
    )


def _read_rosinality(content: Mapping[str, Any]) -> Found | None:
    states = {name: _unwrapped(part) for name, part in content.items() if isinstance(part, Mapping)}
    states |= {"": _unwrapped(content)}  # or the file is a state dict itself
    generator = _first(states, ("g_ema", "g", ""), rosinality.GENERATOR_MARK)
    discriminator_name = _first(states, ("d", ""), rosinality.DISCRIMINATOR_MARK)
    if generator is None:
        _refuse(states.values(), discriminator_name is not None)
        return None
    w_avg = content.get("latent_avg")
    network = generator_of(rosinality.generator_state(states[generator], w_avg))
    if w_avg is None:
        _find_w_avg(network)
    discriminator = None
    if discriminator_name is not None:
        discriminator = discriminator_of(rosinality.discriminator_state(states[discriminator_name]))
    source = {"source_format": "rosinality stylegan2-pytorch", "source_network": generator or "state dict"}
    return Found(network, discriminator, source)


def _first(states: Mapping[str, Mapping[str, Any]], names: tuple[str, ...], mark: str) -> str | None:
    """The first of `names` whose tensors have the one called `mark`."""
    return next((name for name in names if mark in states.get(name, {})), None)


def _unwrapped(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of a state dict without data-parallel prefixes."""
    return {str(k).removeprefix("module."): v for k, v in state.items() if isinstance(v, Tensor)}


def _refuse(states: Any, discriminator: bool) -> None:
    """Raise CheckpointError for known networks that are no generators; it names their kind."""
    for state in states:
        for mark, kind in OTHER_NETWORKS.items():
            if mark in state:
                raise CheckpointError(f"it holds {kind}, not a StyleGAN2 generator")
    if discriminator:
        raise CheckpointError("it holds a discriminator and no generator")


@torch.no_grad()
def _find_w_avg(generator: StyleGAN2Generator) -> None:
    rng, parts = torch.Generator().manual_seed(0), W_AVG_LATENTS // W_AVG_BATCH
    for _ in range(parts):
        (z,) = draw_inputs(generator.input_specs, W_AVG_BATCH, rng)
        generator.w_avg += generator.mapping(z).mean(dim=0) / parts
