"""A student starts as near to its teacher as its shape allows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from search_spaces import Importance
from search_spaces.stargan import GeneratorArchitecture, StarGANGenerator
from search_spaces.stargan.architecture import SIZES
from search_spaces.stargan.importance import (
    _behind_relu,
    _mean_square,
    block_importance,
    channel_importance,
    taps_of,
)
from search_spaces.stargan.inherit import inherit, separated
from search_spaces.stargan.layers import SeparableConv

TEACHER = GeneratorArchitecture((16, 24, 32), (24, 16), ("dense",) * 3, attributes=3, resolution=32)
IMPORTANCES = get_args(Importance)


@torch.no_grad()
def network(architecture: GeneratorArchitecture, seed: int = 0) -> StarGANGenerator:
    """A generator whose channels and blocks differ in what they matter, and whose kernels are smooth."""
    torch.manual_seed(seed)
    generator = StarGANGenerator(architecture).eval()
    for name, parameter in generator.named_parameters():
        if parameter.ndim == 1:
            parameter.copy_(torch.rand_like(parameter) ** 2 + (0.05 if name.endswith("weight") else -0.3))
        elif parameter.shape[-1] > 1:
            side = parameter.shape[-1]
            parameter.add_(0.1 * torch.randn(*parameter.shape[:2], 1, 1))
            middle = torch.linspace(-1, 1, side)
            parameter.mul_(torch.exp(-2 * (middle[:, None] ** 2 + middle[None] ** 2)))
    for i, block in enumerate(generator.blocks):
        block.norm2.weight *= 0.5 + 0.2 * i
    for name, parameter in generator.named_parameters():
        if name.startswith("skips"):
            parameter.add_(0.1 * torch.randn_like(parameter))
    generator.to_image.weight *= 3
    return generator


def inputs(count: int = 4) -> tuple[Tensor, ...]:
    """Soft images, and attributes of 0 and 1."""
    rng = torch.Generator().manual_seed(2)
    image = nn.functional.interpolate(torch.rand(count, 3, 8, 8, generator=rng) * 2 - 1, 32, mode="bicubic")
    return image.clamp(-1, 1), torch.randint(0, 2, (count, 3), generator=rng).float()


@torch.no_grad()
def distance(teacher: StarGANGenerator, student: StarGANGenerator) -> float:
    """Mean squared difference of images, in units of the teacher's variance."""
    theirs, ours = teacher(*inputs()), student.eval()(*inputs())
    return float((theirs - ours).square().mean() / theirs.var())


def started(
    teacher: StarGANGenerator, importance: Importance = "magnitude", **changes: Any
) -> tuple[StarGANGenerator, float, float]:
    """An heir of the teacher but for `changes`, its distance, and the mean one of random starts."""
    architecture = replace(teacher.architecture, **changes)
    student = network(architecture, 3)
    inherit(teacher, student, importance)
    random = [distance(teacher, network(architecture, seed)) for seed in range(4, 8)]
    return student, distance(teacher, student), sum(random) / len(random)


@pytest.fixture(scope="module")
def teacher() -> StarGANGenerator:
    return network(TEACHER)


@pytest.mark.parametrize("skips", [(), SIZES])
def test_a_student_of_the_same_shape_is_the_teacher_to_the_bit(skips: Any) -> None:
    teacher = network(replace(TEACHER, skips=skips))
    student = network(teacher.architecture, 1)
    inherit(teacher, student)
    state = teacher.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in student.state_dict().items())


@pytest.mark.parametrize("importance", IMPORTANCES)
@pytest.mark.parametrize(
    "changes",
    [
        {"encoder": (12, 24, 32)},
        {"encoder": (16, 18, 32)},
        {"encoder": (16, 24, 24)},
        {"decoder": (18, 16)},
        {"decoder": (24, 12)},
        {"encoder": (14, 20, 28), "decoder": (20, 14)},
        {"blocks": ("dense",) * 2},
        {"stem_kernel": 5},
        {"down_kernel": 2},
        {"up_kernel": 2},
        {"image_kernel": 5},
        {"skips": SIZES, "encoder": (16, 24, 24)},
    ],
)
def test_a_smaller_student_starts_nearer_to_its_teacher_than_a_random_one(
    teacher: StarGANGenerator, changes: dict[str, Any], importance: Importance
) -> None:
    _, inherited, random = started(teacher, importance, **changes)
    assert inherited < 0.7 * random


