"""Architectures of a BigGAN generator and discriminator, and the generator's cost in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from search_spaces.architecture import Architecture, Row
from search_spaces.errors import ArchitectureError, count_of

ATTENTION_DIVISOR = 8  # width of the feature map / width of queries and keys
POWER_ITERATION = 2  # products per spectrally normalised weight
SMALLEST_HALVED = 2  # px; attention and averages need sides that can be halved
MAX_SIDE = 1024  # of images, px
MAX_WIDTHS = 10  # published networks have up to 7; a file may claim any number
HALVINGS_AT_32_PX = 2  # a discriminator of images this small keeps 8 px


@dataclass(frozen=True)
class GeneratorArchitecture(Architecture):
    """A class-conditional BigGAN generator (Brock et al., arXiv 1809.11096, figure 15).

    The latent `z` is cut into chunks: the first is made into an image of `bottom_width` px and `channels[0]`
    channels, each other one conditions the batch normalisation of its block (hierarchical `z`). Block `i`
    doubles the side and ends in `channels[i + 1]`.
    """

    channels: tuple[int, ...]
    chunks: tuple[int, ...]  # dimensions of z for the first layer and every block
    classes: int
    shared_dim: int = 128  # of the shared class embedding; 0: one embedding per block
    attention: tuple[int, ...] = ()  # sides of the blocks that self-attention follows, px, rising
    bottom_width: int = 4  # side of the first image, px
    image_channels: int = 3

    legend: ClassVar[str] = (
        "rgb3: image channels; c1000e128: classes, dimensions of the shared class embedding (e0: none); "
        "64:192z20a: at 64 px 192 channels, 20 dimensions of z, self-attention"
    )

    def __post_init__(self) -> None:
        _check_widths(self.channels, 2, self.bottom_width)
        if len(self.chunks) != len(self.channels) or min(self.chunks) < 0 or self.chunks[0] < 1:
            raise ArchitectureError(
                f"chunks {self.chunks} of z: {len(self.channels)} widths need as many, at least 0, the first "
                "at least 1"
            )
        if self.classes < 1 or self.shared_dim < 0 or self.image_channels < 1:
            raise ArchitectureError(
                f"{self}: BigGAN is class-conditional, it has classes and colours, at least 1 each"
            )
        if not self.shared_dim and any(self.chunks[1:]):
            raise ArchitectureError(f"{self}: chunks of z for blocks need a shared class embedding")
        _check_side(self.resolution, str(self))
        _check_attention(self.attention, self.sides[1:], self.channels[1:], str(self))

    def __str__(self) -> str:
        sides = zip(self.sides, self.channels, self.chunks, strict=True)
        stages = " ".join(f"{side}:{c}z{chunk}{_mark(side, self.attention)}" for side, c, chunk in sides)
        return f"rgb{self.image_channels} c{self.classes}e{self.shared_dim} {stages}"

    def describe(self) -> list[Row]:
        """Latent, class embedding, the first image, the block of every further resolution, image."""
        classes = count_of(self.classes, "class", "classes")
        embedding = f"{classes}, " + ("shared" if self.shared_dim else "one for every block")
        rows = [
            _row("latent", "normal", self.latent_dim),
            _row("class embedding", embedding, self.shared_dim or None),
        ]
        for i, (side, width, chunk) in enumerate(zip(self.sides, self.channels, self.chunks, strict=True)):
            kind = ("residual block" if i else "linear") + ", attention" * (side in self.attention)
            rows.append(_row(f"{side} px", kind, width, chunk))
        return [*rows, _row("image", "convolution", self.image_channels)]

    @property
    def sides(self) -> tuple[int, ...]:
        """Sides of the first image and of every block's, pixels."""
        return tuple(self.bottom_width << i for i in range(len(self.channels)))

    @property
    def resolution(self) -> int:
        """Side of the image, pixels."""
        return self.sides[-1]

    @property
    def latent_dim(self) -> int:
        """Dimensions of `z`."""
        return sum(self.chunks)


@dataclass(frozen=True)
class DiscriminatorArchitecture(Architecture):
    """BigGAN's residual discriminator with a class projection (Miyato and Koyama, arXiv 1802.05637).

    `channels[i]` is the width after block `i`, finest first; the first `halvings` blocks halve the side.
    """

    channels: tuple[int, ...]
    halvings: int
    classes: int
    attention: tuple[int, ...] = ()  # sides of the blocks that self-attention follows, px, falling
    bottom_width: int = 4  # side of the last activations, px
    image_channels: int = 3

    def __post_init__(self) -> None:
        _check_widths(self.channels, 1, self.bottom_width)
        if not 1 <= self.halvings <= len(self.channels):
            raise ArchitectureError(
                f"{self.halvings} blocks that halve the side: of {len(self.channels)}, 1 to all may do that"
            )
        if self.classes < 1 or self.image_channels < 1:
            raise ArchitectureError(f"{self}: classes and colours must be at least 1")
        _check_side(self.resolution, str(self))
        _check_attention(self.attention, self.sides, self.channels, str(self))

    def __str__(self) -> str:
        sides = zip(self.sides, self.channels, strict=True)
        blocks = " ".join(f"{side}:{c}{_mark(side, self.attention)}" for side, c in sides)
        return f"D rgb{self.image_channels} c{self.classes} {self.resolution} px {blocks}"

    @property
    def sides(self) -> tuple[int, ...]:
        """Sides of the activations after every block, pixels, finest first."""
        halved = (min(i + 1, self.halvings) for i in range(len(self.channels)))
        return tuple(self.resolution >> times for times in halved)

    @property
    def resolution(self) -> int:
        """Side of the image, pixels."""
        return self.bottom_width << self.halvings

    @classmethod
    def beside(cls, generator: GeneratorArchitecture) -> DiscriminatorArchitecture:
        """The discriminator to train with `generator`: its widths, finest first.

        All blocks but the last halve the side, at 32 px and below only two do, as published. So are its
        widths for published generators of 32, 128 and 256 px.
        """
        blocks = len(generator.channels)
        halvings = blocks - 1 if generator.resolution > 32 else min(HALVINGS_AT_32_PX, blocks - 1)
        bottom = generator.resolution >> halvings
        channels = generator.channels[::-1]
        outputs = [max(bottom, generator.resolution >> i + 1) for i in range(blocks)]
        attended = [
            side
            for side in dict.fromkeys(outputs)
            if side in generator.attention and _all_divisible(side, outputs, channels)
        ]
        return cls(
            channels,
            halvings,
            generator.classes,
            tuple(attended),
            bottom,
            generator.image_channels,
        )


