"""A family that is not known to the service: it turns one image into another, so its input is an image.

Generators draw the digits that the inputs show inverted; discriminators judge patches of input and output.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from pydantic import BaseModel
from torch import Tensor, nn

from distill.data import DIGITS, ImageSet, load_images, to_float
from distill.progress import OnProgress
from distill.tasks import DEFAULT_OPTIONS, Batch, EvalSet, Preview, TaskOptions
from search_spaces import (
    WITHIN_BUDGET,
    Architecture,
    BudgetFractions,
    Discriminator,
    Family,
    Generator,
    Importance,
    Inputs,
    InputSpec,
    PublishedTraining,
    Suggest,
    Utilisation,
)

SIDE = 16


@dataclass(frozen=True)
class TranslatorArchitecture(Architecture):
    """One hidden layer of `channels`."""

    channels: int

    def __str__(self) -> str:
        return f"translator {self.channels}"


class Translator(Generator):
    """An image (N, 1, 16, 16) ─► an image of the same shape."""

    architecture: TranslatorArchitecture

    def __init__(self, architecture: TranslatorArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.input_specs = (InputSpec("image", (1, SIDE, SIDE), "data"),)
        self.encode = nn.Conv2d(1, architecture.channels, 3, padding=1)
        self.decode = nn.Conv2d(architecture.channels, 1, 3, padding=1)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return 1, SIDE, SIDE

    def forward(self, image: Tensor) -> Tensor:
        return self.decode(F.relu(self.encode(image))).tanh().float()


class PatchDiscriminator(Discriminator):
    """An image and the input that it was made of ─► a map of logits (N, 1, 4, 4)."""

    architecture: TranslatorArchitecture

    def __init__(self, architecture: TranslatorArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.first = nn.Conv2d(2, architecture.channels, 4, stride=2, padding=1)
        self.last = nn.Conv2d(architecture.channels, 1, 4, stride=2, padding=1)

    @property
    def takes_input_image(self) -> bool:
        return True

    def features(self, images: Tensor, condition: Tensor | None = None) -> list[Tensor]:
        condition = images if condition is None else condition
        return [F.leaky_relu(self.first(torch.cat([images, condition], dim=1)), 0.2)]

    def forward(self, images: Tensor, condition: Tensor) -> Tensor:
        hidden = F.leaky_relu(self.first(torch.cat([images, condition], dim=1)), 0.2)
        return self.last(hidden).float()


class TranslatorSpace:
    """Translators that are no wider than the teacher."""

    def __init__(self, teacher: TranslatorArchitecture, fractions: BudgetFractions = WITHIN_BUDGET) -> None:
        self.teacher, self.fractions = teacher, fractions

    def with_fractions(self, fractions: BudgetFractions) -> TranslatorSpace:
        return TranslatorSpace(self.teacher, fractions)

    def sample(self, suggest: Suggest, utilisation: Utilisation) -> TranslatorArchitecture:
        wanted = self.fractions.ask(suggest)
        fitting = [a for a in self._all() if utilisation(a) <= wanted]
        return fitting[-1] if fitting else self.smallest()

    def _all(self) -> list[TranslatorArchitecture]:
        return [TranslatorArchitecture(n) for n in range(1, self.teacher.channels + 1)]

    def macs(self, architecture: TranslatorArchitecture) -> int:
        return 2 * 9 * architecture.channels * SIDE**2

    def params(self, architecture: TranslatorArchitecture) -> int:
        return 2 * 9 * architecture.channels + architecture.channels + 1

    def smallest(self) -> TranslatorArchitecture:
        return TranslatorArchitecture(1)

    def largest(self) -> TranslatorArchitecture:
        return self.teacher

    def uniform(self) -> dict[str, Any]:
        return {}

    def initial_designs(self) -> list[dict[str, Any]]:
        return []

    @torch.no_grad()
    def inherit(self, teacher: Translator, student: Translator, importance: Importance = "magnitude") -> None:
        count = student.architecture.channels
        student.encode.weight.copy_(teacher.encode.weight[:count])
        student.encode.bias.copy_(teacher.encode.bias[:count])
        student.decode.weight.copy_(teacher.decode.weight[:, :count])
        student.decode.bias.copy_(teacher.decode.bias)


@dataclass(frozen=True)
class InvertedDigits:
    """Digits and their negatives, matched: a paired task of one image set, without a copy of any image."""

    images: ImageSet
    held_out: ImageSet | None = None

    name: ClassVar[str] = "inverted-digits"
    judges_input: ClassVar[bool] = True
    has_splits: ClassVar[bool] = False
    default_held_out: ClassVar[float] = 0.5
    metrics: ClassVar[tuple[str, ...]] = ("content",)
    needs_images: ClassVar[bool] = True

    @classmethod
    def load(
        cls,
        source: str | Path | None,
        generator: Generator,
        *,
        options: TaskOptions = DEFAULT_OPTIONS,
        any_labels: bool = False,
        cache: Path | None = None,
        on_progress: OnProgress | None = None,
    ) -> Self:
        return cls(load_images(DIGITS, SIDE, 1))

    @classmethod
    def sample(
        cls,
        source: str | Path | None,
        generator: Generator,
        *,
        options: TaskOptions = DEFAULT_OPTIONS,
        any_labels: bool = False,
    ) -> Self:
        return cls.load(source, generator)

    def hold_out(self, fraction: float) -> Self:
        if not fraction:
            return self
        images, held_out = self.images.split(fraction)
        return replace(self, images=images, held_out=held_out)

    def for_generator(self, generator: Generator) -> Self:
        return self

    @property
    def digest(self) -> str:
        return self.images.digest

    @property
    def sampled(self) -> bool:
        return self.images.found is not None

    @property
    def noted(self) -> Mapping[str, str]:
        return {}

    @property
    def described(self) -> str:
        return f"{len(self.images)} digits and their negatives"

    def pair(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Input and target."""
        target = to_float(self.images.pixels(indices))
        return -target, target

    def batch(self, indices: Tensor) -> Batch:
        image, target = self.pair(indices)
        return Batch((image,), target, (image,), (image,), target)

    def train_stream(
        self, batch_size: int, seed: int, *, mirror: bool = False, device: torch.device | str = "cpu"
    ) -> PairedStream:
        return PairedStream(self, batch_size, seed)

    def teacher_inputs(self, size: int, seed: int) -> Chosen:
        return Chosen(self, min(size, len(self.images)), seed)

    def inputs(self, seed: int, batch_size: int) -> Iterator[Inputs]:
        stream = PairedStream(self, batch_size, seed)
        while True:
            yield stream.inputs(batch_size)

    def eval_sets(self) -> tuple[EvalSet, ...]:
        """Even and odd digits by themselves, as a task of several domains has them."""
        return tuple(
            EvalSet(name, self._part(start), lambda n, seed, size, s=start: self._inputs(s, n, size), False)
            for start, name in enumerate(("even", "odd"))
        )

    def _part(self, start: int) -> ImageSet:
        pixels = self.images.pixels(torch.arange(start, len(self.images), 2))
        return ImageSet(f"part {start}", pixels, f"{self.digest[:15]}{start}")

    def held_out_sets(self) -> tuple[EvalSet, ...]:
        if self.held_out is None:
            return ()
        apart = replace(self, images=self.held_out, held_out=None)
        return apart.eval_sets()

    def _inputs(self, start: int, samples: int, size: int) -> Iterator[Inputs]:
        for some in torch.arange(start, len(self.images), 2)[:samples].split(size):
            yield self.pair(some)[:1]

    def preview(self, known: Batch, count: int, columns: int) -> Preview:
        shown = known.part(slice(columns))
        assert shown.target is not None
        return Preview(
            shown.inputs, {"input": shown.inputs[0], "target": shown.target}, teacher=shown.teacher
        )


