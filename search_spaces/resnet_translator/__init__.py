"""ResNet translators, such as CycleGAN's: architecture, networks, the student space, weight inheritance."""

from search_spaces.patchgan import DiscriminatorArchitecture
from search_spaces.resnet_translator.architecture import Block, GeneratorArchitecture
from search_spaces.resnet_translator.generator import ResnetTranslator
from search_spaces.resnet_translator.options import TeacherOptions
from search_spaces.resnet_translator.space import ResnetTranslatorSpace

__all__ = [
    "Block",
    "DiscriminatorArchitecture",
    "GeneratorArchitecture",
    "ResnetTranslator",
    "ResnetTranslatorSpace",
    "TeacherOptions",
]
