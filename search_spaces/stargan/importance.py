"""Importance of a StarGAN generator's channels, and of its residual blocks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from search_spaces.base import Importance
from search_spaces.image_difference import Site, image_difference
from search_spaces.importance import fraction
from search_spaces.stargan.architecture import Size
from search_spaces.stargan.generator import StarGANGenerator
from search_spaces.stargan.layers import SeparableConv


@dataclass(frozen=True)
class ChannelImportance:
    """Importance of channels, (C,) each."""

    encoder: tuple[Tensor, Tensor, Tensor]  # at the full, half and quarter side; the last are the blocks' too
    decoder: tuple[Tensor, Tensor]  # at the half and full side
    inside: list[Tensor]  # between the convolutions of every block


def channel_importance(teacher: StarGANGenerator, importance: Importance) -> ChannelImportance:
    """Importance of the channels of `teacher` to what follows them."""
    return _IMPORTANCES[importance](teacher)


@torch.no_grad()
def block_importance(teacher: StarGANGenerator) -> Tensor:
    """Root mean square of what every residual block adds, (blocks,): its last normalisation fixes it."""
    return torch.stack([_mean_square(block.norm2).mean().sqrt() for block in teacher.blocks])


@torch.no_grad()
def _by_magnitude(teacher: StarGANGenerator) -> ChannelImportance:
    """The sum over a channel's readers of the fraction of their maps that the channel contributes.

    Instance normalisation fixes the mean and the variance of every channel, so that no image is needed.
    Values are taken to be normal, and channels to be uncorrelated.
    """
    downs, ups = teacher.downs, teacher.ups
    full, half, trunk = (_behind_relu(layer.norm) for layer in (teacher.stem, *downs))
    of_trunk, inside = torch.zeros_like(trunk), []
    for block in teacher.blocks:
        of_trunk += _read(trunk, block.conv1, block.norm1)
        inside.append(_read(_behind_relu(block.norm1), block.conv2, block.norm2))
        trunk = trunk + _mean_square(block.norm2)
    encoded: dict[Size, Tensor] = {"full": full, "half": half, "quarter": _behind_relu(downs[1].norm)}
    decoded: dict[Size, Tensor] = {
        "full": _behind_relu(ups[1].norm),
        "half": _behind_relu(ups[0].norm),
        "quarter": trunk,
    }
    before: dict[Size, Tensor] = {
        "full": _read(full, downs[0].map, downs[0].norm),
        "half": _read(half, downs[1].map, downs[1].norm),
        "quarter": of_trunk,
    }
    after: dict[Size, Tensor] = {
        "full": _read(decoded["full"], teacher.to_image),
        "half": _read(decoded["half"], ups[1].map, ups[1].norm),
        "quarter": _read(trunk, ups[0].map, ups[0].norm),
    }
    for size in teacher.architecture.skips:
        skip, width = teacher.skip(size), len(decoded[size])
        assert skip is not None
        joined = _read(torch.cat([decoded[size], encoded[size]]), skip.map)
        after[size], before[size] = joined[:width], before[size] + joined[width:]
    encoder = (before["full"], before["half"], before["quarter"] + after["quarter"])
    return ChannelImportance(encoder, (after["half"], after["full"]), inside)


def _read(mean_square: Tensor, reader: nn.Module, norm: nn.InstanceNorm2d | None = None) -> Tensor:
    """Fraction of a reader's output that its input channels, of `mean_square` (I,), contribute each, (I,).

    Behind normalisation the contributions to an output channel are fractions, and count by its scale.
    """
    contributions = mean_square * taps_of(reader).square().sum(dim=(2, 3))  # (O, I)
    if norm is not None:
        fractions = contributions / contributions.sum(dim=1, keepdim=True).clamp_min(1e-12)
        contributions = fractions * norm.weight.square()[:, None]
    return fraction(contributions.sum(dim=0).sqrt())


def taps_of(reader: nn.Module) -> Tensor:
    """The weights of a convolution of any kind as an ordinary one's, (O, I, k, k)."""
    if isinstance(reader, SeparableConv):
        return reader.pointwise.weight * reader.depthwise.weight.transpose(0, 1)
    weight = reader.get_parameter("weight")
    return weight.transpose(0, 1) if isinstance(reader, nn.ConvTranspose2d) else weight


def _mean_square(norm: nn.InstanceNorm2d) -> Tensor:
    """Mean square of every channel behind instance normalisation, (C,)."""
    return norm.weight.square() + norm.bias.square()


def _behind_relu(norm: nn.InstanceNorm2d) -> Tensor:
    """Mean square behind a ReLU too, (C,), for normal values: `(b² + g²) Φ(b/g) + b g φ(b/g)`."""
    scale = norm.weight.abs().clamp_min(1e-6)
    ratio = norm.bias / scale
    below: Tensor = torch.special.ndtr(ratio)
    density = torch.exp(-ratio.square() / 2) / math.sqrt(2 * math.pi)
    return (_mean_square(norm) * below + norm.bias * scale * density).clamp_min(0)


def _by_image_difference(teacher: StarGANGenerator) -> ChannelImportance:
    """What images change by; for the residual blocks' channels the sum over the places that read them."""
    sites = {
        "full": Site(teacher.stem, "output"),
        "half": Site(teacher.downs[0], "output"),
        **{f"trunk {i}": Site(block.conv1, "input") for i, block in enumerate(teacher.blocks)},
        "trunk": Site(teacher.skip("quarter") or teacher.ups[0], "input"),
        **{f"inside {i}": Site(block.conv2, "input") for i, block in enumerate(teacher.blocks)},
        "decoder half": Site(teacher.ups[0], "output"),
        "decoder full": Site(teacher.ups[1], "output"),
    }
    found = image_difference(teacher, sites)
    trunk = torch.stack([score for name, score in found.items() if name.startswith("trunk")]).sum(dim=0)
    inside = [found[f"inside {i}"] for i in range(len(teacher.blocks))]
    decoder = (found["decoder half"], found["decoder full"])
    return ChannelImportance((found["full"], found["half"], trunk), decoder, inside)


_IMPORTANCES: dict[Importance, Callable[[StarGANGenerator], ChannelImportance]] = {
    "magnitude": _by_magnitude,
    "image-difference": _by_image_difference,
}
