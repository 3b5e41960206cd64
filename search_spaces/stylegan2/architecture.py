"""Architectures of a StyleGAN2 generator and discriminator, and the generator's cost in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

from search_spaces.architecture import Architecture, Row
from search_spaces.errors import ArchitectureError, count_of

ConvKind = Literal["full", "separable"]

RESOLUTIONS = tuple(2**n for n in range(4, 11))  # 16 … 1024 px
MAX_MAPPING_LAYERS = 64  # published networks have 2 or 8; a file may claim any number
BLUR_TAPS = 16  # the 4×4 filter after every up-sampling


@dataclass(frozen=True, slots=True)
class Block:
    """The layers at one resolution. The first block (4 px) has one convolution and does not up-sample."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    channels: int
    convs: int = 2
    kind: ConvKind = "full"
    kernel: int = 3

    def __str__(self) -> str:
        return f"{self.channels}{self.kind[0]}{self.convs}k{self.kernel}"


@dataclass(frozen=True)
class GeneratorArchitecture(Architecture):
    """A StyleGAN2 generator with skip RGB outputs (Karras et al. 2020, Fig. 7b); `blocks[i]`: 4·2^i px."""

    blocks: tuple[Block, ...]
    image_channels: int = 3
    latent_dim: int = 512
    style_dim: int = 512
    mapping_layers: int = 8
    classes: int = 0  # 0 is unconditional
    conv_clamp: float | None = None  # activations are kept within ± this, as in networks trained in fp16

    legend: ClassVar[str] = (
        "rgb3: image channels; z512: latent dimensions, c10: classes; m8x512: mapping layers x style width; "
        "8:64f2k3: at 8 px 64 channels, full (s: separable) kernels, 2 convolutions, kernel 3×3; "
        "clamp256: limit of activations"
    )

    def __post_init__(self) -> None:
        _check_options(self.classes, self.conv_clamp, self.mapping_layers)
        if self.resolution not in RESOLUTIONS:
            raise ArchitectureError(f"resolution {self.resolution} is not one of {RESOLUTIONS}")
        if min(self.image_channels, self.latent_dim, self.style_dim) < 1:
            raise ArchitectureError(f"{self}: widths must be at least 1")
        for block in self.blocks:
            if block.channels < 1 or block.convs not in (1, 2) or block.kernel not in (1, 3, 5):
                raise ArchitectureError(f"{self}: a block has channels ≥ 1, 1 or 2 convs, kernel 1, 3 or 5")
        if self.blocks[0].convs != 1:
            raise ArchitectureError(f"{self}: the 4 px block has exactly one convolution")

    def __str__(self) -> str:
        blocks = " ".join(f"{4 << i}:{block}" for i, block in enumerate(self.blocks))
        inputs = f"z{self.latent_dim}" + (f"c{self.classes}" if self.classes else "")
        clamp = f" clamp{self.conv_clamp:g}" if self.conv_clamp else ""
        mapping = f"m{self.mapping_layers}x{self.style_dim}"
        return f"rgb{self.image_channels} {inputs} {mapping} {blocks}{clamp}"

    def describe(self) -> list[Row]:
        """Latent, mapping network, the block of every resolution, image."""
        label = f", {count_of(self.classes, 'class', 'classes')}" if self.classes else ""
        clamp = f", clamped to ±{self.conv_clamp:g}" if self.conv_clamp else ""
        rows = [
            _row("latent", f"normal{label}", self.latent_dim),
            _row("mapping", f"{self.mapping_layers} linear", self.style_dim),
        ]
        for i, block in enumerate(self.blocks):
            kind = f"{block.convs} {block.kind} convolution{'s' if block.convs > 1 else ''}{clamp}"
            rows.append(_row(f"{4 << i} px", kind, block.channels, block.kernel))
        return [*rows, _row("image", f"{self.resolution} px, sum over resolutions", self.image_channels)]

    @property
    def resolution(self) -> int:
        """Side of the image, pixels."""
        return 4 << (len(self.blocks) - 1) if self.blocks else 0


