"""StyleGAN2 generators: architecture, networks, the student space and weight inheritance."""

from search_spaces.base import Family, PublishedTraining
from search_spaces.stylegan2.architecture import Block, DiscriminatorArchitecture, GeneratorArchitecture
from search_spaces.stylegan2.checkpoints import read
from search_spaces.stylegan2.discriminator import StyleGAN2Discriminator
from search_spaces.stylegan2.generator import StyleGAN2Generator
from search_spaces.stylegan2.published import r1_gamma, teacher_architecture
from search_spaces.stylegan2.space import StyleGAN2Space

STYLEGAN2 = Family(
    name="stylegan2",
    architecture=GeneratorArchitecture,
    discriminator_architecture=DiscriminatorArchitecture,
    build=StyleGAN2Generator,
    build_discriminator=StyleGAN2Discriminator,
    default_discriminator=DiscriminatorArchitecture.beside,
    teacher=teacher_architecture,
    r1_gamma=r1_gamma,
    training=PublishedTraining(path_weight=2.0),
    space=StyleGAN2Space,
    read=read,
)

__all__ = [
    "STYLEGAN2",
    "Block",
    "DiscriminatorArchitecture",
    "GeneratorArchitecture",
    "StyleGAN2Discriminator",
    "StyleGAN2Generator",
    "StyleGAN2Space",
]
