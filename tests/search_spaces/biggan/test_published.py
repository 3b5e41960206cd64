"""The teachers that people train: widths, latents and R1 as published."""

from __future__ import annotations

import pytest

from search_spaces import ArchitectureError
from search_spaces.biggan import DiscriminatorArchitecture, TeacherOptions
from search_spaces.biggan.published import MULTIPLES, teacher_architecture
from tests.search_spaces.biggan.teachers import published


@pytest.mark.parametrize(
    ("resolution", "channels", "latent_dim", "attention"),
    [
        (32, (256, 256, 256, 256), 128, ()),
        (64, (1536, 1536, 768, 384, 192), 120, (64,)),
        (128, (1536, 1536, 768, 384, 192, 96), 120, (64,)),
        (256, (1536, 1536, 768, 768, 384, 192, 96), 140, (64,)),
    ],
)
def test_a_teacher_is_as_wide_as_published(
    resolution: int, channels: tuple[int, ...], latent_dim: int, attention: tuple[int, ...]
) -> None:
    architecture = published(resolution)
    assert architecture.channels == channels
    assert architecture.latent_dim == latent_dim
    assert len(set(architecture.chunks)) == 1
    assert architecture.attention == attention
    assert (architecture.resolution, architecture.classes, architecture.shared_dim) == (resolution, 1000, 128)


@pytest.mark.parametrize(
    ("resolution", "channels", "halvings", "attention"),
    [
        (32, (256, 256, 256, 256), 2, ()),
        (128, (96, 192, 384, 768, 1536, 1536), 5, (64,)),
        (256, (96, 192, 384, 768, 768, 1536, 1536), 6, (64,)),
    ],
)
def test_its_discriminator_is_the_published_one(
    resolution: int, channels: tuple[int, ...], halvings: int, attention: tuple[int, ...]
) -> None:
    discriminator = DiscriminatorArchitecture.beside(published(resolution))
    assert (discriminator.channels, discriminator.halvings, discriminator.attention) == (
        channels,
        halvings,
        attention,
    )
    assert (discriminator.resolution, discriminator.classes) == (resolution, 1000)


@pytest.mark.parametrize("resolution", sorted(MULTIPLES))
def test_every_width_that_is_a_multiple_of_eight_will_do(resolution: int) -> None:
    for width in range(8, 64, 8):
        assert DiscriminatorArchitecture.beside(published(resolution, width)).resolution == resolution


def test_a_width_that_attention_cannot_divide_is_refused_by_name() -> None:
    says = r"^width 7: attention can't divide its 14 channels at 64 px by 8: give a multiple of 4$"
    with pytest.raises(ArchitectureError, match=says):
        published(128, 7)
    assert published(32, 7).channels == (28,) * 4  # no attention there


def test_a_teacher_without_classes_is_refused_with_the_fix() -> None:
    says = "^0 classes: .* give images with labels, those of each class in a folder of its own$"
    with pytest.raises(ArchitectureError, match=says):
        teacher_architecture(TeacherOptions(), 32, 3)


def test_a_width_that_leaves_no_channel_is_refused() -> None:
    with pytest.raises(ArchitectureError, match=r"^width 0: give 1 or more"):
        published(32, 0)
