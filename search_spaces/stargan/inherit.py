"""Weight inheritance: a student starts with the teacher's most important blocks and channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_spaces.base import Importance
from search_spaces.importance import fold_taps, most_important
from search_spaces.stargan.architecture import SIZES
from search_spaces.stargan.generator import StarGANGenerator
from search_spaces.stargan.importance import block_importance, channel_importance, taps_of
from search_spaces.stargan.layers import NormalizedConv, ResidualBlock, SeparableConv, Skip


@torch.no_grad()
def inherit(
    teacher: StarGANGenerator, student: StarGANGenerator, importance: Importance = "magnitude"
) -> None:
    """Copy the weights of `teacher` that fit into `student`.

    Of every layer the channels that matter most by `importance` are kept, and of the residual blocks those
    that add most. A smaller kernel gets the sum of the taps that fall together, a separable convolution the
    nearest one to the teacher's dense one (see `separated`). A skip that the teacher lacks starts as the
    identity of the decoder's map; of one that the student lacks, the decoder's part goes into the next layer.
    """
    if student.architecture == teacher.architecture:
        student.load_state_dict(teacher.state_dict())
        return
    scores = channel_importance(teacher, importance)
    a = student.architecture
    encoder = [most_important(score, width) for score, width in zip(scores.encoder, a.encoder, strict=True)]
    decoder = [most_important(score, width) for score, width in zip(scores.decoder, a.decoder, strict=True)]
    inputs = torch.arange(a.image_channels + a.attributes, device=encoder[0].device)
    _inherit_layer(teacher.stem, student.stem, inputs, encoder[0])
    for i, (source, target) in enumerate(zip(teacher.downs, student.downs, strict=True)):
        _inherit_layer(source, target, encoder[i], encoder[i + 1])
    chosen = most_important(block_importance(teacher), len(a.blocks)).tolist()
    for index, block in zip(chosen, student.blocks, strict=True):
        between = most_important(scores.inside[index], a.encoder[-1])
        _inherit_block(teacher.blocks[index], block, encoder[-1], between)
    _inherit_decoder(teacher, student, encoder, decoder)


def _inherit_decoder(
    teacher: StarGANGenerator, student: StarGANGenerator, encoder: list[Tensor], decoder: list[Tensor]
) -> None:
    """Inherit what follows the residual blocks: at every size the skip, then the layer that reads it."""
    colours = torch.arange(student.architecture.image_channels, device=encoder[0].device)
    incoming = encoder[-1]
    readers = [(teacher.ups[0], student.ups[0]), (teacher.ups[1], student.ups[1])]
    readers.append((teacher.to_image, student.to_image))
    outgoing = [*decoder, colours]
    for i, ((source, target), kept) in enumerate(zip(readers, outgoing, strict=True)):
        size = 2 - i
        theirs, ours = teacher.skip(SIZES[size]), student.skip(SIZES[size])
        if ours is not None:
            _inherit_skip(theirs, ours, incoming, encoder[size])
        removed = theirs if ours is None else None
        _inherit_layer(source, target, incoming, kept, removed)
        incoming = kept


def _inherit_skip(source: Skip | None, target: Skip, decoded: Tensor, encoded: Tensor) -> None:
    if source is None:
        target.reset()
        return
    columns = torch.cat([decoded, len(source.map.weight) + encoded])
    target.map.weight.copy_(source.map.weight[decoded][:, columns])


def _inherit_layer(
    source: nn.Module, target: nn.Module, incoming: Tensor, outgoing: Tensor, removed: Skip | None = None
) -> None:
    """Inherit a convolution and any normalisation; `removed` is a skip before it that the student lacks."""
    if isinstance(source, NormalizedConv) and isinstance(target, NormalizedConv):
        _inherit_norm(source.norm, target.norm, outgoing)
        source, target = source.map, target.map
    taps = taps_of(source)
    if removed is not None:
        through = removed.map.weight[:, : taps.shape[1], 0, 0]  # of the decoder's map
        taps = torch.einsum("oikl,ij->ojkl", taps, through)
    stride = 2 if isinstance(target, nn.ConvTranspose2d) else 1
    weight = target.get_parameter("weight")
    taps = fold_taps(taps[outgoing][:, incoming], weight.shape[-1], stride)
    weight.copy_(taps.transpose(0, 1) if isinstance(target, nn.ConvTranspose2d) else taps)


def _inherit_block(source: ResidualBlock, target: ResidualBlock, trunk: Tensor, between: Tensor) -> None:
    _inherit_norm(source.norm1, target.norm1, between)
    _inherit_norm(source.norm2, target.norm2, trunk)
    _inherit_block_convolution(source.conv1, target.conv1, trunk, between, source.norm1)
    _inherit_block_convolution(source.conv2, target.conv2, between, trunk, source.norm2)


def _inherit_block_convolution(
    source: nn.Module, target: nn.Module, incoming: Tensor, outgoing: Tensor, norm: nn.InstanceNorm2d
) -> None:
    """Inherit a dense or separable convolution from one of either kind, normalised by `norm`."""
    if not isinstance(target, SeparableConv):
        target.get_parameter("weight").copy_(taps_of(source)[outgoing][:, incoming])
    elif isinstance(source, SeparableConv):
        target.depthwise.weight.copy_(source.depthwise.weight[incoming])
        target.pointwise.weight.copy_(source.pointwise.weight[outgoing][:, incoming])
    else:
        taps = taps_of(source)[outgoing][:, incoming]
        depthwise, pointwise = separated(taps, norm.weight[outgoing])
        target.depthwise.weight.copy_(depthwise)
        target.pointwise.weight.copy_(pointwise)


def separated(taps: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """The depthwise (I, 1, k, k) and pointwise weights (O, I, 1, 1) whose product is nearest to `taps`.

    For every input channel it is the best approximation of rank 1 to the weights (O, I, k, k) that read it.
    Errors of an output channel count by what its normalisation, with `scale` (O,), makes of them.
    """
    size = taps.flatten(1).norm(dim=1).clamp_min(1e-12)
    gain = (scale.abs() / size).clamp_min(1e-6)
    weighted = (taps * gain[:, None, None, None]).flatten(2).transpose(0, 1)  # (I, O, k²)
    left, values, right = torch.linalg.svd(weighted, full_matrices=False)
    root = values[:, 0].sqrt()
    depthwise = right[:, 0] * root[:, None]
    pointwise = (left[:, :, 0] * root[:, None]).T / gain[:, None]
    kernel = taps.shape[-1]
    return depthwise.reshape(-1, 1, kernel, kernel), pointwise[:, :, None, None]


def _inherit_norm(source: nn.InstanceNorm2d, target: nn.InstanceNorm2d, channels: Tensor) -> None:
    target.weight.copy_(source.weight[channels])
    target.bias.copy_(source.bias[channels])
