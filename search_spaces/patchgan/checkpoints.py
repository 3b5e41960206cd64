"""PatchGAN discriminators of the public CycleGAN and pix2pix code, such as `latest_net_D_A.pth`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from search_spaces.base import Discriminator, SquareGenerator
from search_spaces.errors import CheckpointError
from search_spaces.patchgan.architecture import KERNEL, DiscriminatorArchitecture
from search_spaces.patchgan.discriminator import PatchDiscriminator
from search_spaces.reading import find_networks, with_weights
from search_spaces.translation import Norm

_NAME = re.compile(r"(?:model\.)?(\d+)\.(\w+)")  # a module's index, and what it holds
_NORM = ("weight", "bias", "running_mean", "running_var")

Modules = dict[int, dict[str, Tensor]]


def holds_discriminator(content: Any) -> bool:
    """Whether `content`, as `read_untrusted` returns it, holds a PatchGAN discriminator."""
    return _modules_in(content) is not None


def read_discriminator(content: Any, generator: Any) -> Discriminator | None:
    """The discriminator in `content`, trained with `generator`; None without a PatchGAN discriminator.

    It is conditional if it takes the channels of the generator's input and output together. Normalisation
    follows from the names. An average of weights is not preferred.

    Raises:
        CheckpointError: it is for other channels, or its tensors don't fit.
        ArchitectureError: it has too many layers for images of this size.
    """
    modules = _modules_in(content)
    if modules is None:
        return None
    convs = _convs(modules)
    architecture = DiscriminatorArchitecture(
        channels=tuple(len(modules[i]["weight"]) for i in convs[:-1]),
        resolution=generator.architecture.resolution,
        image_channels=generator.architecture.image_channels,
        condition_channels=_condition_channels(modules[0]["weight"].shape[1], generator),
        norm=_norm(modules),
    )
    return with_weights(PatchDiscriminator, architecture, _renamed(modules, convs), "discriminator")


def _condition_channels(channels: int, generator: SquareGenerator) -> int:
    image: int = generator.architecture.image_channels
    condition: int = generator.architecture.input_channels
    if channels not in (image, condition + image):
        raise CheckpointError(
            f"its discriminator takes {channels} channels, the generator makes {image} from {condition}: "
            f"give one of {image}, or of {condition + image} for a conditional one"
        )
    return channels - image


def _modules_in(content: Any) -> Modules | None:
    found = (_modules(each.tensors) for each in find_networks(content) if each.role != "generator")
    return next((modules for modules in found if modules is not None), None)


def _modules(theirs: Mapping[str, Tensor]) -> Modules | None:
    """Tensors by the index of their module; None if they are of no PatchGAN."""
    modules: Modules = {}
    for name, tensor in theirs.items():
        matched = _NAME.fullmatch(name)
        if matched is None:
            return None
        modules.setdefault(int(matched[1]), {})[matched[2]] = tensor
    convs = _convs(modules)
    # LeakyReLU after every convolution, behind normalisation after all but the first and the last
    if len(convs) < 3 or convs != [0, *range(2, 3 * len(convs) - 3, 3)]:
        return None
    kernels = [modules[i]["weight"] for i in convs]
    square = all(weight.shape[2:] == (KERNEL, KERNEL) for weight in kernels)
    return modules if square and len(kernels[-1]) == 1 else None


def _convs(modules: Modules) -> list[int]:
    """Indices of the convolutions, in order."""
    return sorted(i for i, held in modules.items() if "weight" in held and held["weight"].ndim == 4)


def _norm(modules: Modules) -> Norm:
    """Instance normalisation has no tensors, but the convolutions before it have biases."""
    if "weight" in modules.get(3, {}):
        return "batch"
    return "instance" if "bias" in modules[2] else "none"


def _renamed(modules: Modules, convs: list[int]) -> dict[str, Tensor]:
    """The tensors under our names; running statistics of instance normalisation, which it never uses, go."""
    ours: dict[str, Tensor] = {}
    batch = _norm(modules) == "batch"
    for index, held in modules.items():
        if index in convs:
            place = convs.index(index)
            name = "out" if place == len(convs) - 1 else f"blocks.{place}.conv"
            ours |= {f"{name}.{leaf}": tensor for leaf, tensor in held.items()}
        elif index - 1 in convs and batch:
            name = f"blocks.{convs.index(index - 1)}.norm"
            ours |= {f"{name}.{leaf}": tensor for leaf, tensor in held.items() if leaf in _NORM}
        elif index - 1 not in convs or "weight" in held:
            ours |= {f"{index}.{leaf}": tensor for leaf, tensor in held.items()}
    return ours
