"""StyleGAN2's generator and residual discriminator in native operations (Karras et al., arXiv 1912.04958).

Weights are stored with unit variance and scaled when used (equalised learning rate), as in the public
checkpoints. Modulation scales activations instead of weights (`x·s → conv → ·d`), which is the same function
without a grouped convolution per sample, so that every multiply is seen by fvcore and ONNX.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.base import Discriminator, Generator
from search_spaces.precision import full_precision
from search_spaces.stylegan2.architecture import Block, DiscriminatorArchitecture, GeneratorArchitecture

NoiseMode = Literal["random", "const", "none"]

MAPPING_LR = 0.01  # the mapping network learns 100× slower
DEMODULATION_EPS = 1e-8
W_AVG_MEMORY = 0.998  # per batch, of the mean style that truncation pulls towards


def leaky_relu(x: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2 with the gain √2 that keeps the variance."""
    return F.leaky_relu(x, 0.2) * math.sqrt(2)


def clamp(x: Tensor, limit: float | None) -> Tensor:
    """`x` within ± `limit`, where there is one."""
    return x if limit is None else x.clamp(-limit, limit)


def normalize(x: Tensor) -> Tensor:
    """Vectors (N, D) scaled to a mean square of one."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


def blur_filter(gain: float) -> Tensor:
    """The 4×4 binomial filter [1, 3, 3, 1]², its sum being `gain`."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    filter_ = torch.outer(taps, taps)
    return filter_ * (gain / filter_.sum())


def blur(x: Tensor, filter_: Tensor, pad: tuple[int, int], stride: int = 1) -> Tensor:
    """Filter every channel of `x` by `filter_` after padding `pad` = (before, after) zeros on both axes."""
    channels = x.shape[1]
    weight = filter_.to(x.dtype).expand(channels, 1, 4, 4)
    if pad[0] == pad[1]:
        return F.conv2d(x, weight, padding=pad[0], stride=stride, groups=channels)
    return F.conv2d(F.pad(x, (pad[0], pad[1], pad[0], pad[1])), weight, stride=stride, groups=channels)


class EqualizedLinear(nn.Module):
    """A linear layer whose weight is stored with unit variance and scaled by `lr_multiplier / sqrt(in)`."""

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, lr_multiplier: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), bias / lr_multiplier))
        self.gain = lr_multiplier / math.sqrt(inputs)
        self.lr_multiplier = lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.gain, self.bias * self.lr_multiplier)


class MappingNetwork(nn.Module):
    """`z` (N, latent_dim), and one-hot labels (N, classes) where there are classes ─► `w` (N, style_dim).

    A discriminator's has `latent_dim` 0: it maps labels alone.
    """

    def __init__(self, latent_dim: int, style_dim: int, layers: int, classes: int = 0) -> None:
        super().__init__()
        self.latent_dim, self.classes = latent_dim, classes
        self.embed = EqualizedLinear(classes, style_dim) if classes else None
        widths = [latent_dim + (style_dim if classes else 0)] + [style_dim] * layers
        self.layers: Any = nn.ModuleList(
            EqualizedLinear(inputs, outputs, lr_multiplier=MAPPING_LR) for inputs, outputs in pairwise(widths)
        )

    def sample_inputs(self, count: int, rng: torch.Generator) -> tuple[Tensor, ...]:
        """Latents from a normal distribution and, where there are classes, labels of any class alike."""
        z = torch.randn(count, self.latent_dim, generator=rng)
        if not self.classes:
            return (z,)
        return z, F.one_hot(torch.randint(self.classes, (count,), generator=rng), self.classes).float()

    def forward(self, z: Tensor | None, labels: Tensor | None = None) -> Tensor:
        if self.embed is not None and labels is None:
            raise ValueError(f"a network of {self.classes} classes needs labels, one-hot")
        with full_precision(self.layers[0].weight):
            parts = [] if z is None else [normalize(z)]
            parts += [] if self.embed is None else [normalize(self.embed(labels))]
            x = torch.cat(parts, dim=1)
            for layer in self.layers:
                x = leaky_relu(layer(x))
        return x


