"""Importance of a BigGAN generator's channels: between its blocks, and inside each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from search_spaces.base import Importance
from search_spaces.biggan.batch_norm import ConditionalBatchNorm
from search_spaces.biggan.generator import BigGANGenerator
from search_spaces.image_difference import Site, image_difference
from search_spaces.importance import evaluating, fraction, importance_inputs, input_norms


@dataclass(frozen=True)
class ChannelImportance:
    """Importance of channels, (C,) each."""

    stages: list[Tensor]  # of the output of the first layer, then of every block's
    inside: list[Tensor]  # of the channels between the convolutions of every block


def channel_importance(teacher: BigGANGenerator, importance: Importance) -> ChannelImportance:
    """Importance of the channels of `teacher` to what follows them."""
    return _IMPORTANCES[importance](teacher)


@torch.no_grad()
def _by_magnitude(teacher: BigGANGenerator) -> ChannelImportance:
    """The sum over a channel's consumers of weight magnitude × mean activation magnitude.

    After batch normalisation the latter follows from gain and bias.
    """
    blocks = list(teacher.blocks)
    with evaluating(teacher):  # a pass in training would move its singular vectors
        _, *conditions = teacher.conditions(*importance_inputs(teacher, teacher.linear.weight.device))
        before = [_magnitude(b.norm1, c) for b, c in zip(blocks, conditions, strict=True)]
        between = [_magnitude(b.norm2, c) for b, c in zip(blocks, conditions, strict=True)]
    stages = [_of_stage(teacher, stage, before) for stage in range(len(blocks) + 1)]
    inside = [input_norms(b.conv2.weight) * size for b, size in zip(blocks, between, strict=True)]
    return ChannelImportance(stages, inside)


def _of_stage(teacher: BigGANGenerator, stage: int, before: list[Tensor]) -> Tensor:
    """Importance of the output channels of the first layer (stage 0) or of block `stage - 1`, (C,)."""
    blocks = teacher.blocks
    importance = torch.zeros(teacher.architecture.channels[stage], device=teacher.linear.weight.device)
    if stage > 0 and (attention := blocks[stage - 1].attention) is not None:
        looked_at = input_norms(attention.theta.weight) + input_norms(attention.phi.weight)
        importance += attention.gamma.abs() * (
            fraction(looked_at) + fraction(input_norms(attention.g.weight))
        )
    if stage == len(blocks):
        norm = teacher.norm
        size = (norm.gain.square() + norm.bias.square()).sqrt()
        return importance + fraction(input_norms(teacher.to_rgb.weight) * size)
    block = blocks[stage]
    through = input_norms(block.conv1.weight) * before[stage]
    past = input_norms(block.shortcut.weight) * block.norm1.batch.running_var.clamp_min(0).sqrt()
    return importance + fraction(through) + fraction(past)


def _magnitude(norm: ConditionalBatchNorm, condition: Tensor) -> Tensor:
    """Root mean square of every channel after gain and bias, (C,)."""
    gain, bias = norm.scale_and_shift(condition)
    return (gain.square() + bias.square()).mean(dim=0).sqrt()


def _by_image_difference(teacher: BigGANGenerator) -> ChannelImportance:
    readers = [*teacher.blocks, teacher.norm]
    stages = {f"stage {i}": Site(reader, "input") for i, reader in enumerate(readers)}
    inside = {f"inside {i}": Site(block.conv2, "input") for i, block in enumerate(teacher.blocks)}
    found = image_difference(teacher, stages | inside)
    return ChannelImportance([found[name] for name in stages], [found[name] for name in inside])


_IMPORTANCES: dict[Importance, Callable[[BigGANGenerator], ChannelImportance]] = {
    "magnitude": _by_magnitude,
    "image-difference": _by_image_difference,
}
