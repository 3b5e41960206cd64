"""Architectures of U-Net translators, and their cost in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar, Literal

from pydantic import ConfigDict

from search_spaces.architecture import Architecture, Row
from search_spaces.errors import ArchitectureError
from search_spaces.translation import NORM_MACS, NORM_PARAMS, Norm, has_biases

Kind = Literal["dense", "separable"]

KERNEL = 4  # of all convolutions; their stride is 2
MIN_LEVELS, MAX_LEVELS = 3, 10  # published networks have 5 to 8
MAX_SIDE = 2048  # of images, px
LEAST_CHANNELS = 2  # of a level; a separable kernel costs more than a dense one of a single channel
DROPOUT_FROM = 4  # the first level with dropout, counted from 0; the innermost one has none


@dataclass(frozen=True, slots=True)
class Level:
    """A convolution that halves the side, of `channels`, and the transposed one that undoes it."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    channels: int
    kind: Kind = "dense"

    def __str__(self) -> str:
        return f"{self.channels}{self.kind[0]}"


@dataclass(frozen=True)
class GeneratorArchitecture(Architecture):
    """A U-Net translator (pix2pix: Isola et al., arXiv 1611.07004): skips join maps of equal side.

    Level `i` halves the side and has `levels[i].channels`; its transposed convolution reads them, beside the
    output of the level inside it, and makes as many channels as the level outside it has.
    """

    levels: tuple[Level, ...]  # finest first
    resolution: int  # px
    input_channels: int = 3
    image_channels: int = 3
    norm: Norm = "batch"
    dropout: bool = True  # of one half, in training, after the transposed convolutions of coarse levels

    legend: ClassVar[str] = (
        "256px 3>3: resolution, channels of input and image; batch.dropout: normalisation, with dropout; "
        "64d 128d 5×(512s): levels from the finest, channels, d dense or s separable"
    )

    def __post_init__(self) -> None:
        if not MIN_LEVELS <= len(self.levels) <= MAX_LEVELS:
            raise ArchitectureError(f"{len(self.levels)} levels: give {MIN_LEVELS} to {MAX_LEVELS}")
        if min(self.input_channels, self.image_channels) < 1:
            raise ArchitectureError(f"{self}: images have channels, at least 1")
        if min(level.channels for level in self.levels) < LEAST_CHANNELS:
            raise ArchitectureError(f"{self}: levels need {LEAST_CHANNELS} channels or more")
        if self.levels[0].kind == "separable":
            raise ArchitectureError(f"{self}: the first level reads and makes images, it must be dense")
        if self.norm == "none":
            raise ArchitectureError(f"{self}: U-Net translators are normalised by instance or by batch")
        stride = self.stride
        if self.resolution % stride or not stride <= self.resolution <= MAX_SIDE:
            fitting = min(MAX_SIDE, max(1, -(-self.resolution // stride)) * stride)
            raise ArchitectureError(
                f"resolution {self.resolution}: {len(self.levels)} levels need a multiple of {stride} px, "
                f"at most {MAX_SIDE}: give {fitting}"
            )

    def __str__(self) -> str:
        runs = [(name, len(list(same))) for name, same in groupby(map(str, self.levels))]
        levels = " ".join(f"{count}×({name})" if count > 1 else name for name, count in runs)
        dropout = ".dropout" if self.dropout else ""
        return (
            f"{self.resolution}px {self.input_channels}>{self.image_channels} {self.norm}{dropout} {levels}"
        )

    def describe(self) -> list[Row]:
        """Input, every level with both of its convolutions, image."""
        rows = [_row("input", self.norm, self.input_channels, self.resolution, "")]
        for i, (level, side) in enumerate(zip(self.levels, self.sides, strict=True)):
            made = self.outer(i)
            dropped = ", dropout" if self.drops(i) else ""
            rows.append(_row(f"level {i + 1}", level.kind, level.channels, side, f"{made}{dropped}"))
        image = "dropout" if self.dropout else "no dropout"
        return [*rows, _row("image", image, self.image_channels, self.resolution, "")]

    @property
    def stride(self) -> int:
        """Side of the image / side of the innermost map."""
        return 1 << len(self.levels)

    @property
    def sides(self) -> tuple[int, ...]:
        """Sides of the maps of every level, px."""
        return tuple(self.resolution >> i + 1 for i in range(len(self.levels)))

    def outer(self, level: int) -> int:
        """Channels that the transposed convolution of a level, counted from 0, makes."""
        return self.levels[level - 1].channels if level else self.image_channels

    def drops(self, level: int) -> bool:
        """Whether there is dropout after the transposed convolution of a level."""
        return self.dropout and DROPOUT_FROM <= level < len(self.levels) - 1


def _row(layer: str, kind: str, channels: int, side: int, made: str) -> Row:
    return {
        "layer": layer,
        "kind": kind,
        "channels": str(channels),
        "output": f"{side} px",
        "transposed channels": made,
    }


@dataclass(frozen=True)
class _Conv:
    """A convolution: weights, outputs, positions that every weight is used at; normalised behind it?"""

    weights: int
    outputs: int
    places: int
    pixels: int  # of an output channel
    normalised: bool = True
    biases: bool = True


def macs(architecture: GeneratorArchitecture) -> int:
    """MACs of one image as fvcore counts them at batch 1.

    Transposed convolutions count at their input size, instance normalisation with 4 per value, batch
    normalisation with 2; biases, activations, dropout and skips not at all.
    """
    norm = NORM_MACS[architecture.norm]
    return sum(
        conv.weights * conv.places + norm * conv.outputs * conv.pixels * conv.normalised
        for conv in _convs(architecture)
    )


def params(architecture: GeneratorArchitecture) -> int:
    """Parameters of the generator: weights, biases, scales and shifts; no running statistics."""
    norm = NORM_PARAMS[architecture.norm]
    return sum(
        conv.weights + conv.outputs * (conv.biases + norm * conv.normalised) for conv in _convs(architecture)
    )


def _convs(architecture: GeneratorArchitecture) -> Iterator[_Conv]:
    a, taps = architecture, KERNEL**2
    biases, last = has_biases(a.norm), len(a.levels) - 1
    inside = a.input_channels
    for i, (level, side) in enumerate(zip(a.levels, a.sides, strict=True)):
        width, pixels, outer = level.channels, side**2, a.outer(i)
        read = width if i == last else 2 * width
        normed = 0 < i < last
        if level.kind == "dense":
            yield _Conv(taps * inside * width, width, pixels, pixels, normed, biases)
            yield _Conv(taps * read * outer, outer, pixels, 4 * pixels, i > 0, biases or i == 0)
        else:
            yield _Conv(taps * inside, inside, pixels, pixels, False, False)
            yield _Conv(inside * width, width, pixels, pixels, normed, biases)
            yield _Conv(read * outer, outer, pixels, pixels, False, False)
            yield _Conv(taps * outer, outer, pixels, 4 * pixels, True, biases)
        inside = width