class ModulatedConv(nn.Module):
    """A convolution whose input channels are scaled by styles and whose output variance is made one again.

    A separable one is a pointwise convolution and then a depthwise one (BSConv-U, Haase and Amthor 2020), so
    that a full kernel's best rank-1 approximation per output channel is a good start for it.
    """

    filter: Tensor

    def __init__(self, in_channels: int, block: Block, *, up: bool) -> None:
        super().__init__()
        self.separable = block.kind == "separable"
        self.kernel, self.up = block.kernel, up
        if self.separable:
            self.weight = nn.Parameter(torch.randn(block.channels, in_channels, 1, 1))
            self.depthwise = nn.Parameter(torch.randn(block.channels, 1, block.kernel, block.kernel))
        else:
            self.weight = nn.Parameter(torch.randn(block.channels, in_channels, block.kernel, block.kernel))
        if up:
            self.register_buffer("filter", blur_filter(gain=4.0), persistent=False)

    def forward(self, x: Tensor, styles: Tensor) -> Tensor:
        x = x * styles[:, :, None, None]
        if self.separable:
            x = self._spatial(F.conv2d(x, self.weight), self.depthwise, groups=len(self.weight))
        else:
            x = self._spatial(x, self.weight, groups=1)
        return x * self._demodulation(styles.float())[:, :, None, None].to(x.dtype)

    def _spatial(self, x: Tensor, weight: Tensor, groups: int) -> Tensor:
        if not self.up:
            return F.conv2d(x, weight, padding=self.kernel // 2, groups=groups)
        transposed = weight if groups > 1 else weight.transpose(0, 1)
        x = F.conv_transpose2d(x, transposed, stride=2, groups=groups)
        pad = (5 - self.kernel) // 2  # brings 2·(h-1) + kernel back to 2·h after the 4-tap filter
        return blur(x, self.filter, (pad, pad))

    def _demodulation(self, styles: Tensor) -> Tensor:
        """`1 / σ` of every output channel, `(N, O)`, for inputs of unit variance."""
        power = self.weight.square().sum(dim=(2, 3))
        if self.separable:
            power = power * self.depthwise.square().sum(dim=(1, 2, 3))[:, None]
        return ((styles.square()[:, None, :] * power).sum(dim=2) + DEMODULATION_EPS).rsqrt()


class StyledConv(nn.Module):
    """Style ─► modulated convolution ─► noise ─► bias ─► leaky ReLU."""

    noise_const: Tensor

    def __init__(
        self,
        in_channels: int,
        block: Block,
        style_dim: int,
        resolution: int,
        *,
        up: bool,
        limit: float | None = None,
    ) -> None:
        super().__init__()
        self.limit = limit
        self.affine = EqualizedLinear(style_dim, in_channels, bias=1.0)
        self.conv = ModulatedConv(in_channels, block, up=up)
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(block.channels))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))

    def forward(self, x: Tensor, w: Tensor, noise: NoiseMode) -> Tensor:
        x = self.conv(x, self.affine(w))
        if noise == "random":
            x = x + self.noise_strength * torch.randn_like(x[:, :1])
        elif noise == "const":
            x = x + self.noise_strength * self.noise_const
        return clamp(leaky_relu(x + self.bias[:, None, None].to(x.dtype)), self.limit)


