"""Weight inheritance: a student starts with the teacher's most important channels and blocks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_spaces.base import Importance
from search_spaces.batch_statistics import BatchNorm
from search_spaces.importance import evaluating, fold_taps
from search_spaces.resnet_translator.generator import ResnetTranslator
from search_spaces.resnet_translator.importance import Measured, kept
from search_spaces.resnet_translator.layers import ConvBlock, Padded
from search_spaces.translation import SeparableConv, inherit_norm, rank_one, regressed


@torch.no_grad()
def inherit(
    teacher: ResnetTranslator, student: ResnetTranslator, importance: Importance = "magnitude"
) -> None:
    """Copy the weights of `teacher` that fit into `student`; a student of its shape is its copy.

    Of every layer the channels that matter most by `importance` are kept, of the residual blocks those that
    change their inputs most. Of a dense kernel a separable one gets the dominant spatial kernel of every
    input channel, and the pointwise weights that come nearest to the dense outputs. A smaller kernel gets the
    sum of the taps that fall together. Statistics of batch normalisation are measured anew. All of it is
    measured with `importance_inputs`.
    """
    if student.architecture == teacher.architecture:
        student.load_state_dict(teacher.state_dict())
        return
    measured = Measured.of(teacher)
    keep = kept(teacher, student.architecture, measured, importance)
    device = measured.images.device
    colours = torch.arange(teacher.architecture.input_channels, device=device)
    _inherit_layer(teacher.stem, student.stem, colours, keep.stem)
    incoming = keep.stem
    for source, target, outgoing in zip(teacher.down, student.down, keep.down, strict=True):
        _inherit_layer(source, target, incoming, outgoing)
        incoming = outgoing
    trunk = incoming
    for i, target, inside in zip(keep.blocks, student.blocks, keep.inside, strict=True):
        source = teacher.blocks[i]
        read = measured.layers[len(teacher.down) + i]
        _inherit_block_conv(source.conv1, target.conv1, trunk, inside, read)
        inherit_norm(source.norm1, target.norm1, inside)
        _inherit_block_conv(source.conv2, target.conv2, inside, trunk, measured.inside[i])
        inherit_norm(source.norm2, target.norm2, trunk)
    for source, target, outgoing in zip(teacher.up, student.up, keep.up, strict=True):
        _inherit_layer(source, target, incoming, outgoing)
        incoming = outgoing
    colours = torch.arange(teacher.architecture.image_channels, device=device)
    _inherit_conv(teacher.image.conv, student.image.conv, incoming, colours)
    home = next(student.parameters()).device
    student.calibrate([(measured.images.to(home),)])


def _inherit_layer(source: ConvBlock, target: ConvBlock, incoming: Tensor, outgoing: Tensor) -> None:
    """A convolution with normalisation behind it."""
    one, other = (each.conv.conv if isinstance(each.conv, Padded) else each.conv for each in (source, target))
    _inherit_conv(one, other, incoming, outgoing)
    inherit_norm(source.norm, target.norm, outgoing)


def _inherit_conv(source: nn.Module, target: nn.Module, incoming: Tensor, outgoing: Tensor) -> None:
    assert isinstance(source, nn.Conv2d | nn.ConvTranspose2d)
    assert isinstance(target, nn.Conv2d | nn.ConvTranspose2d)
    if isinstance(source, nn.ConvTranspose2d):
        target.weight.copy_(source.weight[incoming][:, outgoing])
    else:
        target.weight.copy_(fold_taps(source.weight[outgoing][:, incoming], target.kernel_size[0], 1))
    if source.bias is not None and target.bias is not None:
        target.bias.copy_(source.bias[outgoing])


def _inherit_block_conv(
    source: Padded, target: Padded, incoming: Tensor, outgoing: Tensor, read: Tensor
) -> None:
    """A convolution of a residual block, whose teacher's inputs are `read` (N, C, H, W)."""
    one, other = source.conv, target.conv
    if not isinstance(other, SeparableConv):
        _inherit_conv(one, other, incoming, outgoing)
    elif isinstance(one, SeparableConv):
        other.depthwise.weight.copy_(
            fold_taps(one.depthwise.weight[incoming], other.depthwise.kernel_size[0], 1)
        )
        if one.depthwise.bias is not None and other.depthwise.bias is not None:
            other.depthwise.bias.copy_(one.depthwise.bias[incoming])
        inherit_norm(one.norm, other.norm, incoming)
        _inherit_conv(one.pointwise, other.pointwise, incoming, outgoing)
    else:
        _separate(source, target, incoming, outgoing, read)


def _separate(source: Padded, target: Padded, incoming: Tensor, outgoing: Tensor, read: Tensor) -> None:
    """Make a separable convolution of a dense one."""
    dense, separable = source.conv, target.conv
    assert isinstance(dense, nn.Conv2d)
    assert isinstance(separable, SeparableConv)
    home = separable.depthwise.weight.device
    weight = fold_taps(dense.weight[outgoing][:, incoming], separable.depthwise.kernel_size[0], 1)
    kernels, _ = rank_one(weight.transpose(0, 1))
    separable.depthwise.weight.copy_(kernels)
    if separable.depthwise.bias is not None:
        separable.depthwise.bias.zero_()
    filtered = separable.depthwise(target.padded(read[:, incoming].to(home)))
    if isinstance(separable.norm, BatchNorm):
        separable.norm.running_mean.copy_(filtered.mean(dim=(0, 2, 3)))
        separable.norm.running_var.copy_(filtered.var(dim=(0, 2, 3)))
    with evaluating(separable.norm):
        normalised = separable.norm(filtered)
    wanted = dense(source.padded(read))[:, outgoing].to(home)
    fitted, bias = regressed(normalised, wanted)
    separable.pointwise.weight.copy_(fitted)
    if separable.pointwise.bias is not None:
        separable.pointwise.bias.copy_(bias)
