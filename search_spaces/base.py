"""The contract of a generator family with search, distillation, measurement and export."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias, runtime_checkable

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from search_spaces.architecture import Architecture
from search_spaces.errors import ArchitectureError
from search_spaces.graph import Graph
from search_spaces.inputs import Inputs, InputSpec, classes_of, example_inputs

AT_A_TIME = 64  # images of a sample in memory

Importance: TypeAlias = Literal["magnitude", "image-difference"]
"""How channels are ranked when a student inherits: by the size of weights and activations, or by
`image_difference`."""


Utilisation: TypeAlias = Callable[[Any], float]
"""The largest cost / limit over all limits of the budget; an architecture fits when it is ≤ 1."""


class Suggest(Protocol):
    """The source of a space's choices, such as an Optuna trial or `search_spaces.RandomSuggest`."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of `choices`."""

    def suggest_int(self, name: str, low: int, high: int) -> int:
        """A whole number in [low, high]."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number in [low, high], uniform or log-uniform."""


@dataclass(frozen=True)
class BudgetFractions:
    """The budget fractions that a search covers, from `low` to 1: uniform, or log-uniform."""

    low: float
    log: bool
    baselines: tuple[float, ...]  # of the uniform-width baselines; initial designs have the first one

    def ask(self, suggest: Suggest) -> float:
        """The answer of `suggest`, in [low, 1]."""
        return suggest.suggest_float("budget_fraction", self.low, 1.0, log=self.log)

    def nearest(self, fraction: float) -> float:
        """The fraction of this range that is nearest to one of another range."""
        return min(1.0, max(self.low, fraction))


WITHIN_BUDGET = BudgetFractions(low=0.25, log=False, baselines=(1.0, 0.5, 0.25))
"""For a budget that binds: of interest are students that use most of it."""

BELOW_TEACHER = BudgetFractions(low=0.1, log=True, baselines=(0.5, 0.25, 0.1))
"""For a budget that the teacher fits, which then is the whole: of interest is how much less will do."""