class ToRGB(nn.Module):
    """A modulated 1×1 convolution without demodulation, from features to image channels."""

    def __init__(
        self, in_channels: int, image_channels: int, style_dim: int, limit: float | None = None
    ) -> None:
        super().__init__()
        self.limit = limit
        self.affine = EqualizedLinear(style_dim, in_channels, bias=1.0)
        self.weight = nn.Parameter(torch.randn(image_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(image_channels))
        self.gain = 1 / math.sqrt(in_channels)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        styles = self.affine(w) * self.gain
        return clamp(F.conv2d(x * styles[:, :, None, None], self.weight, self.bias), self.limit)


class SynthesisBlock(nn.Module):
    """The convolutions of one resolution and its RGB output, added to the up-sampled image so far."""

    filter: Tensor

    def __init__(
        self, in_channels: int, block: Block, resolution: int, architecture: GeneratorArchitecture
    ) -> None:
        super().__init__()
        first, style_dim, limit = resolution == 4, architecture.style_dim, architecture.conv_clamp
        widths = [in_channels] + [block.channels] * (block.convs - 1)
        self.convs: Any = nn.ModuleList(
            StyledConv(width, block, style_dim, resolution, up=not first and i == 0, limit=limit)
            for i, width in enumerate(widths)
        )
        self.to_rgb = ToRGB(block.channels, architecture.image_channels, style_dim, limit)
        self.register_buffer("filter", blur_filter(gain=4.0), persistent=False)

    def forward(self, x: Tensor, image: Tensor | None, w: Tensor, noise: NoiseMode) -> tuple[Tensor, Tensor]:
        for conv in self.convs:
            x = conv(x, w, noise)
        rgb = self.to_rgb(x, w).float()  # the image is summed up in full precision
        return x, rgb if image is None else rgb + self._upsample(image)

    def _upsample(self, image: Tensor) -> Tensor:
        n, c, h, w = image.shape
        spread = image.new_zeros(n, c, h, 2, w, 2)
        spread[:, :, :, 0, :, 0] = image
        with full_precision(image):
            return blur(spread.reshape(n, c, 2 * h, 2 * w), self.filter, (2, 1))


class StyleGAN2Generator(Generator):
    """`z` (N, latent_dim), and one-hot labels where there are classes ─► images (N, C, R, R).

    Labels are (N, classes), images float32 in about [-1, 1].
    """

    architecture: GeneratorArchitecture
    w_avg: Tensor

    def __init__(self, architecture: GeneratorArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        a = architecture
        self.mapping = MappingNetwork(a.latent_dim, a.style_dim, a.mapping_layers, a.classes)
        self.const = nn.Parameter(torch.randn(a.blocks[0].channels, 4, 4))
        in_widths = [a.blocks[0].channels, *(block.channels for block in a.blocks)]
        self.blocks: Any = nn.ModuleList(  # of SynthesisBlock; torch types an element as a bare module
            SynthesisBlock(in_widths[i], block, 4 << i, a) for i, block in enumerate(a.blocks)
        )
        self.register_buffer("w_avg", torch.zeros(a.style_dim))

    def sample_inputs(self, count: int, rng: torch.Generator) -> tuple[Tensor, ...]:
        return self.mapping.sample_inputs(count, rng)

    def condition(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return inputs[1:]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        side = self.architecture.resolution
        return self.architecture.image_channels, side, side

    @property
    def classes(self) -> int:
        return self.architecture.classes

    def label_condition(self, labels: Tensor) -> tuple[Tensor, ...]:
        return (F.one_hot(labels, self.classes).float(),) if self.classes else ()

    def forward(
        self, z: Tensor, labels: Tensor | None = None, *, psi: float = 1.0, noise: NoiseMode = "random"
    ) -> Tensor:
        """Images for latents `z`; `psi` < 1 pulls styles towards their mean (truncation)."""
        w = self.mapping(z, labels)
        if self.training:
            self.w_avg.lerp_(w.detach().mean(dim=0), 1 - W_AVG_MEMORY)
        if psi != 1.0:
            w = self.w_avg.lerp(w, psi)
        return self.synthesize(w, noise)

    def stages(self) -> Sequence[nn.Module]:
        return list(self.blocks)

    def with_styles(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        w = self.mapping(*inputs)
        return self.synthesize(w), w

    def synthesize(self, w: Tensor, noise: NoiseMode = "random") -> Tensor:
        """Images for styles `w` (N, style_dim)."""
        x = self.const.expand(len(w), -1, -1, -1)
        image: Tensor | None = None
        for block in self.blocks:
            x, image = block(x, image, w, noise)
        assert image is not None
        return image


class EqualizedConv(nn.Module):
    """A convolution with equalised learning rate; with `down`, blurred and strided by two."""

    filter: Tensor

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, *, down: bool = False, bias: bool = True
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.gain = 1 / math.sqrt(in_channels * kernel**2)
        self.kernel, self.down = kernel, down
        if down:
            self.register_buffer("filter", blur_filter(gain=1.0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * self.gain
        if not self.down:
            return F.conv2d(x, weight, self.bias, padding=self.kernel // 2)
        pad = (self.kernel + 1) // 2
        if (
            self.kernel == 1
        ):  # a pointwise convolution may follow the stride: the blur computes only what is kept
            return F.conv2d(blur(x, self.filter, (pad, pad), stride=2), weight, self.bias)
        return F.conv2d(blur(x, self.filter, (pad, pad)), weight, self.bias, stride=2)


class DiscriminatorBlock(nn.Module):
    """Two convolutions beside a strided 1×1 shortcut; halves the resolution."""

    def __init__(self, in_channels: int, out_channels: int, limit: float | None = None) -> None:
        super().__init__()
        self.limit = limit
        self.conv1 = EqualizedConv(in_channels, in_channels, 3)
        self.conv2 = EqualizedConv(in_channels, out_channels, 3, down=True)
        self.skip = EqualizedConv(in_channels, out_channels, 1, down=True, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = clamp(leaky_relu(self.conv2(clamp(leaky_relu(self.conv1(x)), self.limit))), self.limit)
        shortcut: Tensor = self.skip(x)
        return (y + shortcut) / math.sqrt(2)


class StyleGAN2Discriminator(Discriminator):
    """Images (N, C, R, R), and one-hot labels where there are classes ─► logits (N,)."""

    architecture: DiscriminatorArchitecture

    def __init__(self, architecture: DiscriminatorArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        widths = architecture.channels[::-1]  # finest first
        last, self.limit = widths[-1], architecture.conv_clamp
        self.from_rgb = EqualizedConv(architecture.image_channels, widths[0], 1)
        self.blocks = nn.ModuleList(
            DiscriminatorBlock(wide, narrow, self.limit) for wide, narrow in pairwise(widths)
        )
        self.conv = EqualizedConv(last + 1, last, 3)
        self.fc = EqualizedLinear(last * 16, last)
        self.out = EqualizedLinear(last, last if architecture.classes else 1)
        self.mapping = (
            MappingNetwork(0, last, architecture.mapping_layers, architecture.classes)
            if architecture.classes
            else None
        )

    def features(self, images: Tensor) -> list[Tensor]:
        x = clamp(leaky_relu(self.from_rgb(images)), self.limit)
        maps = []
        for block in self.blocks:
            x = block(x)
            maps.append(x)
        return maps

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.features(images)[-1].float()
        with full_precision(x):
            x = torch.cat([x, minibatch_std(x, self.architecture.minibatch_std_group)], dim=1)
            x = clamp(leaky_relu(self.conv(x)), self.limit).flatten(1)
            logits: Tensor = self.out(leaky_relu(self.fc(x)))
            if self.mapping is None:
                return logits.squeeze(1)
            projected: Tensor = (logits * self.mapping(None, labels)).sum(dim=1)
            return projected / math.sqrt(logits.shape[1])


def minibatch_std(x: Tensor, group: int) -> Tensor:
    """Mean standard deviation over groups of samples as one more channel (Karras et al. 2018, section 3)."""
    n, c, h, w = x.shape
    group = min(group, n) or n
    size = group if n % group == 0 else n
    grouped = x.reshape(size, -1, c, h, w)
    deviation = (grouped - grouped.mean(dim=0)).square().mean(dim=0).add(1e-8).sqrt()
    return deviation.mean(dim=(1, 2, 3))[None].expand(size, -1).reshape(n, 1, 1, 1).expand(n, 1, h, w)
