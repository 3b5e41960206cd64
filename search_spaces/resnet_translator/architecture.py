"""Architectures of ResNet translators, and their cost in closed form."""

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
Padding = Literal["reflect", "zeros"]

SAMPLING_KERNEL = 3  # of the convolutions that change the side
BLOCK_KERNEL = 3  # of residual blocks, as published
MAX_SIDE = 2048  # of images, px
MAX_BLOCKS = 16  # published networks have 6 or 9
MAX_HALVINGS = 5  # published networks have 2
LEAST_IN_BLOCKS = 2  # channels; a separable kernel costs more than a dense one of a single channel


@dataclass(frozen=True, slots=True)
class Block:
    """A residual block of two convolutions with `channels` between them, which keeps side and width."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    channels: int
    kind: Kind = "dense"

    def __str__(self) -> str:
        return f"{self.channels}{self.kind[0]}"


@dataclass(frozen=True)
class GeneratorArchitecture(Architecture):
    """A ResNet translator (Johnson et al., arXiv 1603.08155; CycleGAN: Zhu et al., arXiv 1703.10593).

    A first convolution, convolutions of stride 2, residual blocks, transposed convolutions of stride 2, and a
    convolution that makes the image. "separable" blocks are those of GAN Compression (arXiv 2003.08936).
    """

    stem: int  # channels of the first convolution
    down: tuple[int, ...]  # of every convolution of stride 2; the last one is the width of the blocks
    blocks: tuple[Block, ...]
    up: tuple[int, ...]  # of every transposed convolution
    resolution: int = 256  # px
    input_channels: int = 3
    image_channels: int = 3
    stem_kernel: int = 7
    block_kernel: int = BLOCK_KERNEL
    image_kernel: int = 7
    norm: Norm = "instance"
    padding: Padding = "reflect"  # of the first and last convolution and of the blocks

    legend: ClassVar[str] = (
        "256px 3>3: resolution, channels of input and image; instance.reflect: normalisation, padding; "
        "k7 64: channels of the first convolution with kernel 7; 128 256: of those of stride 2; k3 9×(256d): "
        "residual blocks, their kernel, channels inside, d dense or s separable; 128 64: transposed "
        "convolutions; k7: kernel of the last convolution"
    )

    def __post_init__(self) -> None:
        if len(self.down) != len(self.up) or not 1 <= len(self.down) <= MAX_HALVINGS:
            raise ArchitectureError(
                f"{len(self.down)} convolutions halve the side, {len(self.up)} double it: give equally many, "
                f"1 to {MAX_HALVINGS}"
            )
        if len(self.blocks) > MAX_BLOCKS:
            raise ArchitectureError(f"{len(self.blocks)} residual blocks: give at most {MAX_BLOCKS}")
        inside = (block.channels for block in self.blocks)
        if min(self.stem, *self.down, *self.up, *inside, self.input_channels, self.image_channels) < 1:
            raise ArchitectureError(f"{self}: channels must be at least 1")
        if self.blocks and min(self.trunk, *(block.channels for block in self.blocks)) < LEAST_IN_BLOCKS:
            raise ArchitectureError(f"{self}: residual blocks need {LEAST_IN_BLOCKS} channels or more")
        kernels = (self.stem_kernel, self.image_kernel, self.block_kernel)
        if any(kernel < 1 or kernel % 2 == 0 for kernel in kernels) or self.block_kernel < 3:
            raise ArchitectureError(
                f"{self}: kernels must be odd, of 1 px or more, those of residual blocks of 3 px or more"
            )
        if self.norm == "none":
            raise ArchitectureError(f"{self}: ResNet translators are normalised by instance or by batch")
        self._check_side()

    def _check_side(self) -> None:
        stride = self.stride
        if self.resolution % stride or not 2 * stride <= self.resolution <= MAX_SIDE:
            fitting = min(MAX_SIDE, max(2, -(-self.resolution // stride)) * stride)
            raise ArchitectureError(
                f"resolution {self.resolution}: {len(self.down)} halvings need a multiple of {stride} px, "
                f"{2 * stride} to {MAX_SIDE}: give {fitting}"
            )
        for kernel, side in (
            (self.stem_kernel, self.resolution),
            (self.block_kernel, self.resolution // stride),
            (self.image_kernel, self.resolution),
        ):
            if kernel // 2 >= side:
                raise ArchitectureError(f"{self}: a kernel of {kernel} px is too large for maps of {side} px")

    def __str__(self) -> str:
        runs = ((str(block), len(list(same))) for block, same in groupby(self.blocks))
        blocks = [f"k{self.block_kernel}", *(f"{count}×({name})" for name, count in runs)]
        widths = " ".join([str(self.stem), *map(str, self.down), *blocks, *map(str, self.up)])
        return (
            f"{self.resolution}px {self.input_channels}>{self.image_channels} {self.norm}.{self.padding} "
            f"k{self.stem_kernel} {widths} k{self.image_kernel}"
        )

    def describe(self) -> list[Row]:
        """Input, first convolution, halvings, residual blocks, doublings, image."""
        side = self.resolution
        normalised = f"{self.norm}, padding {self.padding}"
        rows = [_row("input", normalised, self.input_channels, None, side)]
        rows.append(_row("stem", "convolution", self.stem, self.stem_kernel, side))
        for i, width in enumerate(self.down, 1):
            side //= 2
            rows.append(_row(f"down {i}", "stride 2", width, SAMPLING_KERNEL, side))
        for i, block in enumerate(self.blocks, 1):
            rows.append(
                _row(f"block {i}", f"residual, {block.kind}", block.channels, self.block_kernel, side)
            )
        for i, width in enumerate(self.up, 1):
            side *= 2
            rows.append(_row(f"up {i}", "transposed", width, SAMPLING_KERNEL, side))
        return [*rows, _row("image", "convolution", self.image_channels, self.image_kernel, side)]

    @property
    def stride(self) -> int:
        """Side of the image / side of the residual blocks' maps."""
        return 1 << len(self.down)

    @property
    def trunk(self) -> int:
        """Channels between residual blocks."""
        return self.down[-1]


