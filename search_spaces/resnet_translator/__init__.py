"""ResNet translators, such as CycleGAN's: architecture, networks, the student space, weight inheritance."""

from search_spaces.base import Family
from search_spaces.patchgan import DiscriminatorArchitecture, PatchDiscriminator, read_discriminator
from search_spaces.resnet_translator.architecture import Block, GeneratorArchitecture
from search_spaces.resnet_translator.checkpoints import read
from search_spaces.resnet_translator.generator import ResnetTranslator
from search_spaces.resnet_translator.options import TeacherOptions
from search_spaces.resnet_translator.published import (
    RESOLUTIONS,
    TRAINING,
    conditional,
    teacher_architecture,
    unconditional,
)
from search_spaces.resnet_translator.space import ResnetTranslatorSpace

RESNET_TRANSLATOR = Family(
    name="resnet-translator",
    tasks=("unpaired", "paired"),
    architecture=GeneratorArchitecture,
    discriminator_architecture=DiscriminatorArchitecture,
    build=ResnetTranslator,
    build_discriminator=PatchDiscriminator,
    default_discriminator=unconditional,
    other_discriminators={"paired": conditional},
    teacher=teacher_architecture,
    options=TeacherOptions,
    resolutions=RESOLUTIONS,
    training=TRAINING,
    space=ResnetTranslatorSpace,
    read=read,
    read_discriminator=read_discriminator,
)

__all__ = [
    "RESNET_TRANSLATOR",
    "Block",
    "DiscriminatorArchitecture",
    "GeneratorArchitecture",
    "ResnetTranslator",
    "ResnetTranslatorSpace",
    "TeacherOptions",
]
