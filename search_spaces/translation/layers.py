"""Layers and initial weights of image translators."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from search_spaces.base import SquareGenerator
from search_spaces.translation.norms import Norm, has_biases, normalisation

G = TypeVar("G", bound=SquareGenerator)

INITIAL_STD = 0.02  # of weights, in CycleGAN and pix2pix


class SeparableConv(nn.Module):
    """A depthwise convolution, normalisation, a pointwise convolution (GAN Compression, arXiv 2003.08936)."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, norm: Norm) -> None:
        super().__init__()
        bias = has_biases(norm)
        self.depthwise = nn.Conv2d(in_channels, in_channels, kernel, groups=in_channels, bias=bias)
        self.norm = normalisation(norm, in_channels)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, in_channels, H, W), padded ─► (N, out_channels, H - kernel + 1, W - kernel + 1)."""
        images: Tensor = self.pointwise(self.norm(self.depthwise(x)))
        return images


def initialise(network: nn.Module) -> None:
    """Normal weights of standard deviation 0.02, as published; biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=INITIAL_STD)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def tanh(x: Tensor) -> Tensor:
    """Tanh in float32 also under autocast: images in half precision would show banding."""
    return torch.tanh(x.float())


def resized(generator: G, resolution: int) -> G:
    """A translator with the weights of `generator`, which do not depend on the side of its images.

    Raises:
        ArchitectureError: its architecture can't have that resolution.
    """
    built = type(generator)(replace(generator.architecture, resolution=resolution))
    built.load_state_dict(generator.state_dict())
    return built.eval().requires_grad_(False)
