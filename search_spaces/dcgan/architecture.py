"""Architectures of a DCGAN generator and discriminator, and the generator's cost in closed form."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

from search_spaces.architecture import Architecture, Row
from search_spaces.errors import ArchitectureError, count_of

Kind = Literal["dense", "transposed", "conv", "upsampled"]
Activation = Literal["relu", "leaky", "tanh", "none"]
Latent = Literal["normal", "uniform"]

MIN_SIDE, MAX_SIDE = 8, 1024  # of images, px; no layer is larger
EPSILON = 1e-5  # torch's default
SMALLEST_MAP = 4  # px: least side of the discriminator's last map, before its logit


@dataclass(frozen=True, slots=True)
class Layer:
    """A linear map, then batch normalisation if any, then an activation (leaky: slope 0.2).

    "dense" makes a map of `kernel` px from one of 1 px, with a weight of its own for every pixel; "upsampled"
    repeats every pixel `stride` times in both directions, then convolves.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: Kind
    channels: int
    kernel: int = 4
    stride: int = 2
    padding: int = 1
    output_padding: int = 0  # of transposed convolutions
    bias: bool = True
    norm: bool = False
    epsilon: float = EPSILON  # of the normalisation; the default without one
    activation: Activation = "relu"

    def __post_init__(self) -> None:
        if not self.norm:
            object.__setattr__(self, "epsilon", EPSILON)

    def __str__(self) -> str:
        padding = f"p{self.padding}" + (f"+{self.output_padding}" if self.output_padding else "")
        bias = "b" if self.bias else ""
        norm = f"n{'' if self.epsilon == EPSILON else self.epsilon}" if self.norm else ""
        activation = "" if self.activation == "none" else f".{self.activation}"
        return f"{self.kind[0]}{self.channels}k{self.kernel}s{self.stride}{padding}{bias}{norm}{activation}"

    def details(self) -> Row:
        """Everything but its kind and channels, in words."""
        padding = f"{self.padding}" + (f"+{self.output_padding}" if self.output_padding else "")
        epsilon = "" if self.epsilon == EPSILON else f", epsilon {self.epsilon}"
        return {
            "kernel": f"{self.kernel}×{self.kernel}",
            "stride": str(self.stride),
            "padding": padding,
            "bias": "yes" if self.bias else "no",
            "normalisation": f"batch{epsilon}" if self.norm else "none",
            "activation": self.activation,
        }

    def side(self, before: int) -> int:
        """Side of its output, px, for an input of side `before`."""
        if self.kind == "dense":
            return self.kernel
        if self.kind == "transposed":
            return (before - 1) * self.stride - 2 * self.padding + self.kernel + self.output_padding
        if self.kind == "upsampled":
            return before * self.stride + 2 * self.padding - self.kernel + 1
        return (before + 2 * self.padding - self.kernel) // self.stride + 1

    def check(self, before: int) -> None:
        """Check that the layer can follow a map of side `before`.

        Raises:
            ArchitectureError: it can't.
        """
        if min(self.channels, self.kernel, self.stride) < 1 or self.padding < 0:
            raise ArchitectureError(
                f"layer {self}: channels, kernel and stride must be at least 1, padding at least 0"
            )
        if not 0 < self.epsilon < math.inf:
            raise ArchitectureError(f"layer {self}: epsilon {self.epsilon} must be above 0")
        if self.kind == "dense" and (before, self.stride, self.padding) != (1, 1, 0):
            raise ArchitectureError(
                f"layer {self}: a dense layer stands behind 1 px, not {before}, with stride 1, padding 0"
            )
        if self.kind == "upsampled" and self.stride < 2:
            raise ArchitectureError(f"layer {self}: up-sampling by {self.stride} is none, call it conv")
        if not 0 <= self.output_padding < (self.stride if self.kind == "transposed" else 1):
            raise ArchitectureError(
                f"layer {self}: output padding {self.output_padding} is for transposed convolutions of a "
                "larger stride"
            )
        if not 1 <= self.side(before) <= MAX_SIDE:
            raise ArchitectureError(
                f"layer {self}: {before} px become {self.side(before)}, which is not 1 to {MAX_SIDE}"
            )