def _row(layer: str, kind: str, channels: int | None, chunk: int | None = None) -> Row:
    numbers = {"channels": channels, "dimensions of z": chunk}
    return {"layer": layer, "kind": kind} | {k: "" if v is None else str(v) for k, v in numbers.items()}


def _mark(side: int, attention: tuple[int, ...]) -> str:
    return "a" if side in attention else ""


def _all_divisible(side: int, sides: list[int], channels: tuple[int, ...]) -> bool:
    """Whether attention is possible after blocks of these sides."""
    pairs = zip(sides, channels, strict=True)
    return side % SMALLEST_HALVED == 0 and all(c % ATTENTION_DIVISOR == 0 for s, c in pairs if s == side)


def _check_widths(channels: tuple[int, ...], least: int, bottom_width: int) -> None:
    if not least <= len(channels) <= MAX_WIDTHS:
        raise ArchitectureError(f"{len(channels)} widths: give {least} to {MAX_WIDTHS}")
    if min(*channels, bottom_width) < 1:
        raise ArchitectureError(f"widths {channels}, bottom width {bottom_width} px: all must be above 0")


def _check_side(resolution: int, name: str) -> None:
    if resolution > MAX_SIDE:
        raise ArchitectureError(f"{name}: resolution must be at most {MAX_SIDE} px")


def _check_attention(
    attention: tuple[int, ...], sides: tuple[int, ...], channels: tuple[int, ...], name: str
) -> None:
    if list(attention) != [side for side in dict.fromkeys(sides) if side in attention]:
        raise ArchitectureError(
            f"{name}: attention at {attention} px: blocks make {sides}, name some of them, in that order"
        )
    for side, width in zip(sides, channels, strict=True):
        if side in attention and (width % ATTENTION_DIVISOR or side % SMALLEST_HALVED):
            raise ArchitectureError(
                f"{name}: attention at {side} px has {width} channels: "
                f"give an even side and a multiple of {ATTENTION_DIVISOR}"
            )


@dataclass(frozen=True)
class _Layer:
    """A convolution or linear layer: number of weights, number of positions, normalised or not."""

    weights: int
    places: int = 1
    biases: int = 0
    normalised: bool = True


def macs(architecture: GeneratorArchitecture) -> int:
    """MACs of one image as fvcore counts them at batch 1, the class embedding included.

    Spectral normalisation counts two products per weight; batch normalisation one per value, two with an own
    gain and bias; up-sampling one per value; pooling and softmax none.
    """
    a = architecture
    total = sum(
        layer.weights * (layer.places + POWER_ITERATION * layer.normalised) for layer in _layers(architecture)
    )
    for side, inside, out in _blocks(a):
        pixels = side**2
        total += inside * (pixels // 4) + out * pixels  # batch normalisations
        total += (inside + out) * pixels  # up-sampling, before the convolutions and in the shortcut
        if side in a.attention:
            keys = pixels // 4
            total += pixels * keys * (out // ATTENTION_DIVISOR + out // 2)
    return total + 2 * a.channels[-1] * a.resolution**2


def params(architecture: GeneratorArchitecture) -> int:
    """Parameters of the generator: weights and biases, no buffers."""
    layers = sum(layer.weights + layer.biases for layer in _layers(architecture))
    return layers + 2 * architecture.channels[-1] + len(architecture.attention)


def _blocks(architecture: GeneratorArchitecture) -> Iterator[tuple[int, int, int]]:
    """Side, input and output width of every block."""
    return zip(architecture.sides[1:], architecture.channels, architecture.channels[1:], strict=False)


def _layers(architecture: GeneratorArchitecture) -> Iterator[_Layer]:
    """All layers with weights, except the last batch normalisation and the gain of attention."""
    a = architecture
    yield _Layer(a.classes * a.shared_dim, normalised=False)
    start = a.channels[0] * a.bottom_width**2
    yield _Layer(a.chunks[0] * start, biases=start)
    for (side, inside, out), chunk in zip(_blocks(a), a.chunks[1:], strict=True):
        condition = a.shared_dim + chunk if a.shared_dim else a.classes
        yield _Layer(2 * condition * (inside + out), normalised=a.shared_dim > 0)  # gains and biases
        yield _Layer(9 * inside * out, side**2, out)
        yield _Layer(9 * out * out, side**2, out)
        yield _Layer(inside * out, side**2 // 4, out)  # the shortcut, before it is enlarged
        if side in a.attention:
            yield _Layer(2 * out * (out // ATTENTION_DIVISOR) + 2 * out * (out // 2), side**2)
    yield _Layer(9 * a.channels[-1] * a.image_channels, a.resolution**2, a.image_channels)
