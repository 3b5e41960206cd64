"""The layers compute what the papers say; that whole networks do is shown in test_checkpoints."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from search_spaces.stylegan2 import (
    Block,
    GeneratorArchitecture,
    StyleGAN2Generator,
)
from search_spaces.stylegan2.networks import ModulatedConv, blur_filter, minibatch_std


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


def tiny(**changes: Any) -> StyleGAN2Generator:
    torch.manual_seed(0)
    blocks = (Block(6, convs=1), Block(5, 2, "separable"), Block(4, 2, "full", 5))
    shape = {"image_channels": 1, "latent_dim": 4, "style_dim": 4, "mapping_layers": 2} | changes
    return StyleGAN2Generator(GeneratorArchitecture(blocks, **shape)).eval()


@torch.no_grad()
@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize(
    "block",
    [
        Block(5),
        Block(5, kernel=1),
        Block(5, kernel=5),
        Block(5, kind="separable"),
        Block(5, kind="separable", kernel=5),
    ],
)
def test_scaling_activations_is_modulating_weights(block: Block, up: bool) -> None:
    torch.manual_seed(0)
    conv = ModulatedConv(3, block, up=up)
    x, styles, kernel = torch.randn(4, 3, 8, 8), torch.randn(4, 3), conv.weight
    if block.kind == "separable":
        kernel = kernel * conv.depthwise  # the full kernel of rank one that it stands for
    for sample, style, ours in zip(x, styles, conv(x, styles), strict=True):
        weight = kernel * style[None, :, None, None]
        weight = weight / (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if up:
            spread = torch.zeros(3, 16, 16)
            spread[:, ::2, ::2] = sample
            y = F.conv2d(spread[None], weight.flip(2, 3), padding=block.kernel // 2 + 3)
            size = y.shape[-1]
            blurred = F.conv2d(y.transpose(0, 1), blur_filter(4.0)[None, None]).transpose(0, 1)
            start = (size - 3 - 16) // 2
            theirs = blurred[0, :, start : start + 16, start : start + 16]
        else:
            theirs = F.conv2d(sample[None], weight, padding=block.kernel // 2)[0]
        assert ours.shape == theirs.shape
        assert relative_error(ours, theirs) < 1e-5


@torch.no_grad()
def test_noise_is_fresh_constant_or_none() -> None:
    generator = tiny()
    z = torch.randn(2, 4)
    for mode in ("random", "const", "none"):
        assert torch.equal(generator(z, noise=mode), generator(z, noise="none")), "strengths start at zero"
    for block in generator.blocks:
        for conv in block.convs:
            conv.noise_strength.fill_(0.5)
    assert not torch.equal(generator(z), generator(z))
    assert torch.equal(generator(z, noise="const"), generator(z, noise="const"))
    assert torch.equal(generator(z, noise="none"), generator(z, noise="none"))
    assert not torch.equal(generator(z, noise="const"), generator(z, noise="none"))


@torch.no_grad()
def test_truncation_to_nothing_gives_the_mean_style_and_its_image() -> None:
    generator = tiny()
    generator.w_avg.normal_()
    images = generator(torch.randn(3, 4), psi=0.0)
    expected = generator.synthesize(generator.w_avg[None])
    assert all(torch.allclose(image, expected[0], atol=1e-6) for image in images)


def test_the_mean_style_is_tracked_while_training_only() -> None:
    generator = tiny()
    z = torch.randn(8, 4)
    generator(z)
    assert not generator.w_avg.any()
    generator.train()(z)
    assert torch.allclose(generator.w_avg, 0.002 * generator.mapping(z).mean(dim=0), atol=1e-6)


@torch.no_grad()
def test_the_mapping_network_looks_at_the_direction_of_z_alone() -> None:
    mapping, z = tiny().mapping, torch.randn(3, 4)
    assert torch.allclose(mapping(z), mapping(5 * z), atol=1e-5)


def test_minibatch_std_is_the_mean_deviation_within_each_group() -> None:
    x = torch.randn(6, 3, 4, 4)
    for count, size in ((4, 4), (6, 3), (2, 2), (1, 1), (5, 5)):
        maps = minibatch_std(x[:count], size)
        assert maps.shape == (count, 1, 4, 4)
        for i in range(count):
            group = x[:count][i % (count // size) :: count // size]
            expected = (group.var(dim=0, unbiased=False) + 1e-8).sqrt().mean()
            assert torch.allclose(maps[i], expected.expand(1, 4, 4))
    assert torch.equal(minibatch_std(x[:5], 4), minibatch_std(x[:5], 5)), "no group of 4 divides 5 images"


def test_a_wide_and_a_narrow_layer_have_outputs_of_unit_variance() -> None:
    torch.manual_seed(0)
    for kind in ("full", "separable"):
        for width in (4, 64):
            conv = ModulatedConv(width, Block(16, kind=kind), up=False)
            y = conv(torch.randn(16, width, 16, 16), torch.randn(16, width))[:, :, 1:-1, 1:-1]
            assert math.isclose(float(y.detach().var()), 1.0, abs_tol=0.2)