def test_a_wide_student_is_nearer_than_a_narrow_one(teacher: StarGANGenerator) -> None:
    _, wide, _ = started(teacher, encoder=(15, 23, 31))
    _, narrow, _ = started(teacher, encoder=(4, 6, 8))
    assert wide < narrow


def test_a_student_with_skips_starts_as_the_one_without(teacher: StarGANGenerator) -> None:
    _, with_skips, _ = started(teacher, skips=SIZES)
    assert with_skips < 1e-8
    _, narrow, _ = started(teacher, encoder=(12, 18, 24))
    _, both, _ = started(teacher, encoder=(12, 18, 24), skips=SIZES)
    assert both == pytest.approx(narrow, rel=1e-4)


@torch.no_grad()
def test_a_skip_that_the_student_lacks_goes_into_the_layer_that_read_it() -> None:
    teacher = network(replace(TEACHER, skips=SIZES))
    for size, width in zip(SIZES, (16, 24, 32), strict=True):
        teacher.skips[f"at_{size}"].map.weight[:, width:] = 0  # reads the decoder's map only
    student = network(TEACHER, 1)
    inherit(teacher, student)
    assert distance(teacher, student) < 1e-8


@pytest.mark.parametrize("importance", IMPORTANCES)
def test_skips_that_both_have_are_inherited(importance: Importance) -> None:
    teacher = network(replace(TEACHER, skips=SIZES))
    _, inherited, random = started(teacher, importance, encoder=(14, 20, 28), decoder=(20, 14))
    assert inherited < 0.7 * random


# Blocks


@torch.no_grad()
def test_the_blocks_that_add_most_are_kept_in_their_order(teacher: StarGANGenerator) -> None:
    measured = []
    image, attributes = inputs()
    tiled = attributes[:, :, None, None].expand(-1, -1, 32, 32)
    x = teacher.downs[1](teacher.downs[0](teacher.stem(torch.cat([image, tiled], dim=1))))
    for block in teacher.blocks:
        added = block(x) - x
        measured.append(added.square().mean().sqrt())
        x = x + added
    assert torch.allclose(block_importance(teacher), torch.stack(measured), rtol=1e-3)
    student, _, _ = started(teacher, blocks=("dense",) * 2)
    for mine, theirs in zip(student.blocks, teacher.blocks[1:], strict=True):
        assert torch.equal(mine.conv1.weight, theirs.conv1.weight)


@torch.no_grad()
def test_a_separable_start_is_nearer_than_a_random_one(teacher: StarGANGenerator) -> None:
    separable = ("separable",) * 3
    _, inherited, random = started(teacher, blocks=separable)
    assert inherited < 0.5 * random
    without, _, _ = started(teacher, blocks=separable)
    for block in without.blocks:  # all but the separable convolutions is inherited
        for conv in (block.conv1, block.conv2):
            conv.depthwise.reset_parameters()
            conv.pointwise.reset_parameters()
    assert inherited < 0.5 * distance(teacher, without)


@torch.no_grad()
def test_a_separable_convolution_starts_as_the_best_of_its_kind() -> None:
    torch.manual_seed(0)
    taps = torch.randn(12, 8, 3, 3)
    depthwise, pointwise = separated(taps, torch.ones(12))
    assert (depthwise.shape, pointwise.shape) == ((8, 1, 3, 3), (12, 8, 1, 1))
    weights = 1 / taps.flatten(1).norm(dim=1)[:, None, None, None]

    def error(found: Tensor) -> float:
        return float(((found - taps) * weights).square().sum())

    best = error(pointwise * depthwise.transpose(0, 1))
    for _ in range(20):
        other = (pointwise + 0.01 * torch.randn_like(pointwise)) * depthwise.transpose(0, 1)
        assert error(other) > best
        other = pointwise * (depthwise + 0.01 * torch.randn_like(depthwise)).transpose(0, 1)
        assert error(other) > best


