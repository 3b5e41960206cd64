"""Weight inheritance: a student starts with the teacher's most important channels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from search_spaces.base import Importance
from search_spaces.batch_statistics import RunningNorm, measure_statistics
from search_spaces.biggan.batch_norm import ConditionalBatchNorm
from search_spaces.biggan.generator import BigGANGenerator, GeneratorBlock
from search_spaces.biggan.importance import channel_importance
from search_spaces.biggan.layers import Embedding, SpectralNorm
from search_spaces.importance import input_norms, most_important
from search_spaces.inputs import input_batches

POWER_ITERATIONS = 30  # to converge to the singular vector of part of a weight
STATISTICS_BATCHES, STATISTICS_BATCH = 4, 16  # images; a start only, training updates them


@dataclass(frozen=True)
class _Conditions:
    """Maps weights on conditions of the teacher's blocks to conditions of the student's blocks."""

    axes: Tensor | None  # (teacher's shared_dim, student's), orthonormal columns; None: they are equal
    shared_dim: int  # the teacher's
    chunked: bool  # whether the student's blocks get chunks of z

    def weights(self, weight: Tensor) -> Tensor:
        """A weight (C, D) on the teacher's conditions as one (C, D') on the student's."""
        embedded, chunk = weight[:, : self.shared_dim], weight[:, self.shared_dim :]
        embedded = embedded if self.axes is None else embedded @ self.axes
        return torch.cat([embedded, chunk], dim=1) if self.chunked else embedded


@torch.no_grad()
def inherit(teacher: BigGANGenerator, student: BigGANGenerator, importance: Importance = "magnitude") -> None:
    """Copy the weights of `teacher` that fit into `student`; the rest keeps its random start.

    Of every layer the channels that matter most by `importance` are kept. A narrower class embedding uses the
    principal directions of the teacher's. Attention is copied where both have it; attention at a side where
    the teacher has none starts as the identity. Part of a weight has a smaller singular value than the whole,
    so running statistics are measured anew, on a few images; a student of the teacher's shape is its copy.
    """
    if student.architecture == teacher.architecture:
        student.load_state_dict(teacher.state_dict())
        return
    scores = channel_importance(teacher, importance)
    widths = student.architecture.channels
    incoming = most_important(scores.stages[0], widths[0])
    conditions = _inherit_classes(teacher, student)
    _inherit_start(teacher, student, incoming)
    for i, (source, target) in enumerate(zip(teacher.blocks, student.blocks, strict=True)):
        outgoing = most_important(scores.stages[i + 1], widths[i + 1])
        middle = most_important(scores.inside[i], widths[i + 1])
        _inherit_norm(source.norm1, target.norm1, incoming, conditions)
        _inherit_conv(source.conv1, target.conv1, outgoing=middle, incoming=incoming)
        _inherit_norm(source.norm2, target.norm2, middle, conditions)
        _inherit_conv(source.conv2, target.conv2, outgoing=outgoing, incoming=middle)
        _inherit_conv(source.shortcut, target.shortcut, outgoing=outgoing, incoming=incoming)
        _inherit_attention(source, target, outgoing)
        incoming = outgoing
    student.norm.gain.copy_(teacher.norm.gain[incoming])
    student.norm.bias.copy_(teacher.norm.bias[incoming])
    everything = torch.arange(len(teacher.to_rgb.weight), device=incoming.device)
    _inherit_conv(teacher.to_rgb, student.to_rgb, outgoing=everything, incoming=incoming)
    _measure(student)


def _inherit_classes(teacher: BigGANGenerator, student: BigGANGenerator) -> _Conditions:
    chunked = any(student.architecture.chunks[1:])
    wide, narrow = teacher.architecture.shared_dim, student.architecture.shared_dim
    if teacher.embed is None or student.embed is None:
        return _Conditions(None, teacher.architecture.classes, chunked)
    if wide == narrow:
        student.embed.weight.copy_(teacher.embed.weight)
        return _Conditions(None, wide, chunked)
    axes = torch.linalg.svd(teacher.embed.weight, full_matrices=True).Vh[:narrow].T
    student.embed.weight.copy_(teacher.embed.weight @ axes)
    return _Conditions(axes, wide, chunked)


