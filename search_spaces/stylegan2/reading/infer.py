"""Infer StyleGAN2 networks from the shapes of tensors under our names; flags of files are ignored."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from search_spaces.errors import CheckpointError
from search_spaces.reading import with_weights
from search_spaces.stylegan2.architecture import Block, DiscriminatorArchitecture, GeneratorArchitecture
from search_spaces.stylegan2.discriminator import StyleGAN2Discriminator
from search_spaces.stylegan2.generator import StyleGAN2Generator

State = dict[str, Tensor]


def generator_of(state: Mapping[str, Tensor], *, conv_clamp: float | None = None) -> StyleGAN2Generator:
    """The generator of the state dict `state`, with full kernels, in evaluation mode.

    Raises:
        CheckpointError: tensors are missing, too many, of other shapes than their neighbours, or not finite.
    """
    blocks: list[Block] = []
    while f"blocks.{len(blocks)}.to_rgb.weight" in state:
        i = len(blocks)
        convs = sum(f"blocks.{i}.convs.{j}.conv.weight" in state for j in range(2))
        weight = _tensor(state, f"blocks.{i}.convs.0.conv.weight")
        blocks.append(Block(weight.shape[0], convs, kernel=weight.shape[-1]))
    layers = sum(name.startswith("mapping.layers.") and name.endswith(".weight") for name in state)
    style_dim, inputs = _tensor(state, "mapping.layers.0.weight").shape
    embed = state.get("mapping.embed.weight")
    architecture = GeneratorArchitecture(
        blocks=tuple(blocks),
        image_channels=_tensor(state, "blocks.0.to_rgb.weight").shape[0],
        latent_dim=inputs - (0 if embed is None else len(embed)),
        style_dim=style_dim,
        mapping_layers=layers,
        classes=0 if embed is None else embed.shape[1],
        conv_clamp=conv_clamp,
    )
    return with_weights(StyleGAN2Generator, architecture, state, "generator")


def discriminator_of(
    state: Mapping[str, Tensor], *, minibatch_std_group: int = 4, conv_clamp: float | None = None
) -> StyleGAN2Discriminator:
    """The discriminator of the state dict `state`.

    Raises:
        CheckpointError: as for `generator_of`.
    """
    finest_first = [_tensor(state, "from_rgb.weight").shape[0]]
    while f"blocks.{len(finest_first) - 1}.skip.weight" in state:
        finest_first.append(len(state[f"blocks.{len(finest_first) - 1}.skip.weight"]))
    layers = sum(name.startswith("mapping.layers.") and name.endswith(".weight") for name in state)
    embed = state.get("mapping.embed.weight")
    architecture = DiscriminatorArchitecture(
        channels=tuple(finest_first[::-1]),
        image_channels=_tensor(state, "from_rgb.weight").shape[1],
        minibatch_std_group=minibatch_std_group,
        classes=0 if embed is None else embed.shape[1],
        mapping_layers=layers or DiscriminatorArchitecture.mapping_layers,
        conv_clamp=conv_clamp,
    )
    return with_weights(StyleGAN2Discriminator, architecture, state, "discriminator")


def _tensor(state: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in state:
        raise CheckpointError(f"it has no {name}")
    return state[name]
