"""Published sizes and training settings of StarGAN teachers."""

from __future__ import annotations

from search_spaces.base import PublishedTraining
from search_spaces.errors import ArchitectureError
from search_spaces.stargan.architecture import BlockKind, GeneratorArchitecture
from search_spaces.stargan.options import TeacherOptions

RESOLUTIONS = (32, 48, 64, 96, 128, 192, 256)  # published are 128 and 256 px
TRAINING = PublishedTraining(
    "wasserstein",
    generator_lr=1e-4,
    discriminator_lr=1e-4,
    betas=(0.5, 0.999),
    discriminator_steps=5,
    augment="none",
)
"""Of the public implementation: WGAN-GP with a penalty of 10, five critic steps, batches of 16."""


def teacher_architecture(
    options: TeacherOptions, resolution: int, image_channels: int, classes: int = 0
) -> GeneratorArchitecture:
    """The published generator with `options.width` channels in its stem; `classes` are its attributes.

    Raises:
        ArchitectureError: no attributes, or a resolution that is not offered.
    """
    if resolution not in RESOLUTIONS:
        known = ", ".join(map(str, RESOLUTIONS))
        raise ArchitectureError(f"resolution {resolution}: StarGAN is trained at {known} px: give one")
    if classes < 1:
        raise ArchitectureError(
            f"{classes} attributes: StarGAN translates between attributes, give images that have some"
        )
    width = options.width
    blocks: list[BlockKind] = ["dense"] * options.blocks
    return GeneratorArchitecture(
        encoder=(width, 2 * width, 4 * width),
        decoder=(2 * width, width),
        blocks=tuple(blocks),
        attributes=classes,
        resolution=resolution,
        image_channels=image_channels,
    )
