"""Weight inheritance: a student starts with the teacher's most important channels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.base import Importance
from search_spaces.translation import inherit_norm, rank_one, regressed
from search_spaces.unet_translator.generator import UnetTranslator
from search_spaces.unet_translator.importance import Measured, kept
from search_spaces.unet_translator.layers import SLOPE, Down, SeparableDown, SeparableUp


@torch.no_grad()
def inherit(teacher: UnetTranslator, student: UnetTranslator, importance: Importance = "magnitude") -> None:
    """Copy the weights of `teacher` that fit into `student`; a student of its shape is its copy.

    Of every layer the channels that matter most by `importance` are kept. A separable convolution gets the
    dominant spatial kernels of the dense one, and the pointwise weights that come nearest to its outputs, or
    to its weights where the pointwise convolution is first. Statistics of batch normalisation are measured
    anew. All of it is measured with `importance_inputs`.
    """
    if student.architecture == teacher.architecture:
        student.load_state_dict(teacher.state_dict())
        return
    measured = Measured.of(teacher)
    widths = [level.channels for level in student.architecture.levels]
    keep = kept(teacher, widths, measured, importance)
    reads = [measured.images, *(F.leaky_relu(maps, SLOPE) for maps in measured.down[:-1])]
    incoming = torch.arange(teacher.architecture.input_channels, device=measured.images.device)
    for one, other, outgoing, read in zip(teacher.down, student.down, keep.down, reads, strict=True):
        _inherit_down(one, other, incoming, outgoing, read)
        inherit_norm(one.norm, other.norm, outgoing)
        incoming = outgoing
    last = len(widths) - 1
    for i, (one, other, outgoing) in enumerate(zip(teacher.up, student.up, keep.up, strict=True)):
        skipped = keep.down[i]
        channels = teacher.architecture.levels[i].channels
        incoming = skipped if i == last else torch.cat([skipped, channels + keep.up[i + 1]])
        _inherit_up(one.conv, other.conv, incoming, outgoing)
        inherit_norm(one.norm, other.norm, outgoing)
    home = next(student.parameters()).device
    student.calibrate([(measured.images.to(home),)])


def _inherit_down(source: Down, target: Down, incoming: Tensor, outgoing: Tensor, read: Tensor) -> None:
    """A convolution, whose teacher's inputs are `read` (N, C, H, W)."""
    one, other = source.conv, target.conv
    if isinstance(one, SeparableDown) and isinstance(other, SeparableDown):
        other.depthwise.weight.copy_(one.depthwise.weight[incoming])
        other.pointwise.weight.copy_(one.pointwise.weight[outgoing][:, incoming])
        _inherit_bias(one.pointwise, other.pointwise, outgoing)
        return
    assert isinstance(one, nn.Conv2d)
    weight = one.weight[outgoing][:, incoming]
    if isinstance(other, nn.Conv2d):
        other.weight.copy_(weight)
        _inherit_bias(one, other, outgoing)
        return
    kernels, _ = rank_one(weight.transpose(0, 1))
    other.depthwise.weight.copy_(kernels)
    home = other.depthwise.weight.device
    filtered = other.depthwise(read[:, incoming].to(home))
    fitted, bias = regressed(filtered, one(read)[:, outgoing].to(home))
    other.pointwise.weight.copy_(fitted)
    if other.pointwise.bias is not None:
        other.pointwise.bias.copy_(bias)


def _inherit_up(source: nn.Module, target: nn.Module, incoming: Tensor, outgoing: Tensor) -> None:
    """A transposed convolution."""
    if isinstance(source, SeparableUp) and isinstance(target, SeparableUp):
        target.pointwise.weight.copy_(source.pointwise.weight[outgoing][:, incoming])
        target.depthwise.weight.copy_(source.depthwise.weight[outgoing])
        _inherit_bias(source.depthwise, target.depthwise, outgoing)
        return
    assert isinstance(source, nn.ConvTranspose2d)
    weight = source.weight[incoming][:, outgoing]
    if isinstance(target, nn.ConvTranspose2d):
        target.weight.copy_(weight)
        _inherit_bias(source, target, outgoing)
        return
    assert isinstance(target, SeparableUp)
    kernels, channels = rank_one(weight.transpose(0, 1))
    target.depthwise.weight.copy_(kernels)
    target.pointwise.weight.copy_(channels[:, :, None, None])
    _inherit_bias(source, target.depthwise, outgoing)


def _inherit_bias(
    source: nn.Conv2d | nn.ConvTranspose2d, target: nn.Conv2d | nn.ConvTranspose2d, channels: Tensor
) -> None:
    if source.bias is not None and target.bias is not None:
        target.bias.copy_(source.bias[channels])