@dataclass(frozen=True)
class DiscriminatorArchitecture(Architecture):
    """StyleGAN2's residual discriminator; `channels[i]` is the width at 4·2^i px.

    With classes, the logit is a projection on a mapped label (Karras et al. 2020, ADA, appendix C).
    """

    channels: tuple[int, ...]
    image_channels: int = 3
    minibatch_std_group: int = 4  # 0 is the whole batch
    classes: int = 0
    mapping_layers: int = 8  # of the label; without classes there are none, and it is always this
    conv_clamp: float | None = None

    def __post_init__(self) -> None:
        if not self.classes:
            object.__setattr__(self, "mapping_layers", DiscriminatorArchitecture.mapping_layers)
        _check_options(self.classes, self.conv_clamp, self.mapping_layers)
        if self.resolution not in RESOLUTIONS or min(self.channels) < 1:
            raise ArchitectureError(f"{self}: resolution must be one of {RESOLUTIONS}, channels at least 1")
        if self.image_channels < 1 or self.minibatch_std_group < 0:
            raise ArchitectureError(f"{self}: image channels must be at least 1, a group at least 0")

    def __str__(self) -> str:
        widths = " ".join(f"{4 << i}:{width}" for i, width in enumerate(self.channels))
        classes = f" c{self.classes}m{self.mapping_layers}"
        clamp = f" clamp{self.conv_clamp:g}" if self.conv_clamp else ""
        return f"D rgb{self.image_channels} g{self.minibatch_std_group}{classes} {widths}{clamp}"

    def to_json(self) -> dict[str, Any]:
        """As `Architecture.to_json`; of the mapping network only where there is one."""
        values = super().to_json()
        if not self.classes:
            del values["mapping_layers"]
        return values

    @classmethod
    def beside(cls, generator: GeneratorArchitecture) -> DiscriminatorArchitecture:
        """The discriminator that StyleGAN2 trains with `generator`: the same widths."""
        widths = tuple(block.channels for block in generator.blocks)
        conditions = {"classes": generator.classes, "conv_clamp": generator.conv_clamp}
        return cls(widths, generator.image_channels, **conditions)  # type: ignore[arg-type]  # values of several types

    @property
    def resolution(self) -> int:
        """Side of the image, pixels."""
        return 4 << (len(self.channels) - 1) if self.channels else 0


def _row(layer: str, kind: str, channels: int, kernel: int = 0) -> Row:
    size = f"{kernel}×{kernel}" if kernel else ""
    return {"layer": layer, "kind": kind, "channels": str(channels), "kernel": size}


def _check_options(classes: int, conv_clamp: float | None, mapping_layers: int) -> None:
    if classes < 0 or (conv_clamp is not None and not conv_clamp > 0):
        raise ArchitectureError(
            f"{classes} classes, clamp {conv_clamp}: give at least 0, and above 0 or none"
        )
    if not 1 <= mapping_layers <= MAX_MAPPING_LAYERS:
        raise ArchitectureError(f"{mapping_layers} mapping layers: give 1 to {MAX_MAPPING_LAYERS}")


def macs(architecture: GeneratorArchitecture) -> int:
    """MACs of one image as fvcore counts them at batch 1, mapping included.

    Transposed convolutions count at their input size, blurs as 4×4 convolutions at output size, elementwise
    work (modulation, demodulation, noise) not at all.
    """
    style, rgb = architecture.style_dim, architecture.image_channels
    total = _mapping_weights(architecture)
    width = architecture.blocks[0].channels
    for i, block in enumerate(architecture.blocks):
        pixels, out = (4 << i) ** 2, block.channels
        for conv in range(block.convs):
            upsamples = i > 0 and conv == 0
            total += style * width + _weights(block, width) * (pixels // 4 if upsamples else pixels)
            total += BLUR_TAPS * out * pixels if upsamples else 0
            width = out
        total += style * width + width * rgb * pixels
        total += BLUR_TAPS * rgb * pixels if i > 0 else 0
    return total


def params(architecture: GeneratorArchitecture) -> int:
    """Parameters of the generator: weights, biases, noise strengths and the constant input; no buffers."""
    style, rgb = architecture.style_dim, architecture.image_channels
    total = _mapping_weights(architecture)
    total += (architecture.mapping_layers + (architecture.classes > 0)) * style
    width = architecture.blocks[0].channels
    total += 16 * width
    for block in architecture.blocks:
        for _ in range(block.convs):
            total += (style + 1) * width + _weights(block, width) + block.channels + 1
            width = block.channels
        total += (style + 1) * width + width * rgb + rgb
    return total


def _mapping_weights(architecture: GeneratorArchitecture) -> int:
    """Weights of the mapping network without biases; a label is embedded as wide as a style."""
    style = architecture.style_dim
    inputs = architecture.latent_dim + (style if architecture.classes else 0)
    return architecture.classes * style + inputs * style + (architecture.mapping_layers - 1) * style * style


def _weights(block: Block, in_channels: int) -> int:
    taps = block.kernel**2
    if block.kind == "full":
        return in_channels * block.channels * taps
    return in_channels * block.channels + block.channels * taps
