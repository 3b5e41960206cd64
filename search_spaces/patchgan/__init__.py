"""PatchGAN discriminators of image translators: a map of logits, one for each patch."""

from search_spaces.patchgan.architecture import DiscriminatorArchitecture
from search_spaces.patchgan.checkpoints import holds_discriminator, read_discriminator
from search_spaces.patchgan.discriminator import PatchDiscriminator

__all__ = [
    "DiscriminatorArchitecture",
    "PatchDiscriminator",
    "holds_discriminator",
    "read_discriminator",
]
