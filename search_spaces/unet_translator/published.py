"""U-Net translators, their discriminators and their training as pix2pix has them."""

from __future__ import annotations

from search_spaces.base import PublishedTraining
from search_spaces.errors import ArchitectureError
from search_spaces.patchgan import DiscriminatorArchitecture
from search_spaces.unet_translator.architecture import DROPOUT_FROM, GeneratorArchitecture, Level
from search_spaces.unet_translator.options import TeacherOptions

RESOLUTIONS = (32, 64, 128, 256)
WIDEST = 8  # times the finest level's width
TRAINING = PublishedTraining(
    "logistic",
    generator_lr=2e-4,
    discriminator_lr=2e-4,
    betas=(0.5, 0.999),
    augment="none",
)
"""As pix2pix is trained (Isola et al., arXiv 1611.07004, section 3.3)."""


def teacher_architecture(
    options: TeacherOptions, resolution: int, image_channels: int, classes: int = 0
) -> GeneratorArchitecture:
    """pix2pix's generator of `options.width`, whose innermost map has 1 px; labels are not used.

    Raises:
        ArchitectureError: there is no such resolution.
    """
    if resolution not in RESOLUTIONS:
        known = ", ".join(map(str, RESOLUTIONS))
        raise ArchitectureError(
            f"resolution {resolution}: U-Net translators are trained at {known} px: give one of them"
        )
    count = resolution.bit_length() - 1
    return GeneratorArchitecture(
        levels=tuple(Level(options.width * min(WIDEST, 1 << i)) for i in range(count)),
        resolution=resolution,
        input_channels=image_channels,
        image_channels=image_channels,
        norm=options.norm,
        dropout=count > DROPOUT_FROM + 1,
    )


def conditional(generator: GeneratorArchitecture) -> DiscriminatorArchitecture:
    """pix2pix's PatchGAN for input and output of `generator` together, normalised as it is."""
    return DiscriminatorArchitecture.published(
        generator.resolution,
        generator.image_channels,
        condition_channels=generator.input_channels,
        norm=generator.norm,
    )


def unconditional(generator: GeneratorArchitecture) -> DiscriminatorArchitecture:
    """CycleGAN's PatchGAN for the images of `generator`."""
    return DiscriminatorArchitecture.published(generator.resolution, generator.image_channels)
