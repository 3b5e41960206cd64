"""Weight inheritance: a student starts with the teacher's most important channels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from search_spaces.base import Importance
from search_spaces.image_difference import Site, image_difference
from search_spaces.importance import evaluating, fraction, importance_inputs, input_norms, most_important
from search_spaces.stylegan2.generator import StyleGAN2Generator
from search_spaces.stylegan2.layers import EqualizedLinear
from search_spaces.stylegan2.style_space import StyleBasis, inherit_mapping
from search_spaces.stylegan2.synthesis import StyledConv, ToRGB

CONST = "const"  # the constant input; convolutions are called "block.conv"


@torch.no_grad()
def inherit(
    teacher: StyleGAN2Generator, student: StyleGAN2Generator, importance: Importance = "magnitude"
) -> None:
    """Copy the weights of `teacher` that fit into `student`; the rest keeps its random start.

    Of every layer the channels that matter most by `importance` are kept.
    The mapping network is copied when depth and width are the teacher's, else fitted to it (see
    `style_space`). Of two convolutions, a student with one keeps the first; a separable kernel starts from
    the best rank-1 approximation of the full one; a smaller kernel from the middle taps, one tap from the
    sum over all.
    """
    basis = inherit_mapping(teacher.mapping, student.mapping)
    student.w_avg.copy_((teacher.w_avg - basis.origin) @ basis.axes)
    scores = channel_importance(teacher, importance)
    incoming = most_important(scores[CONST], student.const.shape[0])
    student.const.copy_(teacher.const[incoming])
    for i, (source, target) in enumerate(zip(teacher.blocks, student.blocks, strict=True)):
        for j, conv in enumerate(target.convs):
            last = j == len(target.convs) - 1
            outgoing = most_important(scores[f"{i}.{len(source.convs) - 1 if last else j}"], len(conv.bias))
            _inherit_conv(source.convs[j], conv, incoming, outgoing, basis)
            incoming = outgoing
        _inherit_rgb(source.to_rgb, target.to_rgb, incoming, basis)


def channel_importance(teacher: StyleGAN2Generator, importance: Importance) -> dict[str, Tensor]:
    """Importance of the channels of `CONST`, (C,), and of every convolution "block.conv", (C,)."""
    return _IMPORTANCES[importance](teacher)


@torch.no_grad()
def _by_magnitude(teacher: StyleGAN2Generator) -> dict[str, Tensor]:
    """The sum over a channel's consumers of weight magnitude × mean style magnitude.

    Demodulation gives every channel unit variance, so only its consumers set its effect.
    """
    magnitudes = _style_magnitudes(teacher)
    found = {CONST: _input_importance(teacher, magnitudes, block=0, conv=0)}
    for i, block in enumerate(teacher.blocks):
        for j in range(len(block.convs)):
            found[f"{i}.{j}"] = _output_importance(teacher, magnitudes, i, j)
    return found


def _style_magnitudes(teacher: StyleGAN2Generator) -> dict[EqualizedLinear, Tensor]:
    """Mean |style| of every input channel of every modulated layer, `(in,)`."""
    with evaluating(teacher):
        w = teacher.mapping(*importance_inputs(teacher, teacher.const.device))
    layers = [m.affine for m in teacher.modules() if isinstance(m, StyledConv | ToRGB)]
    return {layer: layer(w).abs().mean(dim=0) for layer in layers}


def _input_importance(
    teacher: StyleGAN2Generator, magnitudes: dict[EqualizedLinear, Tensor], block: int, conv: int
) -> Tensor:
    """Effect of each input channel on one convolution, `(in,)`."""
    layer = teacher.blocks[block].convs[conv]
    return input_norms(layer.conv.weight) * magnitudes[layer.affine]


def _output_importance(
    teacher: StyleGAN2Generator, magnitudes: dict[EqualizedLinear, Tensor], block: int, conv: int
) -> Tensor:
    """Effect of a convolution's output channels on their consumers, `(out,)`."""
    if conv < len(teacher.blocks[block].convs) - 1:
        return _input_importance(teacher, magnitudes, block, conv + 1)
    rgb = teacher.blocks[block].to_rgb
    importance = fraction(input_norms(rgb.weight) * magnitudes[rgb.affine])
    if block + 1 < len(teacher.blocks):
        importance = importance + fraction(_input_importance(teacher, magnitudes, block + 1, 0))
    return importance


