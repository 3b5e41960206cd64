"""BigGAN teachers to draw students from."""

from __future__ import annotations

from hypothesis import strategies as st

from search_spaces.biggan import GeneratorArchitecture, TeacherOptions
from search_spaces.biggan.published import teacher_architecture


@st.composite
def teachers(draw: st.DrawFn, max_blocks: int = 3) -> GeneratorArchitecture:
    """Of 2 to 5 px at the start, of any shape that is allowed."""
    blocks = draw(st.integers(1, max_blocks))
    bottom = draw(st.integers(2, 5))
    shared = draw(st.sampled_from([0, 1, 6, 16]))
    chunks = [draw(st.integers(0, 5)) if shared else 0 for _ in range(blocks)]
    channels, attention = [draw(st.integers(2, 40))], []
    for i in range(blocks):
        attended = draw(st.booleans())
        channels.append(draw(st.sampled_from([8, 16, 24])) if attended else draw(st.integers(2, 40)))
        attention += [bottom << i + 1] if attended else []
    return GeneratorArchitecture(
        channels=tuple(channels),
        chunks=(draw(st.integers(1, 12)), *chunks),
        classes=draw(st.sampled_from([1, 2, 7])),
        shared_dim=shared,
        attention=tuple(attention),
        bottom_width=bottom,
        image_channels=draw(st.sampled_from([1, 3])),
    )


def published(resolution: int, width: int | None = None, classes: int = 1000) -> GeneratorArchitecture:
    """The published generator of RGB images."""
    return teacher_architecture(TeacherOptions.model_construct(width=width), resolution, 3, classes)
