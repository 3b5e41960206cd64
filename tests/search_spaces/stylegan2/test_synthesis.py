"""Modulated convolutions compute what the papers say; that whole networks do is shown in test_checkpoints."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from search_spaces.stylegan2 import Block
from search_spaces.stylegan2.layers import blur_filter
from search_spaces.stylegan2.synthesis import ModulatedConv


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


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


def test_a_wide_and_a_narrow_layer_have_outputs_of_unit_variance() -> None:
    torch.manual_seed(0)
    for kind in ("full", "separable"):
        for width in (4, 64):
            conv = ModulatedConv(width, Block(16, kind=kind), up=False)
            y = conv(torch.randn(16, width, 16, 16), torch.randn(16, width))[:, :, 1:-1, 1:-1]
            assert math.isclose(float(y.detach().var()), 1.0, abs_tol=0.2)
