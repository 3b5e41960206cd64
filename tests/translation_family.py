"""Translators of 16 px that the service does not know, of two domains and of attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import BaseModel
from torch import Tensor, nn

from search_spaces import (
    FAMILIES,
    Architecture,
    Checkpoint,
    Discriminator,
    Family,
    Generator,
    InputSpec,
    PublishedTraining,
    save_checkpoint,
)
from tests.image_family import SIDE, TranslatorSpace


@dataclass(frozen=True)
class TranslatorArchitecture(Architecture):
    """One hidden layer of `channels`; K attributes beside the image, where there are any."""

    channels: int
    image_channels: int = 3
    target_channels: int = 3
    attributes: int = 0
    side: int = SIDE
    judges_input: bool = False  # of a discriminator

    def __str__(self) -> str:
        return f"translator {self.channels}"


class Translator(Generator):
    """An image (N, C, 16, 16), and attributes (N, K) where it has any ─► an image."""

    architecture: TranslatorArchitecture

    def __init__(self, architecture: TranslatorArchitecture) -> None:
        super().__init__()
        self.architecture = a = architecture
        self.input_specs = (InputSpec("image", (a.image_channels, a.side, a.side), "data"),)
        if a.attributes:
            self.input_specs += (InputSpec("attributes", (a.attributes,), "data"),)
        self.encode = nn.Conv2d(a.image_channels + a.attributes, a.channels, 3, padding=1)
        self.decode = nn.Conv2d(a.channels, a.target_channels, 3, padding=1)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.architecture.target_channels, self.architecture.side, self.architecture.side

    @property
    def stride(self) -> int:
        return 4

    def forward(self, image: Tensor, attributes: Tensor | None = None) -> Tensor:
        if attributes is not None:
            tiled = attributes[:, :, None, None].expand(-1, -1, *image.shape[2:])
            image = torch.cat([image, tiled], dim=1)
        return self.decode(F.relu(self.encode(image))).tanh().float()


class PatchDiscriminator(Discriminator):
    """An image, and the input that it was made of where it judges both ─► a map of logits (N, 1, 4, 4)."""

    architecture: TranslatorArchitecture

    def __init__(self, architecture: TranslatorArchitecture) -> None:
        super().__init__()
        self.architecture = a = architecture
        condition = a.image_channels if a.judges_input else 0
        self.first = nn.Conv2d(condition + a.target_channels, a.channels, 4, stride=2, padding=1)
        self.last = nn.Conv2d(a.channels, 1, 4, stride=2, padding=1)
        self.known = nn.Linear(a.channels, a.attributes) if a.attributes else None

    def classify(self, images: Tensor) -> Tensor | None:
        return None if self.known is None else self.known(self.features(images)[-1].mean(dim=(2, 3)))

    @property
    def takes_input_image(self) -> bool:
        return self.architecture.judges_input

    def features(self, images: Tensor, condition: Tensor | None = None) -> list[Tensor]:
        assert self.takes_input_image == (condition is not None)
        shown = images if condition is None else torch.cat([condition, images], dim=1)
        return [F.leaky_relu(self.first(shown), 0.2)]

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.last(self.features(images, condition)[-1]).float()


class TeacherOptions(BaseModel):
    """Sizes of a teacher to train."""

    channels: int = 8


class Space(TranslatorSpace):
    """Translators that are no wider than the teacher."""

    def _all(self) -> list[Any]:
        return [replace(self.teacher, channels=n) for n in range(1, self.teacher.channels + 1)]

    def with_fractions(self, fractions: Any) -> Space:
        return Space(self.teacher, fractions)

    def macs(self, architecture: Any) -> int:
        a = architecture
        return 9 * (a.image_channels + a.attributes + a.target_channels) * a.channels * a.side**2

    def params(self, architecture: Any) -> int:
        a = architecture
        ends = a.image_channels + a.attributes + a.target_channels
        return 9 * ends * a.channels + a.channels + a.target_channels

    def smallest(self) -> Any:
        return replace(self.teacher, channels=1)


def _family(name: str, tasks: tuple[str, ...], teacher: Callable[..., TranslatorArchitecture]) -> Family:
    return Family(
        name=name,
        tasks=tasks,
        architecture=TranslatorArchitecture,
        discriminator_architecture=TranslatorArchitecture,
        build=Translator,
        build_discriminator=PatchDiscriminator,
        default_discriminator=lambda generator: generator,
        options=TeacherOptions,
        resolutions=(SIDE,),
        teacher=teacher,
        training=PublishedTraining(adversarial="least-squares", augment="none"),
        space=Space,
        read=lambda content: None,
        other_discriminators={"paired": lambda generator: replace(generator, judges_input=True)},
    )


DOMAINS = _family(
    "domains",
    ("unpaired", "paired"),
    lambda options, resolution, colours, classes: TranslatorArchitecture(
        options.channels, colours, colours, side=resolution
    ),
)
FACES = _family(
    "faces",
    ("attributes",),
    lambda options, resolution, colours, classes: TranslatorArchitecture(
        options.channels, colours, colours, max(1, classes), resolution
    ),
)


@contextmanager
def registered() -> Iterator[None]:
    """Both families are known to the service."""
    families = {family.name: family for family in (DOMAINS, FACES)}
    FAMILIES.update(families)
    try:
        yield
    finally:
        for name in families:
            del FAMILIES[name]


def teacher_file(
    path: Path,
    family: Family,
    architecture: TranslatorArchitecture,
    task: str = "",
    noted: Mapping[str, str] = {},
    seed: int = 0,
) -> Path:
    """A checkpoint of random weights, with a discriminator for `task`."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        judge = family.discriminator_for(architecture, task)
        networks = family.build(architecture).eval(), family.build_discriminator(judge).eval()
    save_checkpoint(Checkpoint(family.name, *networks, {"name": path.stem, **noted}), path)
    return path
