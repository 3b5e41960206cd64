"""ResNet translators, their discriminators and their training as CycleGAN has them."""

from __future__ import annotations

from search_spaces.base import PublishedTraining
from search_spaces.errors import ArchitectureError
from search_spaces.patchgan import DiscriminatorArchitecture
from search_spaces.resnet_translator.architecture import Block, GeneratorArchitecture
from search_spaces.resnet_translator.options import TeacherOptions

RESOLUTIONS = (32, 64, 128, 256)
MANY_BLOCKS_FROM = 256  # px
MANY_BLOCKS, FEW_BLOCKS = 9, 6
TRAINING = PublishedTraining(
    "least-squares",
    generator_lr=2e-4,
    discriminator_lr=2e-4,
    betas=(0.5, 0.999),
    augment="none",
)
"""As CycleGAN is trained (Zhu et al., arXiv 1703.10593, section 4 and appendix)."""


def teacher_architecture(
    options: TeacherOptions, resolution: int, image_channels: int, classes: int = 0
) -> GeneratorArchitecture:
    """CycleGAN's generator of `options.width`, instance-normalised; labels are not used.

    Raises:
        ArchitectureError: there is no such resolution, or a width below 1.
    """
    if resolution not in RESOLUTIONS:
        known = ", ".join(map(str, RESOLUTIONS))
        raise ArchitectureError(
            f"resolution {resolution}: ResNet translators are trained at {known} px: give one of them"
        )
    width = options.width
    blocks = options.blocks
    if blocks is None:
        blocks = MANY_BLOCKS if resolution >= MANY_BLOCKS_FROM else FEW_BLOCKS
    return GeneratorArchitecture(
        stem=width,
        down=(2 * width, 4 * width),
        blocks=(Block(4 * width, options.kind),) * blocks,
        up=(2 * width, width),
        resolution=resolution,
        input_channels=image_channels,
        image_channels=image_channels,
    )


def unconditional(generator: GeneratorArchitecture) -> DiscriminatorArchitecture:
    """CycleGAN's PatchGAN for the images of `generator`."""
    return DiscriminatorArchitecture.published(generator.resolution, generator.image_channels)


def conditional(generator: GeneratorArchitecture) -> DiscriminatorArchitecture:
    """pix2pix's PatchGAN for input and output of `generator` together."""
    return DiscriminatorArchitecture.published(
        generator.resolution,
        generator.image_channels,
        condition_channels=generator.input_channels,
        norm=generator.norm,
    )
