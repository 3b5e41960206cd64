"""Infer an architecture from a chain of modules: shapes define kinds and widths of layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from torch import Tensor

from search_spaces.dcgan.architecture import GeneratorArchitecture, Kind, Layer
from search_spaces.dcgan.layouts import Layout, layout_of
from search_spaces.dcgan.modules import Module
from search_spaces.errors import CheckpointError, one_line

COLOURS = (1, 3)
SIDES = (28, 32, 64)  # px, of images from a chain of dense layers
LEAST_WIDTH = 4  # of hidden layers


@dataclass(frozen=True)
class Link:
    """A module as a layer: its kind and its output channels."""

    module: Module
    kind: Kind
    channels: int
    kernel: int  # for a matrix, the side of the map that it makes


@dataclass(frozen=True)
class Inferred:
    """An inferred generator, and the layout that supplied what shapes do not define."""

    architecture: GeneratorArchitecture
    state: dict[str, Tensor]  # by our names
    layout: Layout


def infer(modules: Sequence[Module]) -> Inferred | None:
    """The generator of `modules`; None when they do not start like a DCGAN, or continue like an
    encoder.

    Raises:
        CheckpointError: they are one, but what follows does not fit, or can't be known from tensors.
        ArchitectureError: a network of these shapes makes no images.
    """
    links = _matrices(modules) or _links(modules)
    if links is None:
        return None
    layout = layout_of(tuple(link.module.name for link in links), tuple(link.kernel for link in links))
    if layout.modules == () and any(_widens(one, other) for one, other in pairwise(links)):
        return None
    if layout.modules == () and not any(_grows(link) for link in links[1:]) and not links[-1].module.dense:
        raise CheckpointError("its tensors do not show where it up-samples: give a known DCGAN")
    layers = [_layer(i, link, layout, last=link is links[-1]) for i, link in enumerate(links)]
    first = links[0].module
    latent_dim = first.weight.shape[1] if first.dense else first.weight.shape[0]
    architecture = GeneratorArchitecture(tuple(layers), latent_dim, layout.latent)
    state: dict[str, Tensor] = {}
    for i, link in enumerate(links):
        module = link.module
        state[f"layers.{i}.map.weight"] = module.weight
        state |= {} if module.bias is None else {f"layers.{i}.map.bias": module.bias}
        state |= {f"layers.{i}.norm.{name}": tensor for name, tensor in (module.norm or {}).items()}
    return Inferred(architecture, state, layout)


def _widens(one: Link, other: Link) -> bool:
    """Whether `other` is a plain convolution that widens its input, as in encoders."""
    return other.kind == "conv" and not one.module.dense and one.channels < other.channels


def is_discriminator(modules: Sequence[Module]) -> bool:
    """Whether `modules` are the widening convolutions of a discriminator, from an image to one logit."""
    convs = [module.weight for module in modules if not module.dense]
    if len(convs) < 3 or convs[0].shape[1] not in COLOURS or any(module.dense for module in modules[:-1]):
        return False
    outputs = [weight.shape[0] for weight in convs]
    chained = all(one.shape[0] == other.shape[1] for one, other in pairwise(convs))
    widths = outputs if modules[-1].dense else outputs[:-1]
    return chained and widths == sorted(widths) and modules[-1].weight.shape[0] == 1


def _matrices(modules: Sequence[Module]) -> list[Link] | None:
    """A chain of ever wider matrices from `z` to the pixels of an image."""
    if len(modules) < 2 or not all(module.dense and module.norm is None for module in modules):
        return None
    widths = [modules[0].weight.shape[1], *(module.weight.shape[0] for module in modules)]
    if widths != sorted(widths) or any(m.weight.shape[1] != w for m, w in zip(modules, widths, strict=False)):
        return None
    images = [(c, side) for c in COLOURS for side in SIDES if c * side**2 == widths[-1]]
    if not images or widths[0] == widths[-1]:
        return None
    hidden = [Link(module, "dense", module.weight.shape[0], 1) for module in modules[:-1]]
    return [*hidden, Link(modules[-1], "dense", *images[0])]


def _links(modules: Sequence[Module]) -> list[Link] | None:
    """Dense layers or a transposed convolution for the first map, then convolutions of either kind.

    None for other starts.
    """
    matrices = next((i for i, module in enumerate(modules) if not module.dense), len(modules))
    first = max(0, matrices - 1)  # the module of the first map
    if len(modules) < first + 2 or any(m.dense or m.kernel == 1 for m in modules[first + 1 : -1]):
        return None
    hidden = [Link(module, "dense", module.weight.shape[0], 1) for module in modules[:first]]
    for one, other in pairwise(modules[: first + 1]):
        if one.weight.shape[0] != other.weight.shape[1]:
            return None
    starts = _starts(modules[first], modules[first + 1])
    chains = [_chain([*hidden, start], modules[first + 1 :]) for start in starts]
    if not chains:
        return None
    links = max(chains, key=len)
    if len(links) < len(modules):
        broken = modules[len(links)]
        raise CheckpointError(
            f"its tensors are no chain: {one_line(broken.name, 60)} of shape {tuple(broken.weight.shape)} "
            f"does not read the {links[-1].channels} channels before it"
        )
    for link in links:
        if link.module.norm_width not in (None, link.channels):
            raise CheckpointError(
                f"behind {one_line(link.module.name, 60)}, {link.module.norm_width} channels are "
                f"normalised, not {link.channels}"
            )
    if links[-1].channels not in COLOURS:
        raise CheckpointError(
            f"its last layer, {one_line(links[-1].module.name, 60)}, makes {links[-1].channels} channels: "
            "images have 1 or 3"
        )
    return links


def _starts(first: Module, second: Module) -> list[Link]:
    """What the first map may be, as the normalisation behind it or else the next module reads it."""
    reads = second.weight.shape[:2]  # of a transposed one, and of a plain one
    width, out = first.norm_width, first.weight.shape[0]
    if not first.dense:
        made = first.weight.shape[1]
        known = made in reads if width is None else made == width
        return [Link(first, "transposed", made, first.kernel)] if known and made >= LEAST_WIDTH else []
    if width == out:  # every pixel is normalised by itself, which is not what a layer here does
        first, width = first.folded(), None
    starts = []
    for channels in dict.fromkeys(reads if width is None else (width,)):
        side = math.isqrt(out // channels)
        if channels >= LEAST_WIDTH and side > 1 and channels * side**2 == out:
            starts.append(Link(first, "dense", channels, side))
    return starts


def _chain(links: list[Link], modules: Sequence[Module]) -> list[Link]:
    """`links` and as many of the convolutions `modules` as read one another's channels."""
    for module in modules:
        one, other = module.weight.shape[:2]
        before = links[-1].channels
        if before not in (one, other):
            break
        # of one that could be either, an odd kernel is rather a plain convolution's
        transposed = one == before and (other != before or module.kernel % 2 == 0)
        kind: Kind = "transposed" if transposed else "conv"
        links = [*links, Link(module, kind, other if transposed else one, module.kernel)]
    return links


def _grows(link: Link) -> bool:
    return link.kind == "transposed" and link.kernel > 1


def _layer(number: int, link: Link, layout: Layout, *, last: bool) -> Layer:
    """One layer with the settings that shapes do not define: from the layout, else such that sizes double."""
    doubles = _grows(link) and number > 0
    default = Layer(
        kind=link.kind,
        channels=link.channels,
        kernel=link.kernel,
        stride=2 if doubles else 1,
        padding=(link.kernel - 1) // 2 if doubles or link.kind == "conv" else 0,
        output_padding=link.kernel % 2 if doubles else 0,
        bias=link.module.bias is not None,
        norm=link.module.norm is not None,
        activation="tanh" if last else layout.activation,
    )
    return replace(default, **layout.layers.get(number, {}))
