"""StarGAN checkpoints of the public implementation: `*-G.ckpt` and `*-D.ckpt`, a bare state dict each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from search_spaces.base import Discriminator, Found
from search_spaces.errors import CheckpointError
from search_spaces.reading import Network, choose, find_networks, with_weights
from search_spaces.stargan.architecture import BlockKind, DiscriminatorArchitecture, GeneratorArchitecture
from search_spaces.stargan.discriminator import StarGANDiscriminator
from search_spaces.stargan.generator import StarGANGenerator

RESOLUTION = 128  # px, published; a generator's file does not show it
FIRST_BLOCK = 9  # index of the first residual block among the generator's layers
MAX_BLOCKS = 64  # published networks have 6; a file may claim any number
IGNORED = ("running_mean", "running_var", "num_batches_tracked")  # see `_weights`

State = Mapping[str, Tensor]


def read(content: Any) -> Found | None:
    """The generator in `content`, as `read_untrusted` returns it; None without a StarGAN generator.

    A discriminator in it is read too. Images are taken to be of 128 px, as published, if none shows their
    size.

    Raises:
        CheckpointError: it is, but can't be used: only a discriminator, or tensors that don't fit.
    """
    networks = find_networks(content)
    chosen = choose(networks, lambda each: _is_generator(each.tensors) or None)
    if chosen is None:
        if _discriminator_in(networks) is not None:
            raise CheckpointError(
                "it holds a StarGAN discriminator and no generator: give *-G.ckpt, and this file beside it"
            )
        return None
    network, _ = chosen
    theirs = _weights(network.tensors)
    blocks = _count_blocks(theirs)
    architecture = _generator_architecture(theirs, blocks)
    generator = with_weights(StarGANGenerator, architecture, _renamed(theirs, blocks), "generator")
    assumed = f"images of {RESOLUTION} px, or of the size that the discriminator's file shows"
    metadata = {"source_format": "StarGAN", **network.origin, "assumed": assumed}
    return Found(generator, read_discriminator(content, generator), metadata)


def read_discriminator(content: Any, generator: StarGANGenerator) -> Discriminator | None:
    """The discriminator in `content`, trained with `generator`; None without a StarGAN discriminator.

    The generator gets the resolution of the discriminator, which alone shows it.

    Raises:
        CheckpointError: it is of other colours or attributes, or its tensors don't fit.
    """
    theirs = _discriminator_in(find_networks(content))
    if theirs is None:
        return None
    architecture = _discriminator_architecture(theirs)
    for name, unit in (("image_channels", "image channels"), ("attributes", "attributes")):
        given, wanted = getattr(architecture, name), getattr(generator.architecture, name)
        if given != wanted:
            raise CheckpointError(
                f"its discriminator is for {given} {unit}, the generator for {wanted}: give the -D.ckpt of "
                "the same training"
            )
    renamed = {_discriminator_name(name): tensor for name, tensor in theirs.items()}
    discriminator = with_weights(StarGANDiscriminator, architecture, renamed, "discriminator")
    generator.set_resolution(architecture.resolution)
    return discriminator


def _is_generator(theirs: State) -> bool:
    return f"main.{FIRST_BLOCK}.main.0.weight" in theirs and "main.0.weight" in theirs


def _discriminator_in(networks: Sequence[Network]) -> State | None:
    """The tensors of a discriminator, averaged ones only where there are no others."""
    marks = ("main.0.bias", "conv1.weight", "conv2.weight")
    found = (each for each in networks if all(mark in each.tensors for mark in marks))
    chosen = min(found, key=lambda each: each.averaged, default=None)
    return None if chosen is None else chosen.tensors


def _weights(theirs: State) -> State:
    """The tensors without running statistics.

    The public code keeps them but never uses them: it draws images in training mode, so that every image is
    normalised by itself.
    """
    return {name: tensor for name, tensor in theirs.items() if name.rpartition(".")[2] not in IGNORED}


def _count_blocks(theirs: State) -> int:
    count = sum(re.fullmatch(r"main\.\d+\.main\.0\.weight", name) is not None for name in theirs)
    if count > MAX_BLOCKS:
        raise CheckpointError(f"it has {count} residual blocks, published StarGANs have 6")
    return count


def _generator_architecture(theirs: State, blocks: int) -> GeneratorArchitecture:
    """The architecture of a generator from shapes.

    The stem reads the image's colours, which the last layer makes, and a map for each attribute.
    """
    stem, *downs = (_kernel(theirs, f"main.{i}.weight") for i in (0, 3, 6))
    after = FIRST_BLOCK + blocks
    kinds: list[BlockKind] = ["dense"] * blocks
    *ups, image = (_kernel(theirs, f"main.{after + i}.weight") for i in (0, 3, 6))
    return GeneratorArchitecture(
        encoder=(len(stem), len(downs[0]), len(downs[1])),
        decoder=(ups[0].shape[1], ups[1].shape[1]),
        blocks=tuple(kinds),
        attributes=stem.shape[1] - len(image),
        resolution=RESOLUTION,
        image_channels=len(image),
        stem_kernel=stem.shape[2],
        down_kernel=downs[0].shape[2],
        up_kernel=ups[0].shape[2],
        image_kernel=image.shape[2],
    )


def _discriminator_architecture(theirs: State) -> DiscriminatorArchitecture:
    """The architecture of a discriminator from shapes: the attribute head is as large as the last map."""
    convs: list[Tensor] = []
    while f"main.{2 * len(convs)}.weight" in theirs:
        convs.append(_kernel(theirs, f"main.{2 * len(convs)}.weight"))
    head = _kernel(theirs, "conv2.weight")
    return DiscriminatorArchitecture(
        channels=tuple(len(conv) for conv in convs),
        attributes=len(head),
        resolution=head.shape[2] << len(convs),
        image_channels=convs[0].shape[1],
    )


def _renamed(theirs: State, blocks: int) -> State:
    """A generator's tensors under our names."""
    layers = {0: "stem", 3: "downs.0", 6: "downs.1"}
    layers |= {FIRST_BLOCK + blocks + 3 * i: f"ups.{i}" for i in (0, 1)}
    last = FIRST_BLOCK + blocks + 6
    names = {f"main.{last}": "to_image"}
    for index, layer in layers.items():
        names |= {f"main.{index}": f"{layer}.map", f"main.{index + 1}": f"{layer}.norm"}
    for block in range(blocks):
        for index, part in {0: "conv1", 1: "norm1", 3: "conv2", 4: "norm2"}.items():
            names[f"main.{FIRST_BLOCK + block}.main.{index}"] = f"blocks.{block}.{part}"
    return {_under(names, name): tensor for name, tensor in theirs.items()}


def _under(names: Mapping[str, str], name: str) -> str:
    module, _, leaf = name.rpartition(".")
    return f"{names[module]}.{leaf}" if module in names else name


def _discriminator_name(name: str) -> str:
    module, _, leaf = name.rpartition(".")
    heads = {"conv1": "realness", "conv2": "attributes"}
    if module in heads:
        return f"{heads[module]}.{leaf}"
    index = module.removeprefix("main.")
    return f"convs.{int(index) // 2}.{leaf}" if index.isdecimal() and int(index) % 2 == 0 else name


def _kernel(theirs: State, name: str) -> Tensor:
    """The weight `name` of a convolution, (A, B, k, k)."""
    if name not in theirs:
        raise CheckpointError(f"it has no {name}")
    weight = theirs[name]
    if weight.ndim != 4:
        raise CheckpointError(f"{name} is of shape {tuple(weight.shape)}, no convolution's: use another file")
    return weight
