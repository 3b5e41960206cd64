"""BigGAN checkpoints of the public implementation, BigGAN-PyTorch: a bare state dict for each network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from search_spaces.base import Discriminator, Found
from search_spaces.biggan.architecture import DiscriminatorArchitecture, GeneratorArchitecture
from search_spaces.biggan.discriminator import BigGANDiscriminator
from search_spaces.biggan.generator import BigGANGenerator
from search_spaces.errors import CheckpointError
from search_spaces.reading import Network, choose, find_networks, with_weights

GENERATOR_MARKS = ("blocks.0.0.bn1.gain.weight", "output_layer.2.weight")
DISCRIMINATOR_MARKS = ("blocks.0.0.conv1.weight", "embed.weight")
DEEP_MARK = "blocks.0.0.conv4.weight"  # BigGAN-deep has four convolutions a block
MAX_BLOCKS = 7  # of published networks: those of 256 px; a file may claim any number

State = Mapping[str, Tensor]

_PLACES = (  # their names ─► ours
    ("shared.", "embed."),
    ("output_layer.0.stored_", "norm.running_"),
    ("output_layer.0.", "norm."),
    ("output_layer.2.", "to_rgb."),
)
_PARTS = (
    (".bn1.stored_", ".norm1.batch.running_"),
    (".bn2.stored_", ".norm2.batch.running_"),
    (".bn1.", ".norm1."),
    (".bn2.", ".norm2."),
    (".conv_sc.", ".shortcut."),
)


def read(content: Any) -> Found | None:
    """The generator in `content`, as `read_untrusted` returns it; None without a BigGAN generator.

    Raises:
        CheckpointError: it is, but can't be used: only a discriminator, a variant, tensors that don't fit.
    """
    networks = find_networks(content)
    chosen = choose(networks, lambda each: _marked(each.tensors, GENERATOR_MARKS) or None)
    if chosen is None:
        if _discriminator_in(networks) is not None:
            raise CheckpointError(
                "it holds a BigGAN discriminator and no generator: give G_ema.pth, and this file beside it"
            )
        return None
    network, _ = chosen
    theirs = network.tensors
    _refuse_deep(theirs)
    generator = with_weights(BigGANGenerator, _generator_architecture(theirs), _renamed(theirs), "generator")
    return Found(generator, None, {"source_format": "BigGAN-PyTorch", **network.origin})


def read_discriminator(content: Any, generator: BigGANGenerator) -> Discriminator | None:
    """The discriminator in `content`, trained with `generator`; None without a BigGAN discriminator.

    Raises:
        CheckpointError: it is of another resolution, of other colours or classes, or its tensors don't fit.
    """
    found = _discriminator_in(find_networks(content))
    if found is None:
        return None
    theirs = found.tensors
    _refuse_deep(theirs)
    architecture = _discriminator_architecture(theirs)
    for name, unit in (("resolution", "px"), ("image_channels", "image channels"), ("classes", "classes")):
        given, wanted = getattr(architecture, name), getattr(generator.architecture, name)
        if given != wanted:
            raise CheckpointError(
                f"its discriminator is for {given} {unit}, the generator for {wanted}: give the D.pth of "
                "the same training"
            )
    return with_weights(BigGANDiscriminator, architecture, _renamed(theirs), "discriminator")


def _discriminator_in(networks: Sequence[Network]) -> Network | None:
    """The discriminator, averaged only where there is no other."""
    found = (
        each
        for each in networks
        if _marked(each.tensors, DISCRIMINATOR_MARKS) and not _marked(each.tensors, GENERATOR_MARKS)
    )
    return min(found, key=lambda each: each.averaged, default=None)


def _marked(theirs: State, marks: tuple[str, ...]) -> bool:
    return all(mark in theirs for mark in marks)


def _refuse_deep(theirs: State) -> None:
    if DEEP_MARK in theirs:
        raise CheckpointError("it holds a BigGAN-deep network, whose blocks differ: give one of BigGAN")


def _generator_architecture(theirs: State) -> GeneratorArchitecture:
    """The architecture of a generator from shapes: a condition has the class embedding and a chunk of z."""
    convs = _first_convs(theirs)
    channels = (convs[0].shape[1], *(len(conv) for conv in convs))
    start, first_chunk = _get(theirs, "linear.weight").shape
    gains = [_get(theirs, f"blocks.{i}.0.bn1.gain.weight") for i in range(len(convs))]
    shared = theirs.get("shared.weight")
    if shared is None:  # every block has an embedding of its own: (classes, width)
        classes, shared_dim, chunks = len(gains[0]), 0, [0] * len(gains)
    else:
        classes, shared_dim = shared.shape
        chunks = [gain.shape[1] - shared_dim for gain in gains]
    bottom = math.isqrt(start // max(1, channels[0]))
    sides = [bottom << i + 1 for i in range(len(convs))]
    return GeneratorArchitecture(
        channels=channels,
        chunks=(first_chunk, *chunks),
        classes=classes,
        shared_dim=shared_dim,
        attention=_attended(theirs, sides),
        bottom_width=bottom,
        image_channels=len(_get(theirs, "output_layer.2.weight")),
    )


def _discriminator_architecture(theirs: State) -> DiscriminatorArchitecture:
    """The architecture of a discriminator from shapes.

    Blocks with a shortcut convolution halve the side, except the last one. Published networks have 4, 5, 6, 7
    blocks for 32, 64, 128, 256 px.
    """
    convs = _first_convs(theirs)
    halvings = sum(f"blocks.{i}.0.conv_sc.weight" in theirs for i in range(len(convs) - 1))
    resolution = 2 << len(convs)
    sides = [resolution >> min(i + 1, halvings) for i in range(len(convs))]
    return DiscriminatorArchitecture(
        channels=tuple(len(conv) for conv in convs),
        halvings=halvings,
        classes=len(_get(theirs, "embed.weight")),
        attention=_attended(theirs, sides),
        bottom_width=resolution >> halvings,
        image_channels=convs[0].shape[1],
    )


def _first_convs(theirs: State) -> list[Tensor]:
    """The weight (O, I, 3, 3) of the first convolution of every block."""
    convs: list[Tensor] = []
    while (weight := theirs.get(f"blocks.{len(convs)}.0.conv1.weight")) is not None:
        convs.append(weight)
    if len(convs) > MAX_BLOCKS:
        raise CheckpointError(f"it has {len(convs)} blocks, published BigGANs at most {MAX_BLOCKS}")
    return convs


def _attended(theirs: State, sides: list[int]) -> tuple[int, ...]:
    """Sides of the blocks that attention follows."""
    found = (side for i, side in enumerate(sides) if f"blocks.{i}.1.theta.weight" in theirs)
    return tuple(dict.fromkeys(found))


def _renamed(theirs: State) -> State:
    """The tensors under our names."""
    return {_our_name(name): tensor for name, tensor in theirs.items()}


def _our_name(name: str) -> str:
    for old, new in _PLACES:
        if name.startswith(old):
            name = new + name.removeprefix(old)
    for old, new in _PARTS:
        name = name.replace(old, new)
    steps = name.split(".")
    if steps[0] == "blocks" and steps[2:3] in (["0"], ["1"]):  # a block, or the attention after it
        steps[2:3] = ["attention"] if steps[2] == "1" else []
    return ".".join(steps)


def _get(theirs: State, name: str) -> Tensor:
    if name not in theirs:
        raise CheckpointError(f"it has no {name}")
    return theirs[name]
