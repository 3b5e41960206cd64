"""The contract of a recipe, which composes losses and schedules: a step in, named loss terms out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, Self, TypeAlias

import torch
from torch import Tensor, nn

from distill.adversarial import AdversarialLoss, DiscriminatorStep, Terms
from distill.errors import RecipeError
from distill.perceptual import FeatureMaps, ImageFeatures, PerceptualDistance
from distill.recipes.similarity import SIMILARITY
from distill.schedules import Ramp, Schedule
from distill.tasks import Batch
from search_spaces import Discriminator, Generator, Inputs, recorded

CONSTANT = Schedule("constant", start=1.0)  # of the KD weight

Maps: TypeAlias = tuple[Sequence[Tensor], Sequence[Tensor]]
"""Maps (N, C, H, W) of the student, and those of its teacher for the same inputs."""


@dataclass(frozen=True)
class GeneratorStep:
    """What a student's loss may use."""

    batch: Batch  # `batch.teacher` is None where the recipe uses no teacher's images
    fake: Tensor  # (N, C, H, W), the student's images for `batch.inputs`
    logits: Tensor  # (N,) or a map, the discriminator's for `fake`; zeros while the recipe trains none
    student: Generator
    teacher_discriminator: Discriminator | None  # frozen
    kd_weight: float
    adversarial_weight: float = 1.0
    step: int = 0  # steps done so far, for lazy regularisation
    draw: Callable[[int], Inputs] | None = None  # N ─► N further inputs
    state: dict[str, Tensor] = field(default_factory=dict)  # of the recipe; kept in checkpoints
    modules: nn.ModuleDict = field(default_factory=nn.ModuleDict)  # of the recipe; also trained
    discriminator: Discriminator | None = None  # the student's own; None while the recipe trains none
    real_logits: Tensor | None = None  # for `batch.real`, without graph; None unless the recipe needs them
    maps: Maps = ((), ())  # with the recipe's `needs_maps`


class Recipe(Protocol):
    """A distillation method: losses of the student and of its discriminator, and a KD weight."""

    name: ClassVar[str]
    needs_teacher_images: ClassVar[bool]  # for the student's inputs
    needs_teacher_discriminator: ClassVar[bool]
    needs_maps: ClassVar[bool]  # `GeneratorStep.maps`: the outputs of `Generator.compared_layers`

    def discriminator_steps(self, progress: float) -> int:
        """Discriminator steps per step of the student at `progress` in [0, 1]; 0 while none is trained."""

    @property
    def needs_styles(self) -> bool:
        """Whether students must be `StyleBased`, for path-length regularisation."""

    @property
    def needs_real_logits(self) -> bool:
        """Whether the student's loss compares with logits of real images: `GeneratorStep.real_logits`."""

    @property
    def needs_gap(self) -> bool:
        """Whether the KD weight follows the gap of the teacher's discriminator: see `distill.schedules`."""

    def kd_weight(self, progress: float, gap: float) -> float:
        """Weight of the teacher's terms at `progress` in [0, 1]; `distill.schedules` explains `gap`."""

    def stage(self, progress: float) -> int:
        """Number of the stage at `progress` in [0, 1], each with fresh optimizers; 0 without stages."""

    def adversarial_weight(self, progress: float) -> float:
        """Weight of the adversarial term at `progress` in [0, 1]."""

    def modules(self, student: Generator, teacher: Generator | None) -> nn.ModuleDict:
        """Networks of the recipe, such as 1×1 projections; trained, checkpointed, passed in every step."""

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        """Loss terms of the student's discriminator."""

    def generator_terms(self, step: GeneratorStep) -> Terms:
        """Loss terms of the student."""


@dataclass(frozen=True)
class Ingredients:
    """What a search passes to `Distillation.make`."""

    adversarial: AdversarialLoss  # of the family's published training, or the one asked for
    ramp: Ramp = field(default_factory=Ramp)  # of the adversarial term
    path_weight: float = 0.0  # of StyleGAN2's path-length regularisation
    distance: PerceptualDistance | None = None
    features: ImageFeatures | None = None  # for comparing distributions
    similarity: Mapping[str, float] = field(default_factory=lambda: SIMILARITY)  # weights of terms
    maps: FeatureMaps | None = None  # for comparing style and content


