"""StyleGAN2 checkpoints of the public implementations as our networks: NVIDIA's and rosinality's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch

from search_spaces.base import Found
from search_spaces.errors import CheckpointError
from search_spaces.inputs import draw_inputs
from search_spaces.reading import Network, PickledObject, choose, find_networks
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
    networks = find_networks(content)
    for layout in (nvidia, rosinality):
        discriminator = _discriminator(networks, layout.DISCRIMINATOR_MARK)
        chosen = choose(networks, partial(_marked, mark=layout.GENERATOR_MARK))
        if chosen is not None and layout is nvidia:
            return _read_nvidia(content, chosen[0], discriminator)
        if chosen is not None:
            return _read_rosinality(content, chosen[0], discriminator)
        _refuse(networks, discriminator)
    return None


def _marked(network: Network, mark: str) -> bool | None:
    return mark in network.tensors or None


def _discriminator(networks: Sequence[Network], mark: str) -> Network | None:
    """The discriminator, averaged only where there is no other."""
    found = [each for each in networks if mark in each.tensors]
    return min(found, key=lambda each: each.averaged, default=None)


def _read_nvidia(content: Any, generator: Network, other: Network | None) -> Found:
    discriminator = None
    if other is not None:
        state = nvidia.discriminator_state(other.tensors)
        settings = {} if other.module is None else {"conv_clamp": nvidia.conv_clamp(other.module)}
        group = 4 if other.module is None else nvidia.minibatch_std_group(other.module)
        discriminator = discriminator_of(state, minibatch_std_group=group, **settings)
    metadata = {"source_format": "NVIDIA stylegan2-ada-pytorch", **generator.origin}
    clamp = None
    if generator.module is not None:
        clamp = nvidia.conv_clamp(generator.module)
    elif isinstance(content, Mapping) and nvidia.INIT_KWARGS in content:
        clamp = nvidia.noted_clamp(content[nvidia.INIT_KWARGS])
    else:
        metadata["assumed"] = "activations are not clamped, as of networks trained in fp32"
    network = generator_of(nvidia.generator_state(generator.tensors), conv_clamp=clamp)
    return Found(network, discriminator, metadata)


def _read_rosinality(content: Any, generator: Network, other: Network | None) -> Found:
    w_avg = content.get("latent_avg") if isinstance(content, Mapping) else None
    network = generator_of(rosinality.generator_state(generator.tensors, w_avg))
    if w_avg is None:
        _find_w_avg(network)
    discriminator = None
    if other is not None:
        discriminator = discriminator_of(rosinality.discriminator_state(other.tensors))
    source = {"source_format": "rosinality stylegan2-pytorch", **generator.origin}
    return Found(network, discriminator, source)


def _refuse(networks: Sequence[Network], discriminator: Network | None) -> None:
    """Raise CheckpointError for known networks that are no generators; it names their kind."""
    for network in networks:
        for mark, kind in OTHER_NETWORKS.items():
            if mark in network.tensors:
                raise CheckpointError(f"it holds {kind}, not a StyleGAN2 generator")
    if discriminator is not None:
        raise CheckpointError("it holds a discriminator and no generator")


@torch.no_grad()
def _find_w_avg(generator: StyleGAN2Generator) -> None:
    rng, parts = torch.Generator().manual_seed(0), W_AVG_LATENTS // W_AVG_BATCH
    for _ in range(parts):
        (z,) = draw_inputs(generator.input_specs, W_AVG_BATCH, rng)
        generator.w_avg += generator.mapping(z).mean(dim=0) / parts
