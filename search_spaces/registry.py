"""The generator families, by name. A new family is a new folder and one line here."""

from search_spaces.base import Family
from search_spaces.biggan import BIGGAN
from search_spaces.dcgan import DCGAN
from search_spaces.errors import UserError
from search_spaces.resnet_translator import RESNET_TRANSLATOR
from search_spaces.stargan import STARGAN
from search_spaces.stylegan2 import STYLEGAN2
from search_spaces.unet_translator import UNET_TRANSLATOR

FAMILIES: dict[str, Family] = {
    family.name: family for family in (STYLEGAN2, DCGAN, BIGGAN, RESNET_TRANSLATOR, UNET_TRANSLATOR, STARGAN)
}


def get_family(name: str) -> Family:
    """The family called `name`.

    Raises:
        UserError: no family has that name.
    """
    if name not in FAMILIES:
        raise UserError(f"--space {name}: choose one of {', '.join(FAMILIES)}")
    return FAMILIES[name]
