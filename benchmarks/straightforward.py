"""StyleGAN2, written down plainly: the networks that `benchmarks.step_throughput` compares with.

Native PyTorch as in the public implementations without their custom kernels (arXiv 1912.04958, appendix B):
weights are modulated per sample and convolved in as many groups as there are samples; every filter is an
`upfirdn2d` of inserted zeros, padding, a depthwise 2-D filter and a stride. Their training step is in
`benchmarks.straightforward_step`.

Names and shapes of weights are those of `search_spaces.stylegan2`, so one state fits both. Only what
benchmarks need is here: full 3×3 kernels, no classes, no clamp.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.stylegan2.architecture import DiscriminatorArchitecture, GeneratorArchitecture

EPS = 1e-8


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU with StyleGAN2's gain."""
    return F.leaky_relu(x, 0.2) * math.sqrt(2)


def upfirdn2d(x: Tensor, taps: Tensor, *, up: int = 1, down: int = 1, pad: tuple[int, int]) -> Tensor:
    """Insert zeros, pad both axes by `pad`, filter channels alike by `taps` (4, 4), keep every `down`-th."""
    n, c, h, w = x.shape
    x = F.pad(x.reshape(n, c, h, 1, w, 1), (0, up - 1, 0, 0, 0, up - 1)).reshape(n, c, h * up, w * up)
    x = F.pad(x, (pad[0], pad[1], pad[0], pad[1]))
    weight = taps.flip(0, 1).expand(c, 1, 4, 4).to(x.dtype)
    return F.conv2d(x, weight, groups=c)[:, :, ::down, ::down]


