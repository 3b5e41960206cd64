"""DCGAN teachers to draw students from, and choices to draw them by."""

from __future__ import annotations

from hypothesis import strategies as st

from search_spaces import ArchitectureError
from search_spaces.dcgan import GeneratorArchitecture, Layer, TeacherOptions
from search_spaces.dcgan.published import teacher_architecture


def published(d: int, resolution: int = 64, image_channels: int = 1) -> GeneratorArchitecture:
    """The W-DCGAN of depth factor `d`."""
    return teacher_architecture(TeacherOptions.model_construct(width=d), resolution, image_channels)


@st.composite
def layers(draw: st.DrawFn, start: bool, channels: int | None = None) -> Layer:
    """One layer of any shape that is allowed, if its map is not too small for its kernel."""
    kind = draw(st.sampled_from(["dense", "transposed"] if start else ["transposed", "conv", "upsampled"]))
    kernel = draw(st.integers(3, 5) if start else st.integers(1, 5))
    stride = 1 if start else draw(st.integers(1, 2)) if kind == "transposed" else 1
    stride = 2 if kind == "upsampled" else stride
    return Layer(
        kind,
        channels or draw(st.integers(1, 24)),
        kernel,
        stride,
        padding=0 if start else draw(st.integers(0, (kernel - 1) // 2)),
        output_padding=draw(st.integers(0, stride - 1)) if kind == "transposed" else 0,
        bias=draw(st.booleans()),
        norm=draw(st.booleans()),
        epsilon=draw(st.sampled_from([1e-5, 0.8])),
        activation="tanh" if channels else draw(st.sampled_from(["relu", "leaky", "none"])),
    )


@st.composite
def teachers(draw: st.DrawFn) -> GeneratorArchitecture:
    """Of any shape that makes images of 8 px or more."""
    middle = draw(st.lists(layers(start=False), min_size=0, max_size=3))
    before = draw(layers(start=True))
    image = draw(layers(start=False, channels=draw(st.sampled_from([1, 3]))))
    grown = Layer("upsampled", 5, kernel=3, norm=draw(st.booleans()))  # so that images are large enough
    latent = draw(st.sampled_from(["normal", "uniform"]))
    dimensions = draw(st.integers(1, 12))
    try:
        return GeneratorArchitecture((before, *middle, grown, image), dimensions, latent)
    except ArchitectureError:  # maps became too small on the way
        return GeneratorArchitecture((before, grown, grown, Layer("conv", 3, 3, 1, 1)), dimensions, latent)


NORMALISED = GeneratorArchitecture(  # a layer of every kind
    (
        Layer("dense", 128, 4, 1, 0, norm=True),
        Layer("conv", 96, 3, 1, 1, bias=False, norm=True, activation="leaky"),
        Layer("transposed", 64, bias=False, norm=True, epsilon=0.01),
        Layer("upsampled", 32, 5, 2, 2, norm=True),
        Layer("transposed", 3, activation="tanh"),
    ),
    latent="uniform",
)