@dataclass(frozen=True)
class GeneratorArchitecture(Architecture):
    """A chain of layers from `z`, a map of 1 px, to the image, the output of the last layer.

    A latent is standard normal, or uniform in [-1, 1] (Radford et al., arXiv 1511.06434).
    """

    layers: tuple[Layer, ...]
    latent_dim: int = 100
    latent: Latent = "normal"

    legend: ClassVar[str] = (
        "z100n: latent dimensions, normal (u: uniform); t64k4s2p1bn.relu: transposed (d: dense, c: conv, "
        "u: upsampled) layer of 64 channels, kernel 4, stride 2, padding 1 (p1+1: output padding), b: bias, "
        "n: batch normalisation (n0.8: its epsilon), activation"
    )

    def __post_init__(self) -> None:
        if self.latent_dim < 1 or len(self.layers) < 2:
            raise ArchitectureError(
                f"{count_of(len(self.layers), 'layer')}, z of {self.latent_dim}: give at least 2 layers, and "
                "z of 1"
            )
        side = 1
        for layer in self.layers:
            layer.check(side)
            side = layer.side(side)
        if side < MIN_SIDE:
            raise ArchitectureError(f"its images are of {side} px: {MIN_SIDE} is the least")

    def __str__(self) -> str:
        return f"z{self.latent_dim}{self.latent[0]} {' '.join(map(str, self.layers))}"

    def describe(self) -> list[Row]:
        """Latent, then every layer; the last one makes the image."""
        rows = [_row("latent", self.latent, self.latent_dim)]
        for i, (layer, side) in enumerate(zip(self.layers, self.sides, strict=True), 1):
            rows.append(_row(f"{i}" if i < len(self.layers) else "image", layer.kind, layer.channels))
            rows[-1] |= layer.details() | {"output": f"{side} px"}
        return rows

    @property
    def image_channels(self) -> int:
        """Colours of the image."""
        return self.layers[-1].channels

    @property
    def resolution(self) -> int:
        """Side of the image, px."""
        return self.sides[-1]

    @property
    def sides(self) -> tuple[int, ...]:
        """Side of every layer's output, px."""
        return tuple(after for _, _, _, after in steps(self))


@dataclass(frozen=True)
class DiscriminatorArchitecture(Architecture):
    """DCGAN's strided convolutions, 4×4, stride 2, without normalisation; `channels`: finest first."""

    channels: tuple[int, ...]
    resolution: int  # of the images, px
    image_channels: int = 3

    def __post_init__(self) -> None:
        if not MIN_SIDE <= self.resolution <= MAX_SIDE:
            raise ArchitectureError(f"{self}: resolution must be {MIN_SIDE} to {MAX_SIDE} px")
        if not self.channels or min(self.channels) < 1 or self.image_channels < 1:
            raise ArchitectureError(f"{self}: there must be a convolution, of at least 1 channel each")
        if self.resolution >> len(self.channels) < 1:
            raise ArchitectureError(f"{self}: {len(self.channels)} convolutions halve it to less than 1 px")

    def __str__(self) -> str:
        return f"D {self.resolution}px c{self.image_channels} {' '.join(map(str, self.channels))}"

    @classmethod
    def beside(cls, generator: GeneratorArchitecture) -> DiscriminatorArchitecture:
        """The mirror image of `generator`: at every side the width of its last layer up to that side."""
        hidden = list(zip(generator.sides, generator.layers, strict=True))[:-1]
        widths, side = [], generator.resolution
        while side // 2 >= SMALLEST_MAP:
            side //= 2
            there = [layer.channels for at, layer in hidden if at <= side]
            widths.append(there[-1] if there else hidden[0][1].channels)
        return cls(tuple(widths), generator.resolution, generator.image_channels)


def _row(layer: str, kind: str, channels: int) -> Row:
    others = ("output", "kernel", "stride", "padding", "bias", "normalisation", "activation")
    return {"layer": layer, "kind": kind, "channels": str(channels)} | dict.fromkeys(others, "")


def steps(architecture: GeneratorArchitecture) -> Iterator[tuple[Layer, int, int, int]]:
    """Every layer with its input's channels, its input's side and its output's side (px)."""
    channels, side = architecture.latent_dim, 1
    for layer in architecture.layers:
        yield layer, channels, side, (after := layer.side(side))
        channels, side = layer.channels, after


def macs(architecture: GeneratorArchitecture) -> int:
    """MACs of one image as fvcore counts them at batch 1.

    Transposed convolutions count at their input size, batch normalisation with 2 per value (it is in
    evaluation mode), repeating a pixel with 1 per value; biases and activations not at all.
    """
    total = 0
    for layer, channels, before, after in steps(architecture):
        weights = channels * layer.channels * layer.kernel**2
        if layer.kind == "dense":
            total += weights
        else:
            total += weights * (before if layer.kind == "transposed" else after) ** 2
        total += channels * (before * layer.stride) ** 2 if layer.kind == "upsampled" else 0
        total += 2 * layer.channels * after**2 if layer.norm else 0
    return total


def params(architecture: GeneratorArchitecture) -> int:
    """Parameters of the generator: weights, biases, scales and shifts; no running statistics."""
    total = 0
    for layer, channels, _, _ in steps(architecture):
        total += channels * layer.channels * layer.kernel**2
        biases = layer.channels * (layer.kernel**2 if layer.kind == "dense" else 1)
        total += (biases if layer.bias else 0) + (2 * layer.channels if layer.norm else 0)
    return total
