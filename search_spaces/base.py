"""The contract between a generator family and everything that searches, distills, measures or exports it."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias

import torch
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from torch import Tensor, nn

from search_spaces.errors import ArchitectureError


@dataclass(frozen=True)
class Architecture:
    """What a network looks like, without its weights: frozen, hashable, JSON in and out.

    `str(architecture)` is a short canonical form: it is equal exactly when the architecture is.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")  # dataclasses inside need it too

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` turns back into an equal architecture."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | str) -> Self:
        """Read and check what `to_json` wrote; a field that is left out has its default, if it has one.

        Raises:
            ArchitectureError: a field is missing, unknown or out of its range.
        """
        try:
            parsed = json.loads(values) if isinstance(values, str) else dict(values)
            architecture = TypeAdapter(cls).validate_python(parsed)
        except (ValidationError, ValueError, TypeError) as error:
            reason = _reason(error) if isinstance(error, ValidationError) else str(error)
            raise ArchitectureError(f"not a {cls.__name__}: {reason}") from error
        return architecture


def _reason(error: ValidationError) -> str:
    """The first thing that is wrong, in one line: where, what, and the value that was given."""
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"]) or "all of it"
    return f"{where}: {first['msg']} (given: {reprlib.repr(first['input'])})"


Utilisation: TypeAlias = Callable[[Any], float]
"""How full an architecture makes the budget: the largest cost / limit over all limits. It fits when ≤ 1."""


class Suggest(Protocol):
    """Where a space gets its choices from. An Optuna trial is one, `search_spaces.RandomSuggest` another."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of `choices`."""

    def suggest_int(self, name: str, low: int, high: int) -> int:
        """A whole number in [low, high]."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number in [low, high], uniform or log-uniform."""


class Generator(nn.Module):
    """A network that makes images `(N, C, H, W)`, float32 in about [-1, 1], from a tuple of input tensors.

    What the inputs are (noise, noise and class, image, …) is the family's business: callers draw them with
    `sample_inputs`, keep them, and pass them back as `generator(*inputs)`.
    """

    architecture: Architecture
    sampling_options: ClassVar[frozenset[str]] = frozenset()  # what `forward` takes by name, beside inputs

    def sample_inputs(self, count: int, rng: torch.Generator) -> tuple[Tensor, ...]:
        """`count` random inputs, first dimension `count`, made on the CPU from `rng`."""
        raise NotImplementedError

    def deterministic(self, *inputs: Tensor) -> Tensor:
        """Images that are a function of `inputs` alone: what `forward` draws at random is held fixed."""
        images: Tensor = self(*inputs)
        return images

    def condition(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Those of `inputs` that the discriminator is told, too: `discriminator(images, *condition)`."""
        return ()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of its images."""
        raise NotImplementedError

    @property
    def classes(self) -> int:
        """How many classes its images are of; 0 when it is unconditional."""
        return 0

    @property
    def uses_batch_statistics(self) -> bool:
        """Whether, in training, an image depends on the others of its batch, as with batch normalisation."""
        return False

    def label_condition(self, labels: Tensor) -> tuple[Tensor, ...]:
        """What `condition` is for real images of the classes `labels` (N,), int64."""
        return ()

    def stages(self) -> Sequence[nn.Module]:
        """The parts that images pass one after the other, whose activations may be made again when needed."""
        return ()

    def calibrate(self, rng: torch.Generator) -> None:
        """Measure, from inputs drawn with `rng`, what evaluation needs and training leaves behind.

        For example the statistics of batch normalisation under the averaged weights; nothing by default.
        """

    def with_styles(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Images for `inputs`, and the styles (N, D) that they are a function of, inside one graph."""
        raise NotImplementedError


class Slimmable(Generator):
    """One set of weights that students of many architectures are read out of, and trained in together.

    Called, it makes the images of a student of the architecture that `draw` returns at that moment.
    """

    draw: Callable[[], Any]

    def read_out(self, architecture: Any) -> Generator:
        """A student with its share of the weights, copied.

        Raises:
            ArchitectureError: these weights hold no such student.
        """
        raise NotImplementedError


class Discriminator(nn.Module):
    """A network that scores images `(N, C, H, W)` with one logit each, `(N,)`; higher means more real."""

    architecture: Architecture

    def features(self, images: Tensor) -> list[Tensor]:
        """Activations after every block, finest first; a feature space for comparing images."""
        raise NotImplementedError


class SearchSpace(Protocol):
    """The student architectures of one family, bounded by one teacher."""

    def sample(self, suggest: Suggest, utilisation: Utilisation) -> Architecture:
        """An architecture with `utilisation(architecture) <= 1`, made from the choices of `suggest`.

        Every answer of `suggest` gives an architecture that fits, as long as `smallest()` does: the choice
        `share` is the part of the budget to spend, and widths are scaled to it.
        """

    def macs(self, architecture: Any) -> int:
        """Multiply-accumulates for one image, in closed form; equal to fvcore's count at batch 1."""

    def params(self, architecture: Any) -> int:
        """Parameters, in closed form; equal to those of the built network."""

    def smallest(self) -> Architecture:
        """The cheapest architecture, by MACs and by parameters at once."""

    def largest(self) -> Architecture:
        """The dearest architecture: the teacher's own shape."""

    def uniform(self) -> dict[str, Any]:
        """Choices, all but `share`, that make the uniformly slimmed teacher: the baseline in every study."""

    def initial_designs(self) -> list[dict[str, Any]]:
        """Choices, all but `share`, that are known to be good places to start a search from."""

    def inherit(self, teacher: Any, student: Any) -> None:
        """Start `student` from the weights of `teacher`, where shapes allow."""

    def slimmable(self, teacher: Any) -> Slimmable:
        """Shared weights for all students, from those of `teacher`.

        Raises:
            ArchitectureError: students of this family can't share weights.
        """

    def shared(self) -> dict[str, Any]:
        """Choices that every student has that shares weights: they are not searched then."""


@dataclass(frozen=True)
class Found:
    """Networks that a file of somebody else's holds."""

    generator: Generator
    discriminator: Discriminator | None
    metadata: Mapping[str, str]  # what is known of their origin


def no_discriminator_file(content: Any, generator: Any) -> None:
    """For families whose discriminators come in the generator's own file."""


@dataclass(frozen=True)
class PublishedTraining:
    """How networks of a family are trained where they come from."""

    adversarial: Literal["logistic", "hinge", "wasserstein"] = "logistic"
    generator_lr: float = 2e-3
    discriminator_lr: float = 2e-3
    betas: tuple[float, float] = (0.0, 0.99)  # of Adam
    discriminator_steps: int = 1  # of the discriminator, for one of the generator
    r1_gamma: Callable[[int, int], float] | None = None  # by resolution (px) and batch size; None: no R1
    path_weight: float = 0.0  # of path lengths; 0 for generators that have no styles
    augment: Literal["ada", "none"] = "ada"  # of what the discriminator sees


@dataclass(frozen=True)
class Family:
    """Everything the rest of the service needs to know of one kind of generator."""

    name: str
    architecture: type[Architecture]
    discriminator_architecture: type[Architecture]
    build: Callable[[Any], Generator]
    build_discriminator: Callable[[Any], Discriminator]
    default_discriminator: Callable[[Any], Architecture]  # for a generator that came without one
    options: type[BaseModel]  # sizes of a teacher to train; the command line makes its flags of them
    resolutions: tuple[int, ...]  # sides of the images of a teacher to train, px
    # an object of `options`, resolution (px), image channels, classes (0: none) ─► a teacher to train
    teacher: Callable[[Any, int, int, int], Architecture]
    training: PublishedTraining
    space: Callable[[Any], SearchSpace]
    # `read_untrusted`'s values of a file ─► networks, None when it holds none of theirs
    read: Callable[[Any], Found | None]
    # the values of a file beside the generator's, and the generator ─► its discriminator
    read_discriminator: Callable[[Any, Any], Discriminator | None] = no_discriminator_file
