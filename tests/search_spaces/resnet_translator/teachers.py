"""ResNet translators to draw students from."""

from __future__ import annotations

from hypothesis import strategies as st

from search_spaces.resnet_translator import Block, GeneratorArchitecture, TeacherOptions
from search_spaces.resnet_translator.published import teacher_architecture


@st.composite
def teachers(draw: st.DrawFn, max_blocks: int = 5, max_width: int = 40) -> GeneratorArchitecture:
    """Of 16 or 24 px, of any shape that is allowed."""
    width = st.integers(1, max_width)
    halvings = draw(st.integers(1, 2))
    block = st.builds(Block, st.integers(2, max_width), st.sampled_from(["dense", "separable"]))
    return GeneratorArchitecture(
        stem=draw(width),
        down=(*(draw(width) for _ in range(halvings - 1)), draw(st.integers(2, max_width))),
        blocks=tuple(draw(st.lists(block, max_size=max_blocks))),
        up=tuple(draw(width) for _ in range(halvings)),
        resolution=draw(st.sampled_from([16, 24])),
        input_channels=draw(st.sampled_from([1, 3])),
        image_channels=draw(st.sampled_from([1, 3])),
        stem_kernel=draw(st.sampled_from([1, 3, 5, 7])),
        block_kernel=draw(st.sampled_from([3, 5])),
        image_kernel=draw(st.sampled_from([1, 3, 5, 7])),
        norm=draw(st.sampled_from(["instance", "batch"])),
        padding=draw(st.sampled_from(["reflect", "zeros"])),
    )


def published(resolution: int, width: int = 64, kind: str = "dense") -> GeneratorArchitecture:
    """CycleGAN's generator of RGB images; "separable": the mobile ResNet."""
    return teacher_architecture(TeacherOptions(width=width, kind=kind), resolution, 3)  # type: ignore[arg-type]  # checked
