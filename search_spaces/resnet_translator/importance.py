"""Importance of a ResNet translator's channels, and of its residual blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import torch
from torch import Tensor, nn

from search_spaces.base import Importance
from search_spaces.batch_statistics import BatchNorm
from search_spaces.image_difference import Site, image_difference
from search_spaces.importance import (
    evaluating,
    fraction,
    importance_inputs,
    input_norms,
    most_important,
)
from search_spaces.resnet_translator.architecture import Block, GeneratorArchitecture
from search_spaces.resnet_translator.generator import ResnetTranslator
from search_spaces.resnet_translator.layers import ConvBlock, Padded
from search_spaces.translation import SeparableConv


@dataclass(frozen=True)
class Measured:
    """Maps (N, C, H, W) of a teacher for example images, in evaluation mode."""

    images: Tensor
    layers: list[Tensor]  # the output of every layer but the last
    inside: list[Tensor]  # between the convolutions of every block

    @classmethod
    def of(cls, teacher: ResnetTranslator) -> Measured:
        """What `teacher` makes of its `importance_inputs`."""
        (images,) = importance_inputs(teacher, next(teacher.parameters()).device)
        with evaluating(teacher):
            layers = teacher.activations(images)
            first = len(teacher.down)
            blocks = enumerate(teacher.blocks)
            inside = [block.inside(layers[first + i]) for i, block in blocks]
        return cls(images, layers, inside)


@dataclass(frozen=True)
class Kept:
    """What a student keeps of its teacher: indices of channels, in their order in the teacher."""

    stem: Tensor
    down: list[Tensor]  # the last one is the trunk's
    blocks: list[int]  # of the teacher, one for each of the student's
    inside: list[Tensor]  # of those blocks
    up: list[Tensor]


@dataclass
class _Scores:
    """Scores of channels by `image_difference`, (C,) each."""

    stem: Tensor
    down: list[Tensor] = field(default_factory=list)
    inside: list[Tensor] = field(default_factory=list)
    up: list[Tensor] = field(default_factory=list)


def kept(
    teacher: ResnetTranslator, student: GeneratorArchitecture, measured: Measured, importance: Importance
) -> Kept:
    """The channels and blocks of `teacher` that a student of that architecture keeps."""
    blocks = kept_blocks(teacher, student.blocks, measured)
    return _KEPT[importance](teacher, student, measured, blocks)


def kept_blocks(teacher: ResnetTranslator, blocks: Sequence[Block], measured: Measured) -> list[int]:
    """The teacher's blocks to keep, in order: those that change their inputs most and that fit.

    The change is the mean square of what a block adds, relative to that of its output. A block fits into one
    of the student's that is no wider, and a separable one into a separable one.
    """
    first = len(teacher.down)
    maps = measured.layers[first : first + len(teacher.blocks) + 1]
    changes = [
        float((after - before).square().mean() / after.square().mean().clamp_min(1e-12))
        for before, after in pairwise(maps)
    ]
    theirs = teacher.architecture.blocks
    fitting = [
        chosen
        for chosen in combinations(range(len(theirs)), len(blocks))
        if all(_fits(mine, theirs[i]) for mine, i in zip(blocks, chosen, strict=True))
    ]
    return list(max(fitting, key=lambda chosen: sum(changes[i] for i in chosen)))


def _fits(mine: Block, theirs: Block) -> bool:
    return mine.channels <= theirs.channels and (theirs.kind == "dense" or mine.kind == "separable")


def _by_magnitude(
    teacher: ResnetTranslator, student: GeneratorArchitecture, measured: Measured, blocks: list[int]
) -> Kept:
    """From the image backwards, a layer keeps the channels with the largest effect on what is kept next.

    The effect is the root mean square of a channel times the norm of the weights that read it; the trunk's is
    the sum over its readers, each relative to its own sum.
    """
    sizes = [_rms(maps) for maps in measured.layers]
    first, count = len(teacher.down), len(teacher.blocks)
    everything = torch.arange(teacher.architecture.image_channels, device=measured.images.device)

    up: list[Tensor] = []
    reader, outgoing = teacher.image, everything
    for i in reversed(range(len(student.up))):
        effect = _effect(reader, outgoing, sizes[first + count + 1 + i])
        up.insert(0, most_important(effect, student.up[i]))
        reader, outgoing = teacher.up[i], up[0]

    trunk = fraction(_effect(reader, outgoing, sizes[first + count]))
    for i in blocks:
        block = teacher.blocks[i]
        every = torch.arange(teacher.architecture.blocks[i].channels, device=everything.device)
        trunk = trunk + fraction(_effect(block.conv1, every, sizes[first + i]))
    down = [most_important(trunk, student.down[-1])]

    inside = []
    for i, mine in zip(blocks, student.blocks, strict=True):
        effect = _effect(teacher.blocks[i].conv2, down[0], _rms(measured.inside[i]))
        inside.append(most_important(effect, mine.channels))

    for i in reversed(range(len(student.down) - 1)):
        effect = _effect(teacher.down[i + 1], down[0], sizes[1 + i])
        down.insert(0, most_important(effect, student.down[i]))
    stem = most_important(_effect(teacher.down[0], down[0], sizes[0]), student.stem)
    return Kept(stem, down, blocks, inside, up)


def _rms(maps: Tensor) -> Tensor:
    """Root mean square of every channel, (C,)."""
    return maps.square().mean(dim=(0, 2, 3)).sqrt()


def _effect(reader: nn.Module, outgoing: Tensor, sizes: Tensor) -> Tensor:
    """Effect of channels of root mean squares `sizes` on the outputs `outgoing` of what reads them, (C,)."""
    conv = reader
    while isinstance(conv, ConvBlock | Padded):
        conv = conv.conv
    if isinstance(conv, SeparableConv):  # normalisation undoes sizes
        norm = conv.norm
        gain = norm.weight.abs() if isinstance(norm, BatchNorm) else 1.0
        return input_norms(conv.pointwise.weight[outgoing]) * gain
    assert isinstance(conv, nn.Conv2d | nn.ConvTranspose2d)
    transposed = isinstance(conv, nn.ConvTranspose2d)
    weight = conv.weight.transpose(0, 1) if transposed else conv.weight
    return input_norms(weight[outgoing]) * sizes


def _by_image_difference(
    teacher: ResnetTranslator, student: GeneratorArchitecture, measured: Measured, blocks: list[int]
) -> Kept:
    """Every layer by itself keeps the channels with the largest `image_difference`."""
    scores = _scores(teacher)
    pairs = zip(blocks, student.blocks, strict=True)
    return Kept(
        most_important(scores.stem, student.stem),
        [most_important(score, width) for score, width in zip(scores.down, student.down, strict=True)],
        blocks,
        [most_important(scores.inside[i], mine.channels) for i, mine in pairs],
        [most_important(score, width) for score, width in zip(scores.up, student.up, strict=True)],
    )


def _scores(teacher: ResnetTranslator) -> _Scores:
    """The trunk's are the sum over its readers, each relative to its own sum."""
    outer = {"stem": teacher.stem}
    outer |= {f"down {i}": layer for i, layer in enumerate(teacher.down[:-1])}
    outer |= {f"up {i}": layer for i, layer in enumerate(teacher.up)}
    readers = [*teacher.blocks, teacher.up[0]]
    sites = {name: Site(layer, "output") for name, layer in outer.items()}
    sites |= {f"trunk {i}": Site(reader, "input") for i, reader in enumerate(readers)}
    sites |= {f"inside {i}": Site(block.conv2, "input") for i, block in enumerate(teacher.blocks)}
    found = image_difference(teacher, sites)
    trunk = torch.stack([fraction(found[f"trunk {i}"]) for i in range(len(readers))]).sum(dim=0)
    return _Scores(
        found["stem"],
        [*(found[f"down {i}"] for i in range(len(teacher.down) - 1)), trunk],
        [found[f"inside {i}"] for i in range(len(teacher.blocks))],
        [found[f"up {i}"] for i in range(len(teacher.up))],
    )


_KEPT: dict[Importance, Callable[[ResnetTranslator, GeneratorArchitecture, Measured, list[int]], Kept]] = {
    "magnitude": _by_magnitude,
    "image-difference": _by_image_difference,
}