def _inherit_start(teacher: BigGANGenerator, student: BigGANGenerator, channels: Tensor) -> None:
    """Inherit the first layer; latent dimensions that the teacher lacks get zero weights."""
    pixels = teacher.architecture.bottom_width**2
    rows = (channels[:, None] * pixels + torch.arange(pixels, device=channels.device)).flatten()
    first = teacher.architecture.chunks[0]
    weight = torch.zeros_like(student.linear.weight)
    weight[:, :first] = teacher.linear.weight[rows]
    _set_weight(student.linear, weight, teacher.linear.u0[:, rows])
    _copy_bias(teacher.linear, student.linear, rows)


def _inherit_norm(
    source: ConditionalBatchNorm, target: ConditionalBatchNorm, channels: Tensor, conditions: _Conditions
) -> None:
    for old, new in ((source.gain, target.gain), (source.bias, target.bias)):
        if isinstance(old, SpectralNorm) and isinstance(new, SpectralNorm):
            _set_weight(new, conditions.weights(old.weight[channels]), old.u0[:, channels])
        else:
            _weight(new).copy_(_weight(old)[:, channels])
    _inherit_statistics(source.batch, target.batch, channels)


def _inherit_statistics(source: RunningNorm, target: RunningNorm, channels: Tensor) -> None:
    target.running_mean.copy_(source.running_mean[channels])
    target.running_var.copy_(source.running_var[channels])


def _inherit_conv(source: SpectralNorm, target: SpectralNorm, *, outgoing: Tensor, incoming: Tensor) -> None:
    _set_weight(target, source.weight[outgoing][:, incoming], source.u0[:, outgoing])
    _copy_bias(source, target, outgoing)


def _inherit_attention(source: GeneratorBlock, target: GeneratorBlock, channels: Tensor) -> None:
    """Inherit attention: query and key channels in pairs, and values, by the magnitude of products."""
    theirs, ours = source.attention, target.attention
    if theirs is None or ours is None:
        return
    looks = _size(theirs.theta) * _size(theirs.phi)
    rows = most_important(looks, len(ours.theta.weight))
    _inherit_conv(theirs.theta, ours.theta, outgoing=rows, incoming=channels)
    _inherit_conv(theirs.phi, ours.phi, outgoing=rows, incoming=channels)
    values = most_important(_size(theirs.g) * input_norms(theirs.o.weight), len(ours.g.weight))
    _inherit_conv(theirs.g, ours.g, outgoing=values, incoming=channels)
    _inherit_conv(theirs.o, ours.o, outgoing=channels, incoming=values)
    ours.gamma.copy_(theirs.gamma)


def _size(layer: SpectralNorm) -> Tensor:
    """L2 norm per output channel of a weight (O, I, 1, 1), (O,)."""
    return layer.weight.flatten(1).square().sum(dim=1).sqrt()


def _weight(embedding: nn.Module) -> Tensor:
    """Gains or biases of classes without a shared embedding, (classes, C)."""
    assert isinstance(embedding, Embedding)
    return embedding.weight


def _copy_bias(source: SpectralNorm, target: SpectralNorm, rows: Tensor) -> None:
    if source.bias is not None and target.bias is not None:
        target.bias.copy_(source.bias[rows])


def _set_weight(layer: SpectralNorm, weight: Tensor, u0: Tensor) -> None:
    """Give a layer a weight, and the singular vector that belongs to it, searched from `u0`."""
    layer.weight.copy_(weight)
    layer.u0.copy_(u0)
    training = layer.training
    layer.training = True
    for _ in range(POWER_ITERATIONS):
        layer.normalized_weight()
    layer.training = training


def _measure(student: BigGANGenerator) -> None:
    """Measure the running statistics of the student."""
    rng = torch.Generator().manual_seed(0)
    batches = input_batches(student.input_specs, STATISTICS_BATCH, rng)
    measure_statistics(student, batches, STATISTICS_BATCHES)