class Distillation(ABC):
    """A recipe with a teacher: an adversarial loss, and terms of the teacher under a scheduled weight.

    Raises:
        RecipeError: the schedule needs the sign of logits, which the adversarial loss does not define.
    """

    schedule: Schedule
    adversarial: AdversarialLoss
    ramp: Ramp = Ramp()

    name: ClassVar[str]
    default_schedule: ClassVar[Schedule]  # of the KD weight
    needs_sign: ClassVar[bool] = False  # of logits of the teacher's discriminator
    weight_means: ClassVar[str] = ""  # what the KD weight is in the paper's words, where that misleads
    revision: ClassVar[int] = 1  # of the losses: results of different revisions are not comparable
    tasks: ClassVar[tuple[str, ...]] = ()  # names of the tasks that it is for; empty: any
    needs_teacher_images: ClassVar[bool]
    needs_teacher_discriminator: ClassVar[bool]
    needs_maps: ClassVar[bool] = False
    uses_distance: ClassVar[bool] = False  # `Ingredients.distance`
    uses_adversarial: ClassVar[bool] = True  # `Ingredients.adversarial`
    trains_discriminator: ClassVar[bool] = True  # of the student's own
    uses_ramp: ClassVar[bool] = False  # `Ingredients.ramp`
    default_ramp: ClassVar[Ramp] = Ramp()  # of the adversarial weight
    default_ramp_at_once: ClassVar[Ramp] = Ramp()  # the same where it had better begin at the start
    uses_maps: ClassVar[bool] = False  # `Ingredients.maps`
    uses_similarity: ClassVar[bool] = False  # `Ingredients.similarity` and `Ingredients.features`

    def __post_init__(self) -> None:
        if self.schedule.follows_gap:
            self._check_sign("--kd-schedule adaptive", "another schedule, such as cosine")

    @classmethod
    @abstractmethod
    def make(cls, schedule: Schedule, ingredients: Ingredients) -> Self:
        """The recipe with a KD weight that follows `schedule`; it takes the ingredients that it uses.

        Raises:
            RecipeError: the recipe excludes the schedule or the adversarial loss.
        """

    def discriminator_steps(self, progress: float) -> int:
        return self.adversarial.discriminator_steps if self.ramp.is_on(progress) else 0

    @property
    def needs_styles(self) -> bool:
        return False

    @property
    def needs_real_logits(self) -> bool:
        return self.adversarial.needs_real_logits

    @property
    def needs_gap(self) -> bool:
        return self.schedule.follows_gap

    def kd_weight(self, progress: float, gap: float) -> float:
        return self.schedule(progress, gap)

    def stage(self, progress: float) -> int:
        return 0

    def adversarial_weight(self, progress: float) -> float:
        return self.ramp(progress)

    def modules(self, student: Generator, teacher: Generator | None) -> nn.ModuleDict:
        return nn.ModuleDict()

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        return self.adversarial.discriminator_terms(step)

    @abstractmethod
    def generator_terms(self, step: GeneratorStep) -> Terms:
        """Loss terms of the student."""

    def _check_sign(self, asked: str, instead: str) -> None:
        if not self.adversarial.sign_classifies:
            raise RecipeError(
                f"{asked}: it follows how far logits are below 0, which says nothing with a "
                f"{self.adversarial.name} loss: give {instead}"
            )


@torch.no_grad()
def compared_maps(student: Generator, teacher: Generator) -> Maps:
    """Maps of student and teacher for an example, from `Generator.compared_layers`: they show the shapes."""
    found = []
    for network in (student, teacher):
        place, was_training = next(network.parameters()).device, network.training
        network.eval()  # an example is no part of what batch normalisation measures
        with recorded(network.compared_layers()) as maps:
            network(*(x.to(place) for x in network.example_inputs()))
        network.train(was_training)
        found.append(maps)
    return found[0], found[1]