def _row(layer: str, kind: str, channels: int, kernel: int | None, side: int) -> Row:
    taps = "" if kernel is None else f"{kernel}×{kernel}"
    return {"layer": layer, "kind": kind, "channels": str(channels), "kernel": taps, "output": f"{side} px"}


@dataclass(frozen=True)
class _Conv:
    """A convolution: weights, outputs, positions that every weight is used at; normalised behind it?"""

    weights: int
    outputs: int
    places: int
    pixels: int  # of an output channel
    normalised: bool = True


def macs(architecture: GeneratorArchitecture) -> int:
    """MACs of one image as fvcore counts them at batch 1.

    Transposed convolutions count at their input size, instance normalisation with 4 per value, batch
    normalisation with 2; padding, biases and activations not at all.
    """
    norm = NORM_MACS[architecture.norm]
    return sum(
        conv.weights * conv.places + norm * conv.outputs * conv.pixels * conv.normalised
        for conv in _convs(architecture)
    )


def params(architecture: GeneratorArchitecture) -> int:
    """Parameters of the generator: weights, biases, scales and shifts; no running statistics."""
    norm, bias = NORM_PARAMS[architecture.norm], has_biases(architecture.norm)
    total = 0
    for conv in _convs(architecture):
        biases = bias if conv.normalised else True
        total += conv.weights + conv.outputs * biases + conv.outputs * norm * conv.normalised
    return total


def _convs(architecture: GeneratorArchitecture) -> Iterator[_Conv]:
    a, pixels, taps = architecture, architecture.resolution**2, SAMPLING_KERNEL**2
    yield _Conv(a.stem_kernel**2 * a.input_channels * a.stem, a.stem, pixels, pixels)
    width = a.stem
    for narrower in a.down:
        pixels //= 4
        yield _Conv(taps * width * narrower, narrower, pixels, pixels)
        width = narrower
    for block in a.blocks:
        for inside, out in ((width, block.channels), (block.channels, width)):
            if block.kind == "dense":
                yield _Conv(a.block_kernel**2 * inside * out, out, pixels, pixels)
            else:
                yield _Conv(a.block_kernel**2 * inside, inside, pixels, pixels)
                yield _Conv(inside * out, out, pixels, pixels)
    for wider in a.up:
        yield _Conv(taps * width * wider, wider, pixels, 4 * pixels)
        pixels *= 4
        width = wider
    yield _Conv(a.image_kernel**2 * width * a.image_channels, a.image_channels, pixels, pixels, False)
