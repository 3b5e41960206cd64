"""Architectures of a StarGAN generator and discriminator, and the generator's cost in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

from search_spaces.architecture import Architecture, Row
from search_spaces.errors import ArchitectureError

BlockKind = Literal["dense", "separable"]
Size = Literal["full", "half", "quarter"]

SIZES: tuple[Size, ...] = ("full", "half", "quarter")  # of maps, relative to the side of the image
STRIDE = 4  # the side of an image is a multiple of it
MIN_SIDE, MAX_SIDE = 8, 1024  # of images, px; instance normalisation needs more than one pixel
BLOCK_KERNEL = 3
NORM_MACS = 5  # of instance normalisation with scale and shift, per value, as fvcore counts
MAX_LAYERS = 6  # of the published discriminator


@dataclass(frozen=True)
class GeneratorArchitecture(Architecture):
    """StarGAN's generator (Choi et al., arXiv 1711.09020, table 4), with optional skips.

    A stem, two convolutions of stride 2, residual blocks at a quarter of the side, two transposed
    convolutions of stride 2 and a convolution to the image. A skip joins the encoder's map to the decoder's
    of its size.
    """

    encoder: tuple[int, int, int]  # channels at the full, half and quarter side
    decoder: tuple[int, int]  # channels at the half and full side
    blocks: tuple[BlockKind, ...]
    attributes: int
    resolution: int  # side of the images, px; no weight depends on it
    image_channels: int = 3
    skips: tuple[Size, ...] = ()  # some of `SIZES`, in their order
    stem_kernel: int = 7
    down_kernel: int = 4
    up_kernel: int = 4
    image_kernel: int = 7

    legend: ClassVar[str] = (
        "rgb3 a5 128px: image channels, attributes, side of the image; e64-128-256: encoder's channels at "
        "full, half and quarter side; dds: dense and separable residual blocks; d128-64: decoder's channels "
        "at half and full side; k7-4-4-7: kernels of stem, down, up, image; +half: skip at half of the side"
    )

    def __post_init__(self) -> None:
        if min(*self.encoder, *self.decoder, self.attributes, self.image_channels) < 1:
            raise ArchitectureError(f"{self}: channels, attributes and colours must be at least 1")
        if not self.blocks:
            raise ArchitectureError(f"{self}: give at least 1 residual block")
        _check_side(self.resolution)
        if list(self.skips) != [size for size in SIZES if size in self.skips]:
            raise ArchitectureError(f"skips {self.skips}: give some of {SIZES}, each once, in that order")
        for name, kernel, odd in (
            ("stem", self.stem_kernel, 1),
            ("down", self.down_kernel, 0),
            ("up", self.up_kernel, 0),
            ("image", self.image_kernel, 1),
        ):
            if kernel < 1 or kernel % 2 != odd or kernel > MIN_SIDE:
                parity = "odd" if odd else "even"
                raise ArchitectureError(
                    f"{name} kernel {kernel}: it keeps sizes if it is {parity}, 1 to {MIN_SIDE}"
                )

    def __str__(self) -> str:
        kernels = (self.stem_kernel, self.down_kernel, self.up_kernel, self.image_kernel)
        parts = [
            f"rgb{self.image_channels} a{self.attributes} {self.resolution}px",
            f"e{_joined(self.encoder)} {''.join(kind[0] for kind in self.blocks)} d{_joined(self.decoder)}",
            f"k{_joined(kernels)}",
        ]
        return " ".join([*parts, *(f"+{size}" for size in self.skips)])

    def describe(self) -> list[Row]:
        """Inputs, then every layer; the last one makes the image."""
        full, half, quarter = self.sides
        stem, first, trunk = self.encoder
        attributes = f"image and {self.attributes} attributes"
        rows = [
            _row("inputs", attributes, self.image_channels, None, full),
            _row("stem", "convolution", stem, self.stem_kernel, full),
            _row("down 1", "convolution", first, self.down_kernel, half),
            _row("down 2", "convolution", trunk, self.down_kernel, quarter),
        ]
        for i, kind in enumerate(self.blocks, 1):
            rows.append(_row(f"block {i}", f"residual, {kind}", trunk, BLOCK_KERNEL, quarter))
        rows += [
            _row("up 1", "transposed convolution", self.decoder[0], self.up_kernel, half),
            _row("up 2", "transposed convolution", self.decoder[1], self.up_kernel, full),
            _row("image", "convolution", self.image_channels, self.image_kernel, full),
        ]
        for row, size in zip(rows[-4:-1], reversed(SIZES), strict=True):
            row["skip from"] = f"encoder, {row['output']}" if size in self.skips else ""
        return rows

    @property
    def sides(self) -> tuple[int, int, int]:
        """Sides of the maps of each of `SIZES`, px."""
        return self.resolution, self.resolution // 2, self.resolution // 4


@dataclass(frozen=True)
class DiscriminatorArchitecture(Architecture):
    """4×4 convolutions of stride 2 of these `channels`, finest first, a patch head and an attribute head."""

    channels: tuple[int, ...]
    attributes: int
    resolution: int  # of the images, px
    image_channels: int = 3

    def __post_init__(self) -> None:
        if not self.channels or min(*self.channels, self.attributes, self.image_channels) < 1:
            raise ArchitectureError(
                f"{self}: give at least 1 convolution; channels, attributes, colours at least 1"
            )
        if not MIN_SIDE <= self.resolution <= MAX_SIDE:
            raise ArchitectureError(f"{self}: resolution must be {MIN_SIDE} to {MAX_SIDE} px")
        if self.last_side < 1:
            raise ArchitectureError(f"{self}: {len(self.channels)} convolutions halve it to less than 1 px")

    def __str__(self) -> str:
        return f"D rgb{self.image_channels} a{self.attributes} {self.resolution}px {_joined(self.channels)}"

    @property
    def last_side(self) -> int:
        """Side of the last map, px; odd sides lose half a pixel."""
        return self.resolution >> len(self.channels)

    @classmethod
    def beside(cls, generator: GeneratorArchitecture) -> DiscriminatorArchitecture:
        """The published one: six convolutions, of doubling width from that of the generator's stem.

        Below 64 px there are fewer, as many as leave a pixel.
        """
        layers = min(MAX_LAYERS, generator.resolution.bit_length() - 1)
        return cls(
            tuple(generator.encoder[0] << i for i in range(layers)),
            generator.attributes,
            generator.resolution,
            generator.image_channels,
        )


def _joined(numbers: tuple[int, ...]) -> str:
    return "-".join(map(str, numbers))


def _row(layer: str, kind: str, channels: int, kernel: int | None, side: int) -> Row:
    size = "" if kernel is None else f"{kernel}×{kernel}"
    return {
        "layer": layer,
        "kind": kind,
        "channels": str(channels),
        "kernel": size,
        "output": f"{side} px",
        "skip from": "",
    }


def _check_side(resolution: int) -> None:
    if not MIN_SIDE <= resolution <= MAX_SIDE or resolution % STRIDE:
        nearest = min(MAX_SIDE, max(MIN_SIDE, -(-resolution // STRIDE) * STRIDE))
        raise ArchitectureError(
            f"resolution {resolution}: it must be a multiple of {STRIDE} from {MIN_SIDE} to {MAX_SIDE} px: "
            f"give {nearest}"
        )


@dataclass(frozen=True)
class _Layer:
    """A linear map: number of weights, number of positions; and the instance normalisation behind it."""

    weights: int
    places: int
    normalised: int = 0  # channels
    pixels: int = 0  # of a normalised channel


def macs(architecture: GeneratorArchitecture) -> int:
    """MACs of one image as fvcore counts them at batch 1.

    Transposed convolutions count at their input size, instance normalisation with 5 per value; tiled
    attributes, concatenations and activations not at all.
    """
    return sum(
        layer.weights * layer.places + NORM_MACS * layer.normalised * layer.pixels
        for layer in _layers(architecture)
    )


def params(architecture: GeneratorArchitecture) -> int:
    """Parameters of the generator: weights, scales and shifts."""
    return sum(layer.weights + 2 * layer.normalised for layer in _layers(architecture))


def _layers(a: GeneratorArchitecture) -> Iterator[_Layer]:
    full, half, quarter = (side**2 for side in a.sides)
    inputs = a.image_channels + a.attributes
    yield _Layer(inputs * a.encoder[0] * a.stem_kernel**2, full, a.encoder[0], full)
    for (before, after), pixels in zip(pairwise(a.encoder), (half, quarter), strict=True):
        yield _Layer(before * after * a.down_kernel**2, pixels, after, pixels)
    trunk = a.encoder[-1]
    for kind in a.blocks:
        weights = trunk**2 * BLOCK_KERNEL**2 if kind == "dense" else trunk * (trunk + BLOCK_KERNEL**2)
        yield from [_Layer(weights, quarter, trunk, quarter)] * 2
    widths = pairwise((trunk, *a.decoder))
    for (before, after), pixels, enlarged in zip(widths, (quarter, half), (half, full), strict=True):
        yield _Layer(before * after * a.up_kernel**2, pixels, after, enlarged)
    yield _Layer(a.decoder[-1] * a.image_channels * a.image_kernel**2, full)
    for (encoded, decoded), size in zip(skip_widths(a), SIZES, strict=True):
        if size in a.skips:
            yield _Layer((encoded + decoded) * decoded, a.sides[SIZES.index(size)] ** 2)


def skip_widths(architecture: GeneratorArchitecture) -> list[tuple[int, int]]:
    """Channels of the encoder's and of the decoder's map of each of `SIZES`."""
    decoder = (architecture.decoder[1], architecture.decoder[0], architecture.encoder[-1])
    return list(zip(architecture.encoder, decoder, strict=True))