def _by_image_difference(teacher: StyleGAN2Generator) -> dict[str, Tensor]:
    convs = {
        f"{i}.{j}": Site(conv, "output")
        for i, block in enumerate(teacher.blocks)
        for j, conv in enumerate(block.convs)
    }
    return image_difference(teacher, {CONST: Site(teacher.blocks[0], "input"), **convs})


_IMPORTANCES: dict[Importance, Callable[[StyleGAN2Generator], dict[str, Tensor]]] = {
    "magnitude": _by_magnitude,
    "image-difference": _by_image_difference,
}


def _inherit_conv(
    source: StyledConv, target: StyledConv, incoming: Tensor, outgoing: Tensor, basis: StyleBasis
) -> None:
    _inherit_affine(source.affine, target.affine, incoming, basis)
    target.bias.copy_(source.bias[outgoing])
    target.noise_strength.copy_(source.noise_strength)
    target.noise_const.copy_(source.noise_const)
    weight = source.conv.weight[outgoing][:, incoming]
    if not source.conv.separable:
        inherit_kernel(weight, target.conv.weight, getattr(target.conv, "depthwise", None))
    elif target.conv.separable and target.conv.kernel == source.conv.kernel:
        target.conv.weight.copy_(weight)
        target.conv.depthwise.copy_(source.conv.depthwise[outgoing])
    else:
        full = weight * source.conv.depthwise[outgoing]
        inherit_kernel(full, target.conv.weight, getattr(target.conv, "depthwise", None))


@torch.no_grad()
def inherit_kernel(weight: Tensor, target: Tensor, depthwise: Tensor | None) -> None:
    """Set `target`, with its `depthwise` filter if it is separable, to the function nearest to a full kernel.

    Args:
        weight: the full kernel, (O, I, k, k).
        target: (O, I, t, t), or (O, I, 1, 1) of a separable convolution.
        depthwise: (O, 1, t, t) of a separable convolution, else None.
    """
    kernel = (target if depthwise is None else depthwise).shape[-1]
    surplus = weight.shape[-1] - kernel
    if kernel == 1:
        weight = weight.sum(dim=(2, 3), keepdim=True)
    elif surplus > 0:
        middle = slice(surplus // 2, -(surplus // 2))
        weight = weight[:, :, middle, middle]
    if depthwise is None:
        target.copy_(weight)
        return
    u, s, v = torch.linalg.svd(weight.flatten(2), full_matrices=False)  # per output channel: I × k² ≈ u s vᵀ
    sign = v[:, 0].sum(dim=1).sign()  # a filter with a positive sum, so that styles keep their meaning
    sign = torch.where(sign == 0, torch.ones_like(sign), sign)
    target.copy_((u[:, :, 0] * (s[:, :1].sqrt() * sign[:, None]))[:, :, None, None])
    depthwise.copy_((v[:, 0] * (s[:, :1].sqrt() * sign[:, None])).reshape(depthwise.shape))


def _inherit_rgb(source: ToRGB, target: ToRGB, incoming: Tensor, basis: StyleBasis) -> None:
    _inherit_affine(source.affine, target.affine, incoming, basis)
    ratio = source.gain / target.gain  # a narrower layer has a larger gain: each channel still gives the same
    target.weight.copy_(source.weight[:, incoming] * ratio)
    target.bias.copy_(source.bias)


def _inherit_affine(
    source: EqualizedLinear, target: EqualizedLinear, rows: Tensor, basis: StyleBasis
) -> None:
    weight = source.weight[rows] * source.gain
    target.weight.copy_(weight @ basis.axes / target.gain)
    target.bias.copy_(source.bias[rows] + weight @ basis.origin)
