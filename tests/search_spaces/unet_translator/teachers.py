"""U-Net translators to draw students from."""

from __future__ import annotations

from hypothesis import strategies as st

from search_spaces.unet_translator import GeneratorArchitecture, Level, TeacherOptions
from search_spaces.unet_translator.published import teacher_architecture


@st.composite
def teachers(draw: st.DrawFn, max_levels: int = 6, max_width: int = 40) -> GeneratorArchitecture:
    """Of any shape that is allowed, whose innermost map has 1 px."""
    width = st.integers(2, max_width)
    inner = st.builds(Level, width, st.sampled_from(["dense", "separable"]))
    count = draw(st.integers(3, max_levels))
    return GeneratorArchitecture(
        levels=(Level(draw(width)), *(draw(inner) for _ in range(count - 1))),
        resolution=1 << count,
        input_channels=draw(st.sampled_from([1, 3])),
        image_channels=draw(st.sampled_from([1, 3])),
        norm=draw(st.sampled_from(["instance", "batch"])),
        dropout=draw(st.booleans()),
    )


def published(resolution: int, width: int = 64) -> GeneratorArchitecture:
    """pix2pix's generator of RGB images."""
    return teacher_architecture(TeacherOptions(width=width), resolution, 3)
