"""Perceptual distances by name, and features: a new distance is a file and an entry in `PERCEPTUAL`."""

from collections.abc import Callable
from pathlib import Path

from distill.errors import RecipeError
from distill.imagenet import VARIANTS, is_installed
from distill.perceptual.base import FeatureMaps, ImageFeatures, PerceptualDistance
from distill.perceptual.features import PooledFeatures
from distill.perceptual.imagenet import ImagenetDistance
from distill.perceptual.maps import ImagenetMaps
from distill.perceptual.torchscript import ScriptedDistance

NONE = "none"
PERCEPTUAL: dict[str, Callable[[str, str], PerceptualDistance]] = dict.fromkeys(VARIANTS, ImagenetDistance)
"""What makes the distance of a name on a device."""

DEFAULT = "imagenet-lite1"  # not lite0, the judge: a student is not measured in what it was taught with
SCRIPTED = (".pt", ".pth", ".ts", ".jit")  # suffixes of TorchScript files


def default_perceptual(channels: int) -> str:
    """The distance for images of so many channels: ImageNet's classifiers know photographs, so RGB."""
    return DEFAULT if channels == 3 and is_installed(DEFAULT) else NONE


def check_perceptual(name: str) -> None:
    """Check that `name` is a distance or the path of a TorchScript file, without loading it.

    Raises:
        RecipeError: it is neither.
    """
    if name not in (NONE, *PERCEPTUAL) and Path(name).suffix not in SCRIPTED:
        raise RecipeError(
            f"--perceptual {name}: choose one of {', '.join((NONE, *PERCEPTUAL))}, "
            "or give a TorchScript .pt file"
        )


def load_perceptual(name: str, device: str = "cpu") -> PerceptualDistance | None:
    """The distance called `name`, or the TorchScript file of that path, on `device`; None for "none".

    Raises:
        RecipeError: there is none of that name, or the file holds no distance.
        MissingPackageError: its packages are not installed.
    """
    check_perceptual(name)
    if name == NONE:
        return None
    if name in PERCEPTUAL:
        return PERCEPTUAL[name](name, device)
    return ScriptedDistance(Path(name), device)


def load_features(device: str = "cpu") -> ImageFeatures:
    """The features in which distributions are compared, on `device`: those of the network `DEFAULT`.

    Raises:
        MissingPackageError: its packages are not installed.
    """
    return PooledFeatures(DEFAULT, device)


def load_maps(name: str, device: str = "cpu") -> FeatureMaps | None:
    """The feature maps of the network called `name`, on `device`; None for "none".

    Raises:
        RecipeError: there is no such network.
        MissingPackageError: its packages are not installed.
    """
    if name == NONE:
        return None
    if name not in VARIANTS:
        raise RecipeError(
            f"--perceptual {name}: style and content are compared in maps, so choose one of "
            f"{', '.join((NONE, *VARIANTS))}"
        )
    return ImagenetMaps(name, device)


__all__ = [
    "DEFAULT",
    "NONE",
    "PERCEPTUAL",
    "FeatureMaps",
    "ImageFeatures",
    "PerceptualDistance",
    "check_perceptual",
    "default_perceptual",
    "load_features",
    "load_maps",
    "load_perceptual",
]