class Generator(nn.Module):
    """A network that makes images `(N, C, H, W)`, float32 in about [-1, 1]: `generator(*inputs)`.

    `input_specs` describes its inputs (latents, labels, attributes, images); a task makes them, see
    `distill.tasks`.
    """

    architecture: Architecture
    input_specs: tuple[InputSpec, ...]
    sampling_options: ClassVar[frozenset[str]] = frozenset()  # keywords that `forward` takes beside inputs
    graph_starts: ClassVar[tuple[str, ...]] = ()  # what a `graph` may start from, where there is a choice
    examples: Inputs = ()  # inputs from data to measure it with, such as photographs; set by who has some

    def example_inputs(self, count: int = 1, seed: int = 0) -> Inputs:
        """`count` inputs of the right shapes, on the CPU: for costs, latency, tracing and export."""
        return example_inputs(self.input_specs, count, seed)

    @torch.no_grad()
    def sample(self, count: int, seed: int = 0, **options: Any) -> Tensor:
        """Images as they are shown and saved: `(count, C, H, W)`, uint8, on the CPU.

        Values outside of [-1, 1] are clamped. Equal arguments give equal images: latents, labels and noise
        come from `seed`, and the caller's random numbers stay as they are.

        Args:
            count: how many, at least 1.
            seed: of latents, labels and noise.
            options: passed on, where the generator has such: `psi` and `noise`.

        Raises:
            ArchitectureError: `count` is below 1, it has no such option, or it takes inputs that can't be
                drawn, such as images.
        """
        if count < 1:
            raise ArchitectureError(f"count {count}: give a number of at least 1")
        for name in options.keys() - self.sampling_options:
            has = ", ".join(sorted(self.sampling_options)) or "none"
            raise ArchitectureError(
                f"{name} {options[name]}: this generator has no such option (it has: {has}); leave {name} out"
            )
        needed = [spec.kind for spec in self.input_specs if spec.distribution == "data"]
        if needed:
            raise ArchitectureError(f"it needs {' and '.join(needed)} from data: call it with them")
        place = next(self.parameters()).device
        inputs = [torch.split(tensor, AT_A_TIME) for tensor in self.example_inputs(count, seed)]
        images = []
        with torch.random.fork_rng(devices=[place.index or 0] if place.type == "cuda" else []):
            torch.manual_seed(seed)
            for batch in zip(*inputs, strict=True):
                made = self(*(tensor.to(place) for tensor in batch), **options)
                images.append(((made + 1) * 127.5).round().clamp(0, 255).to("cpu", torch.uint8))
        return torch.cat(images)

    def deterministic(self, *inputs: Tensor) -> Tensor:
        """Images that depend on `inputs` alone: the noise of `forward` is held constant."""
        images: Tensor = self(*inputs)
        return images

    def graph(self, start: str = "") -> Graph:
        """This network, not a copy, as a function of tensors alone, in evaluation mode: for other runtimes.

        Args:
            start: one of `graph_starts`, by default the first; "" where there are none.
        """
        if start not in ("", *self.graph_starts):
            can = ", ".join(self.graph_starts) or "its inputs"
            raise ArchitectureError(f"input {start}: this generator starts from {can}: give that")
        self.eval()
        return self._graph(start).eval()

    def _graph(self, start: str) -> Graph:
        return Graph(self)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of its images."""
        raise NotImplementedError

    @property
    def classes(self) -> int:
        """Number of classes; 0 without labels."""
        return classes_of(self.input_specs)

    @property
    def stride(self) -> int:
        """What the sides of its input images must be multiples of, px."""
        return 1

    @property
    def uses_batch_statistics(self) -> bool:
        """Whether an image depends on the rest of its batch in training, as with batch normalisation."""
        return False

    def at_resolution(self, resolution: int) -> Self:
        """The same weights for images of another side, px, as a network of its own, in evaluation mode.

        Only fully convolutional networks can do that: their files do not say what they were trained for.

        Raises:
            ArchitectureError: it makes images of one side only, or can't make that one.
        """
        side = self.image_shape[1]
        if resolution == side:
            return self
        raise ArchitectureError(f"resolution {resolution}: its images are of {side} px, give that")

    def stages(self) -> Sequence[nn.Module]:
        """Successive parts of the network, for activation checkpointing; none by default."""
        return ()

    def compared_layers(self) -> Sequence[nn.Module]:
        """Layers whose maps are compared with those of another generator of its family; none by default.

        As many for all students of one teacher as for the teacher, of maps (N, C, H, W) of the same sizes.
        """
        return ()

    def calibrate(self, inputs: Iterable[Inputs]) -> None:
        """Measure, over batches of `inputs`, the statistics that evaluation needs.

        For example those of batch normalisation under averaged weights; does nothing by default.
        """


class SquareGenerator(Generator):
    """A generator of square images, whose architecture has their `resolution` and `image_channels`."""

    architecture: Any

    @property
    def image_shape(self) -> tuple[int, int, int]:
        side = self.architecture.resolution
        return self.architecture.image_channels, side, side


@runtime_checkable
class StyleBased(Protocol):
    """A generator whose images are a function of styles, such as StyleGAN2's `w`."""

    def with_styles(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Images for `inputs`, and the styles (N, D) that they are made of, in one graph."""


class Slimmable(Generator):
    """One set of weights for students of many architectures, trained together.

    `forward` runs the sub-network of the architecture `draw()`.
    """

    draw: Callable[[], Any]

    def read_out(self, architecture: Any) -> Generator:
        """A student of `architecture` with a copy of its part of the weights.

        Raises:
            ArchitectureError: the shared weights do not contain it.
        """
        raise NotImplementedError


class Discriminator(nn.Module):
    """A network that scores images `(N, C, H, W)` with their conditions; higher means more real.

    It returns a logit per image, `(N,)`, or a map of logits per patch, `(N, 1, H', W')`.
    """

    architecture: Architecture

    @property
    def takes_input_image(self) -> bool:
        """Whether it judges an image beside the input image that it was made of: its only condition."""
        return False

    def features(self, images: Tensor) -> list[Tensor]:
        """Activations after every block, finest first; a feature space for comparing images.

        One that `takes_input_image` takes this here, too.
        """
        raise NotImplementedError

    def classify(self, images: Tensor) -> Tensor | None:
        """Logits (N, K) of classes or attributes; None where it has no such head."""
        return None


class SearchSpace(Protocol):
    """The student architectures of one family below one teacher, and the budget fractions that are searched.

    Laws: every sample fits the budget if `smallest()` does; no architecture costs less than `smallest()` or
    more than `largest()`, in MACs and in parameters; equal choices give equal samples.
    """

    @property
    def fractions(self) -> BudgetFractions:
        """The budget fractions that `sample` asks for; `WITHIN_BUDGET` unless others are given."""

    def with_fractions(self, fractions: BudgetFractions) -> Self:
        """This space, sampled at budget fractions of another range."""

    def sample(self, suggest: Suggest, utilisation: Utilisation) -> Architecture:
        """An architecture with `utilisation(architecture) <= 1`, made of the choices of `suggest`.

        The choice `budget_fraction` is the target utilisation: widths are scaled to it.
        """

    def macs(self, architecture: Any) -> int:
        """Multiply-accumulates for one image, in closed form; equal to fvcore's count at batch 1."""

    def params(self, architecture: Any) -> int:
        """Number of parameters, in closed form; equal to the count of the built network."""

    def smallest(self) -> Architecture:
        """The cheapest architecture, by MACs and by parameters at once."""

    def largest(self) -> Architecture:
        """The most expensive architecture: the teacher's own."""

    def uniform(self) -> dict[str, Any]:
        """Choices, all but `budget_fraction`, of the uniform-width teacher: the baseline in every study."""

    def initial_designs(self) -> list[dict[str, Any]]:
        """Choices, all but `budget_fraction`, that a search tries first."""

    def inherit(self, teacher: Any, student: Any, importance: Importance = "magnitude") -> None:
        """Start `student` from the weights of `teacher`, where shapes allow.

        A narrower layer keeps the channels that matter most by `importance`.
        """


@dataclass(frozen=True)
class WeightSharing:
    """Weight sharing between the students of a family."""

    # the teacher's generator, and how its channels are ranked ─► the shared weights
    build: Callable[[Any, Importance], Slimmable]
    fixed_choices: tuple[str, ...]  # choices that all students take from the teacher


@dataclass(frozen=True)
class Found:
    """Networks found in a third-party file."""

    generator: Generator
    discriminator: Discriminator | None
    metadata: Mapping[str, str]  # of their origin


def no_discriminator_file(content: Any, generator: Any) -> None:
    """`Family.read_discriminator` of families that keep the discriminator in the generator's file."""


@dataclass(frozen=True)
class PublishedTraining:
    """Published training settings of a family."""

    adversarial: str = "logistic"  # name of an adversarial loss, see `distill.adversarial`
    generator_lr: float = 2e-3
    discriminator_lr: float = 2e-3
    betas: tuple[float, float] = (0.0, 0.99)  # of Adam
    discriminator_steps: int = 1  # per generator step
    r1_gamma: Callable[[int, int], float] | None = None  # by resolution (px) and batch size; None: no R1
    path_weight: float = 0.0  # of path-length regularisation; 0 for generators without styles
    augment: Literal["ada", "none"] = "ada"  # of what the discriminator sees


@dataclass(frozen=True)
class Family:
    """Everything the service needs of one family of generators."""

    name: str
    tasks: tuple[str, ...]  # where its inputs may come from, see `distill.tasks`; the first is the default
    architecture: type[Architecture]
    discriminator_architecture: type[Architecture]
    build: Callable[[Any], Generator]
    build_discriminator: Callable[[Any], Discriminator]
    default_discriminator: Callable[[Any], Architecture]  # for teachers without a discriminator
    options: type[BaseModel]  # sizes of a teacher to train; the command line makes its flags of them
    resolutions: tuple[int, ...]  # sides of the images of a teacher to train, px
    # an object of `options`, resolution (px), image channels, classes (0: none) ─► a teacher to train
    teacher: Callable[[Any, int, int, int], Architecture]
    training: PublishedTraining
    space: Callable[[Any], SearchSpace]
    # the values of `read_untrusted` ─► networks; None when the file holds none of this family
    read: Callable[[Any], Found | None]
    # the values of a second file, and the generator ─► the discriminator
    read_discriminator: Callable[[Any, Any], Discriminator | None] = no_discriminator_file
    slimmable: WeightSharing | None = None  # None: no weight sharing in this family
    # layouts of other projects by name: a generator ─► what `torch.save` writes; raises ArchitectureError
    # where their code can't build it
    layouts: Mapping[str, Callable[[Any], dict[str, Any]]] = field(default_factory=dict)
    # by task, `default_discriminator` of the tasks that need another one
    other_discriminators: Mapping[str, Callable[[Any], Architecture]] = field(default_factory=dict)

    def discriminator_for(self, generator: Any, task: str) -> Architecture:
        """The architecture of a discriminator for `generator`, an architecture, where there is none yet."""
        return self.other_discriminators.get(task, self.default_discriminator)(generator)