class PairedStream:
    """Pairs at random."""

    def __init__(self, task: InvertedDigits, batch_size: int, seed: int) -> None:
        self.rng = torch.Generator().manual_seed(seed)
        self._task, self._batch_size = task, batch_size

    def _indices(self, count: int) -> Tensor:
        return torch.randint(len(self._task.images), (count,), generator=self.rng)

    def discriminator_batch(self) -> Batch:
        return self._task.batch(self._indices(self._batch_size))

    generator_batch = discriminator_batch

    def inputs(self, count: int) -> Inputs:
        return self._task.pair(self._indices(count))[:1]

    def state_dict(self) -> dict[str, Any]:
        return {"rng": self.rng.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rng.set_state(state["rng"])


@dataclass(frozen=True)
class Chosen:
    """Some images of the set, kept as indices."""

    task: InvertedDigits
    size: int
    seed: int

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.task.digest} {self.size} {self.seed}".encode()).hexdigest()[:16]

    def __len__(self) -> int:
        return self.size

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        rng = torch.Generator().manual_seed(self.seed)
        return (torch.randperm(len(self.task.images), generator=rng)[: self.size].numpy().astype(np.int64),)

    def batch(self, rows: tuple[Tensor, ...]) -> Batch:
        return self.task.batch(rows[0])


class TeacherOptions(BaseModel):
    """Sizes of a teacher to train."""

    channels: int = 12


TRANSLATOR = Family(
    name="translator",
    tasks=(InvertedDigits.name,),
    architecture=TranslatorArchitecture,
    discriminator_architecture=TranslatorArchitecture,
    build=Translator,
    build_discriminator=PatchDiscriminator,
    default_discriminator=lambda generator: generator,
    options=TeacherOptions,
    resolutions=(SIDE,),
    teacher=lambda options, resolution, image_channels, classes: TranslatorArchitecture(options.channels),
    training=PublishedTraining(adversarial="least-squares", augment="none"),
    space=TranslatorSpace,
    read=lambda content: None,
)
