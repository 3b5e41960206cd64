"""StarGAN teachers to draw students from."""

from __future__ import annotations

from hypothesis import strategies as st

from search_spaces.stargan import GeneratorArchitecture, TeacherOptions
from search_spaces.stargan.architecture import SIZES
from search_spaces.stargan.published import teacher_architecture


@st.composite
def teachers(draw: st.DrawFn) -> GeneratorArchitecture:
    """Of any shape that is allowed, for images of 8 to 20 px."""
    width = st.integers(1, 40)
    kinds = st.sampled_from(["dense", "separable"])
    return GeneratorArchitecture(
        encoder=(draw(width), draw(width), draw(width)),
        decoder=(draw(width), draw(width)),
        blocks=tuple(draw(st.lists(kinds, min_size=1, max_size=3))),  # type: ignore[arg-type]  # of BlockKind
        attributes=draw(st.integers(1, 6)),
        resolution=4 * draw(st.integers(2, 5)),
        image_channels=draw(st.sampled_from([1, 3])),
        skips=tuple(size for size in SIZES if draw(st.booleans())),
        stem_kernel=draw(st.sampled_from([1, 3, 5, 7])),
        down_kernel=draw(st.sampled_from([2, 4, 6])),
        up_kernel=draw(st.sampled_from([2, 4, 6])),
        image_kernel=draw(st.sampled_from([1, 3, 5, 7])),
    )


def published(resolution: int = 128, width: int = 64, blocks: int = 6) -> GeneratorArchitecture:
    """The published generator of RGB images with five attributes."""
    return teacher_architecture(TeacherOptions(width=width, blocks=blocks), resolution, 3, 5)
