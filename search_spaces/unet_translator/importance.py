"""Importance of a U-Net translator's channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.base import Importance
from search_spaces.image_difference import Site, image_difference
from search_spaces.importance import (
    evaluating,
    fraction,
    importance_inputs,
    input_norms,
    most_important,
)
from search_spaces.unet_translator.generator import UnetTranslator
from search_spaces.unet_translator.layers import SLOPE, SeparableDown, SeparableUp


@dataclass(frozen=True)
class Measured:
    """Maps (N, C, H, W) of a teacher for example images, in evaluation mode; finest first."""

    images: Tensor
    down: list[Tensor]
    up: list[Tensor]

    @classmethod
    def of(cls, teacher: UnetTranslator) -> Measured:
        """What `teacher` makes of its `importance_inputs`."""
        (images,) = importance_inputs(teacher, next(teacher.parameters()).device)
        with evaluating(teacher):
            return cls(images, *teacher.activations(images))


@dataclass(frozen=True)
class Kept:
    """Indices of the channels that a student keeps, in their order in the teacher, by level."""

    down: list[Tensor]  # of what a level's convolution makes
    up: list[Tensor]  # of what a level's transposed convolution makes; of the first level the image


def kept(teacher: UnetTranslator, widths: Sequence[int], measured: Measured, importance: Importance) -> Kept:
    """The channels of `teacher` that a student of those widths, finest level first, keeps."""
    return _KEPT[importance](teacher, widths, measured)


def _by_magnitude(teacher: UnetTranslator, widths: Sequence[int], measured: Measured) -> Kept:
    """A layer keeps the channels with the largest effect on what is kept of the layers that read it.

    The effect is the root mean square of a channel, rectified, times the norm of the weights that read it.
    What skips and the next level both read has the sum, each relative to its own.
    """
    last = len(widths) - 1
    up, through_skips = [_colours(teacher)], []
    for i in range(last + 1):
        down_sizes = _rms(F.relu(measured.down[i]))
        inner = [] if i == last else [_rms(F.relu(measured.up[i + 1]))]
        effect = _reads(teacher.up[i].conv, up[i]) * torch.cat([down_sizes, *inner])
        through_skips.append(effect[: len(down_sizes)])
        if i < last:
            up.append(most_important(effect[len(down_sizes) :], widths[i]))
    down = [most_important(through_skips[last], widths[last])]
    for i in reversed(range(last)):
        sizes = _rms(F.leaky_relu(measured.down[i], SLOPE))
        inwards = _reads(teacher.down[i + 1].conv, down[0]) * sizes
        down.insert(0, most_important(fraction(through_skips[i]) + fraction(inwards), widths[i]))
    return Kept(down, up)


def _colours(teacher: UnetTranslator) -> Tensor:
    device = next(teacher.parameters()).device
    return torch.arange(teacher.architecture.image_channels, device=device)


def _rms(maps: Tensor) -> Tensor:
    """Root mean square of every channel, (C,)."""
    return maps.square().mean(dim=(0, 2, 3)).sqrt()


def _reads(conv: nn.Module, outgoing: Tensor) -> Tensor:
    """Norm of the weights from every input channel to the outputs `outgoing`, (C,)."""
    if isinstance(conv, SeparableDown):
        taps: Tensor = conv.depthwise.weight.flatten(1).norm(dim=1)
        return input_norms(conv.pointwise.weight[outgoing]) * taps
    if isinstance(conv, SeparableUp):
        taps = conv.depthwise.weight[outgoing].flatten(1).norm(dim=1)
        return input_norms(conv.pointwise.weight[outgoing] * taps[:, None, None, None])
    assert isinstance(conv, nn.Conv2d | nn.ConvTranspose2d)
    transposed = isinstance(conv, nn.ConvTranspose2d)
    weight = conv.weight.transpose(0, 1) if transposed else conv.weight
    return input_norms(weight[outgoing])


def _by_image_difference(teacher: UnetTranslator, widths: Sequence[int], measured: Measured) -> Kept:
    """Every layer by itself keeps the channels with the largest `image_difference` in what reads them."""
    last = len(widths) - 1
    sites = {f"up {i}": Site(layer, "input") for i, layer in enumerate(teacher.up)}
    sites |= {f"down {i}": Site(layer, "input") for i, layer in enumerate(teacher.down[1:], 1)}
    found = image_difference(teacher, sites)
    down, up = [], [_colours(teacher)]
    for i, width in enumerate(widths):
        channels = teacher.architecture.levels[i].channels
        score = fraction(found[f"up {i}"][:channels])
        if i < last:
            score = score + fraction(found[f"down {i + 1}"])
            up.append(most_important(found[f"up {i}"][channels:], width))
        down.append(most_important(score, width))
    return Kept(down, up)


_KEPT: dict[Importance, Callable[[UnetTranslator, Sequence[int], Measured], Kept]] = {
    "magnitude": _by_magnitude,
    "image-difference": _by_image_difference,
}
