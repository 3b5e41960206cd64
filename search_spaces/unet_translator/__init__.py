"""U-Net translators, such as pix2pix's: architecture, networks, the student space, weight inheritance."""

from search_spaces.patchgan import DiscriminatorArchitecture
from search_spaces.unet_translator.architecture import GeneratorArchitecture, Level
from search_spaces.unet_translator.generator import UnetTranslator
from search_spaces.unet_translator.options import TeacherOptions
from search_spaces.unet_translator.space import UnetTranslatorSpace

__all__ = [
    "DiscriminatorArchitecture",
    "GeneratorArchitecture",
    "Level",
    "TeacherOptions",
    "UnetTranslator",
    "UnetTranslatorSpace",
]