@torch.no_grad()
def test_what_is_separable_already_is_found_again_in_either_direction() -> None:
    torch.manual_seed(1)
    conv = SeparableConv(6)
    depthwise, pointwise = separated(taps_of(conv), torch.rand(6) - 0.5)
    assert torch.allclose(pointwise * depthwise.transpose(0, 1), taps_of(conv), atol=1e-5)
    dense = nn.Conv2d(6, 6, 3, padding=1, bias=False)
    dense.weight.copy_(taps_of(conv))
    x = torch.randn(2, 6, 5, 5)
    assert torch.allclose(dense(x), conv(x), atol=1e-5)


def test_separable_blocks_are_inherited_by_separable_and_dense_ones() -> None:
    teacher = network(replace(TEACHER, blocks=("separable", "dense", "separable")))
    for blocks in (("dense", "dense", "separable"), ("dense",) * 3):
        _, inherited, _ = started(teacher, blocks=blocks)
        assert inherited < 1e-8
    _, narrow, random = started(teacher, encoder=(16, 24, 28))
    assert narrow < 0.7 * random


# Importance


@torch.no_grad()
@pytest.mark.parametrize("importance", IMPORTANCES)
def test_channels_that_nobody_reads_are_left_out(importance: Importance) -> None:
    teacher = network(TEACHER)
    teacher.downs[0].map.weight[:, 3] = 0
    teacher.downs[1].map.weight[:, 5] = 0
    for block in teacher.blocks:
        block.conv1.weight[:, 7] = 0
        block.conv2.weight[:, 9] = 0
    teacher.ups[0].map.weight[7] = 0
    teacher.ups[1].map.weight[11] = 0
    teacher.to_image.weight[:, 13] = 0
    found = channel_importance(teacher, importance)
    scores = (*found.encoder, *found.decoder, *found.inside)
    for score, channel in zip(scores, (3, 5, 7, 11, 13, 9, 9, 9), strict=True):
        assert score[channel] == 0 < score.max()
    _, inherited, _ = started(teacher, importance, encoder=(15, 23, 32), decoder=(23, 15))
    assert inherited < 1e-8


@torch.no_grad()
def test_sizes_behind_instance_normalisation_need_no_image() -> None:
    """The closed form of a channel's mean square is the measured one, for normal values."""
    torch.manual_seed(0)
    norm = nn.InstanceNorm2d(5, affine=True)
    norm.weight.copy_(torch.tensor([1.0, -0.5, 2.0, 0.1, 0.0]))
    norm.bias.copy_(torch.tensor([0.0, 0.7, -1.0, -0.3, 0.4]))
    maps = norm(torch.randn(64, 5, 64, 64))
    assert torch.allclose(_mean_square(norm), maps.square().mean(dim=(0, 2, 3)), rtol=1e-2)
    rectified = torch.relu(maps).square().mean(dim=(0, 2, 3))
    assert torch.allclose(_behind_relu(norm), rectified, rtol=2e-2, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("importance", IMPORTANCES)
def test_important_channels_are_a_better_choice_than_unimportant_ones(importance: Importance) -> None:
    """Removing the most important quarter of a stage changes images more than removing the least."""
    teacher = network(TEACHER)
    scores = channel_importance(teacher, importance)
    layers = [teacher.stem, teacher.downs[0], *teacher.ups]
    for layer, score in zip(layers, [*scores.encoder[:2], *scores.decoder], strict=True):
        changes = []
        for largest in (True, False):
            removed = score.topk(len(score) // 4, largest=largest).indices
            hook = layer.register_forward_hook(lambda _, __, maps, r=removed: maps.index_fill(1, r, 0.0))
            without = teacher(*inputs())
            hook.remove()
            changes.append(float((without - teacher(*inputs())).square().mean()))
        assert changes[0] > 1.5 * changes[1]
