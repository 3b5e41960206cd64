"""StyleGAN2 teachers to draw students from."""

from __future__ import annotations

from hypothesis import strategies as st

from search_spaces.stylegan2 import Block, GeneratorArchitecture


def blocks(first: bool) -> st.SearchStrategy[Block]:
    shapes = st.sampled_from([("full", 1), ("full", 3), ("full", 5), ("separable", 3), ("separable", 5)])
    convs = st.just(1) if first else st.sampled_from([1, 2, 2])
    return st.builds(
        lambda channels, convs, shape: Block(channels, convs, *shape), st.integers(2, 40), convs, shapes
    )


@st.composite
def teachers(draw: st.DrawFn, max_blocks: int = 5) -> GeneratorArchitecture:
    """Of 16 px to 4·2^(max_blocks - 1) px, and of any shape that is allowed."""
    later = draw(st.lists(blocks(first=False), min_size=2, max_size=max_blocks - 1))
    return GeneratorArchitecture(
        blocks=(draw(blocks(first=True)), *later),
        image_channels=draw(st.sampled_from([1, 3])),
        latent_dim=draw(st.integers(1, 24)),
        style_dim=draw(st.integers(1, 24)),
        mapping_layers=draw(st.integers(1, 4)),
        classes=draw(st.sampled_from([0, 0, 1, 7])),
        conv_clamp=draw(st.sampled_from([None, 256.0])),
    )


def stylegan2(resolution: int, channel_base: int, channel_max: int = 512) -> GeneratorArchitecture:
    """The published networks: `channel_base / side` channels, at most `channel_max`."""
    sides = [4 << i for i in range(resolution.bit_length() - 2)]
    widths = [min(channel_max, channel_base // side) for side in sides]
    return GeneratorArchitecture((Block(widths[0], convs=1), *(Block(width) for width in widths[1:])))