def binomial(gain: float) -> Tensor:
    """[1, 3, 3, 1]² with the sum `gain`."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(taps, taps) * (gain / 64)


class Linear(nn.Module):
    """A linear layer with equalised learning rate."""

    def __init__(self, inputs: int, outputs: int, bias: float = 0.0, lr: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr)
        self.bias = nn.Parameter(torch.full((outputs,), bias / lr))
        self.scale, self.lr = lr / math.sqrt(inputs), lr

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias * self.lr)


class Mapping(nn.Module):
    """`z` (N, D) ─► `w` (N, S)."""

    def __init__(self, architecture: GeneratorArchitecture) -> None:
        super().__init__()
        widths = [architecture.latent_dim] + [architecture.style_dim] * architecture.mapping_layers
        self.layers = nn.ModuleList(Linear(i, o, lr=0.01) for i, o in pairwise(widths))

    def forward(self, z: Tensor) -> Tensor:
        z = z * (z.square().mean(dim=1, keepdim=True) + EPS).rsqrt()
        for layer in self.layers:
            z = activate(layer(z))
        return z


def modulated(x: Tensor, weight: Tensor, styles: Tensor, *, demodulate: bool, up: bool = False) -> Tensor:
    """A convolution with a kernel of each sample's own: as many groups as samples."""
    n, inputs, h, w = x.shape
    outputs, _, k, _ = weight.shape
    weights = weight[None] / math.sqrt(inputs * k * k) * styles[:, None, :, None, None]
    if demodulate:
        sigma = (weights.square().sum(dim=(2, 3, 4), keepdim=True) + EPS).rsqrt()
        weights = weights * sigma
    x = x.reshape(1, n * inputs, h, w)
    if up:
        transposed = weights.transpose(1, 2).reshape(n * inputs, outputs, k, k)
        x = F.conv_transpose2d(x, transposed, stride=2, groups=n)
        x = x.reshape(n, outputs, *x.shape[2:])
        return upfirdn2d(x, binomial(4.0).to(x.device), pad=(1, 1))
    x = F.conv2d(x, weights.reshape(n * outputs, inputs, k, k), padding=k // 2, groups=n)
    return x.reshape(n, outputs, h, w)


class _Weight(nn.Module):
    """The kernel of a modulated convolution, under the name that it has in ours."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))


class StyledConv(nn.Module):
    """Modulated convolution, noise, bias, activation."""

    noise_const: Tensor

    def __init__(self, inputs: int, outputs: int, style_dim: int, side: int, up: bool) -> None:
        super().__init__()
        self.affine = Linear(style_dim, inputs, bias=1.0)
        self.conv = _Weight(inputs, outputs)
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.up = up
        self.register_buffer("noise_const", torch.randn(side, side))

    def forward(self, x: Tensor, w: Tensor, noise: str) -> Tensor:
        x = modulated(x, self.conv.weight, self.affine(w), demodulate=True, up=self.up)
        noises = self.noise_const if noise == "const" else torch.randn_like(x[:, :1])
        x = x + self.noise_strength * noises
        return activate(x + self.bias[:, None, None])


class ToRGB(nn.Module):
    """A modulated 1×1 convolution to image channels."""

    def __init__(self, inputs: int, colours: int, style_dim: int) -> None:
        super().__init__()
        self.affine = Linear(style_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(colours, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(colours))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return modulated(x, self.weight, self.affine(w), demodulate=False) + self.bias[:, None, None]


class Block(nn.Module):
    """The layers at one resolution."""

    def __init__(self, inputs: int, side: int, architecture: GeneratorArchitecture) -> None:
        super().__init__()
        block, style_dim = architecture.blocks[side.bit_length() - 3], architecture.style_dim
        if block.kind != "full" or block.kernel != 3:
            raise ValueError(f"block {block}: only full 3×3 kernels are written down here")
        widths = [inputs] + [block.channels] * block.convs
        self.convs = nn.ModuleList(
            StyledConv(i, o, style_dim, side, up=side > 4 and first)
            for (i, o), first in zip(pairwise(widths), (True, False), strict=False)
        )
        self.to_rgb = ToRGB(block.channels, architecture.image_channels, style_dim)

    def forward(self, x: Tensor, image: Tensor | None, w: Tensor, noise: str) -> tuple[Tensor, Tensor]:
        for conv in self.convs:
            x = conv(x, w, noise)
        rgb = self.to_rgb(x, w).float()
        if image is not None:
            rgb = rgb + upfirdn2d(image, binomial(4.0).to(image.device), up=2, pad=(2, 1))
        return x, rgb


class Generator(nn.Module):
    """`z` (N, D) ─► images (N, C, R, R)."""

    w_avg: Tensor

    def __init__(self, architecture: GeneratorArchitecture) -> None:
        super().__init__()
        self.mapping = Mapping(architecture)
        widths = [architecture.blocks[0].channels, *(block.channels for block in architecture.blocks)]
        self.const = nn.Parameter(torch.randn(widths[0], 4, 4))
        self.blocks = nn.ModuleList(
            Block(widths[i], 4 << i, architecture) for i in range(len(architecture.blocks))
        )
        self.register_buffer("w_avg", torch.zeros(architecture.style_dim))

    def forward(self, z: Tensor, noise: str = "random") -> Tensor:
        w = self.mapping(z)
        if self.training:
            self.w_avg.lerp_(w.detach().float().mean(dim=0), 0.002)
        x = self.const[None].repeat(len(z), 1, 1, 1)
        image: Tensor | None = None
        for block in self.blocks:
            x, image = block(x, image, w, noise)
        assert image is not None
        return image


class Conv(nn.Module):
    """A convolution with equalised learning rate; with `down`, filtered and then strided."""

    def __init__(self, inputs: int, outputs: int, kernel: int, down: bool = False, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale, self.down = 1 / math.sqrt(inputs * kernel**2), down

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.weight.shape[-1]
        weight = self.weight * self.scale
        if not self.down:
            return F.conv2d(x, weight, self.bias, padding=kernel // 2)
        pad = (kernel + 1) // 2
        return F.conv2d(upfirdn2d(x, binomial(1.0).to(x.device), pad=(pad, pad)), weight, self.bias, stride=2)


class ResidualBlock(nn.Module):
    """Halves the resolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = Conv(inputs, inputs, 3)
        self.conv2 = Conv(inputs, outputs, 3, down=True)
        self.skip = Conv(inputs, outputs, 1, down=True, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return (activate(self.conv2(activate(self.conv1(x)))) + self.skip(x)) / math.sqrt(2)


class Discriminator(nn.Module):
    """Images (N, C, R, R) ─► logits (N,)."""

    def __init__(self, architecture: DiscriminatorArchitecture) -> None:
        super().__init__()
        widths = architecture.channels[::-1]
        last, self.group = widths[-1], architecture.minibatch_std_group
        self.from_rgb = Conv(architecture.image_channels, widths[0], 1)
        self.blocks = nn.ModuleList(ResidualBlock(i, o) for i, o in pairwise(widths))
        self.conv = Conv(last + 1, last, 3)
        self.fc = Linear(last * 16, last)
        self.out = Linear(last, 1)

    def features(self, images: Tensor) -> list[Tensor]:
        """Activations after every block."""
        maps = [activate(self.from_rgb(images))]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        return maps[1:]

    def forward(self, images: Tensor) -> Tensor:
        x = self.features(images)[-1].float()
        n, c, h, w = x.shape
        group = min(self.group, n) or n
        grouped = x.reshape(group if n % group == 0 else n, -1, c, h, w)
        std = (grouped.var(dim=0, unbiased=False) + EPS).sqrt().mean(dim=(1, 2, 3))
        x = torch.cat([x, std.repeat(len(grouped)).reshape(n, 1, 1, 1).expand(n, 1, h, w)], dim=1)
        x = activate(self.conv(x)).flatten(1)
        return self.out(activate(self.fc(x))).squeeze(1)


def generator_like(ours: Any) -> Generator:
    """The same function as the generator `ours`, with copies of its weights."""
    generator = Generator(ours.architecture)
    generator.load_state_dict(ours.state_dict())
    return generator.train(ours.training)


def discriminator_like(ours: Any) -> Discriminator:
    """The same function as the discriminator `ours`, with copies of its weights."""
    discriminator = Discriminator(ours.architecture)
    discriminator.load_state_dict(ours.state_dict())
    return discriminator.train(ours.training)
