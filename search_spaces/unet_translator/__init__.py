"""U-Net translators, such as pix2pix's: architecture, networks, the student space, weight inheritance."""

from search_spaces.base import Family
from search_spaces.patchgan import DiscriminatorArchitecture, PatchDiscriminator, read_discriminator
from search_spaces.unet_translator.architecture import GeneratorArchitecture, Level
from search_spaces.unet_translator.checkpoints import read
from search_spaces.unet_translator.generator import UnetTranslator
from search_spaces.unet_translator.options import TeacherOptions
from search_spaces.unet_translator.published import (
    RESOLUTIONS,
    TRAINING,
    conditional,
    teacher_architecture,
    unconditional,
)
from search_spaces.unet_translator.space import UnetTranslatorSpace

UNET_TRANSLATOR = Family(
    name="unet-translator",
    tasks=("paired", "unpaired"),
    architecture=GeneratorArchitecture,
    discriminator_architecture=DiscriminatorArchitecture,
    build=UnetTranslator,
    build_discriminator=PatchDiscriminator,
    default_discriminator=conditional,
    other_discriminators={"unpaired": unconditional},
    teacher=teacher_architecture,
    options=TeacherOptions,
    resolutions=RESOLUTIONS,
    training=TRAINING,
    space=UnetTranslatorSpace,
    read=read,
    read_discriminator=read_discriminator,
)

__all__ = [
    "UNET_TRANSLATOR",
    "DiscriminatorArchitecture",
    "GeneratorArchitecture",
    "Level",
    "TeacherOptions",
    "UnetTranslator",
    "UnetTranslatorSpace",
]
