"""The one training loop: a student generator against its discriminator, taught by a recipe."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from distill.adversarial import DiscriminatorStep, Terms
from distill.errors import TrainingDivergedError, TrainingError
from distill.noise import OwnNoise
from distill.recipes import GeneratorStep, Recipe
from distill.seeds import derive_seed
from distill.tasks import Batch, Task
from distill.training.activation_checkpointing import ActivationCheckpointing
from distill.training.augmentation import ADJUST_EVERY, Augment
from distill.training.micro_batches import check_micro_batch, micro_batches
from distill.training.optimizers import adam, match_formats
from distill.training.precision import PRECISIONS, Precision, autocast
from search_spaces import Discriminator, Generator, Inputs

CHECK_EVERY = 16  # steps between looks at the losses: a look makes an accelerator wait
CALIBRATION_BATCH = 64  # images
GAP_MEMORY = 0.98  # per step, of the running mean that adaptive schedules follow


class TeacherImages(Protocol):
    """The teacher's images for inputs that it was given once: a `distill.teachers.TeacherCache`."""

    def draw(self, count: int, rng: torch.Generator) -> Batch:
        """A random batch of `count`, with the teacher's images."""


@dataclass(frozen=True)
class TrainingConfig:
    """How long and how fast; the defaults are StyleGAN2's, shortened for brief training."""

    images: int  # real images shown in the whole training; schedules run along it
    batch_size: int = 64
    generator_lr: float = 2e-3
    discriminator_lr: float = 2e-3
    betas: tuple[float, float] = (0.0, 0.99)  # of Adam
    ema_half_life: int = 2_000  # images; shorter at the start, see `Trainer._ema_decay`
    ema_rampup: float = 0.1  # the half-life is at most this share of the images seen so far
    mirror: bool = False
    seed: int = 0
    micro_batch: int = 0  # images that are in memory at a time; 0 is the whole batch
    precision: Precision = "fp32"  # of the networks' arithmetic; weights, losses and penalties are fp32
    channels_last: bool = False  # memory format of convolutions: see `channels_last_pays`
    compile: bool = False  # torch.compile of both networks: a minute at the start, faster steps after it
    checkpoint_activations: bool = False  # the student's, made again in the backward pass: less memory

    def __post_init__(self) -> None:
        """Raise TrainingError for settings that can't be trained with."""
        if self.precision not in PRECISIONS:
            raise TrainingError(f"precision {self.precision!r} is none of {', '.join(PRECISIONS)}")
        check_micro_batch(self.micro_batch, self.batch_size)


def images_a_step(recipe: Recipe, batch_size: int) -> int:
    """Real images that a step shows; without a discriminator, images that the student makes."""
    return max(1, recipe.discriminator_steps) * batch_size


def channels_last_pays(resolution: int) -> bool:
    """Whether to train images of `resolution` in that memory format (docs/benchmarks.md).

    On a CPU in float32 a step is 1.2 to 1.3 times as fast. Below 32 px the format stays as it is: seconds are
    not worth that published results of the digits change in their last bits.
    """
    return resolution >= 32


@dataclass(frozen=True)
class Progress:
    """Where a training stands, as logged after every step."""

    images: int
    kd_weight: float
    losses: dict[str, float]  # of the last step that was looked at


class Trainer:
    """Trains `student` in place on the batches of `task`; `ema` is the network to evaluate and export.

    All randomness (data order, inputs, noise) follows from `config.seed`, so that candidates of a search are
    compared under common random numbers; `load_state_dict` resumes to the bit on the same machine.

    With `micro_batch`, a batch is worked off in parts whose gradients are added up. They are those of the
    whole batch, up to rounding, for losses that are means over samples and generators that are not
    `uses_batch_statistics`; noise layers draw other numbers.
    """

    def __init__(
        self,
        student: Generator,
        discriminator: Discriminator,
        recipe: Recipe,
        task: Task,
        config: TrainingConfig,
        *,
        teacher_cache: TeacherImages | None = None,  # None: adversarial training alone
        teacher_discriminator: Discriminator | None = None,
        augment: Augment | None = None,  # of everything the discriminator sees
        device: str = "cpu",
    ) -> None:
        self.student = student.to(device).train().requires_grad_(True)  # loaded networks come frozen
        self.ema = copy.deepcopy(self.student).eval().requires_grad_(False)
        self.discriminator = discriminator.to(device).train()
        if config.channels_last:  # not the average: what is exported computes to the bit as it was measured
            for network in (self.student, self.discriminator):
                network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types
        self.recipe, self.config, self.device = recipe, config, device
        self.teacher_cache = teacher_cache
        self.teacher_discriminator = teacher_discriminator
        if teacher_discriminator is not None:
            self.teacher_discriminator = teacher_discriminator.to(device).eval().requires_grad_(False)
        self.augment = None if augment is None else augment.to(device)
        # compiled ones share weights with the plain ones, which are copied, counted and saved
        self._student: Any = torch.compile(self.student) if config.compile else self.student
        self._discriminator: Any = torch.compile(self.discriminator) if config.compile else self.discriminator
        self._checkpointed = ActivationCheckpointing(
            self.student.stages() if config.checkpoint_activations else ()
        )
        self._micro_batches = micro_batches(config.batch_size, config.micro_batch)
        self.stream = task.train_stream(config.batch_size, config.seed, mirror=config.mirror, device=device)
        self._task = task
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(config.seed, "recipe"))
            self.recipe_modules = recipe.modules(self.student).to(device)
        trained = nn.ModuleList([self.student, self.recipe_modules])
        self.generator_optimizer = adam(trained, config.generator_lr, config.betas)
        self.discriminator_optimizer = adam(self.discriminator, config.discriminator_lr, config.betas)
        half, kind = config.precision == "fp16", torch.device(device).type  # bf16 has the range of fp32
        self.generator_scaler = torch.amp.GradScaler(kind, enabled=half)
        self.discriminator_scaler = torch.amp.GradScaler(kind, enabled=half)
        self._noise = OwnNoise(derive_seed(config.seed, "noise"), device)
        self.step, self.images, self.gap = 0, 0, 1.0
        self.losses: dict[str, float] = {}
        self.recipe_state: dict[str, Tensor] = {}  # what the recipe keeps from step to step

    @property
    def kd_weight(self) -> float:
        """The teacher's weight in the next step."""
        return self.recipe.kd_weight(min(1.0, self.images / self.config.images), self.gap)

    def train(
        self,
        until: int,
        on_step: Callable[[Progress], None] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Go on until `until` images have been seen (at least; whole batches), or `stop` says so.

        Raises:
            TrainingDivergedError: a loss became NaN or infinite.
        """
        with self._noise():
            while self.images < until and not stop():
                kd_weight = self.kd_weight
                terms: Terms = {}
                for turn in range(self.recipe.discriminator_steps):
                    terms |= self._discriminator_step(self.step * self.recipe.discriminator_steps + turn)
                terms |= self._generator_step(kd_weight)
                self._update_ema()
                self.step += 1
                self.images += self._images_a_step
                on_beat = self.step % CHECK_EVERY == 1
                if on_beat or self.images >= until:
                    self._look_at(terms, on_beat)
                if on_step is not None:
                    on_step(Progress(self.images, kd_weight, self.losses))
            seed = derive_seed(self.config.seed, "calibrate")
            self.ema.calibrate(self._task.inputs(seed, CALIBRATION_BATCH))

    @property
    def _images_a_step(self) -> int:
        return images_a_step(self.recipe, self.config.batch_size)

    def _discriminator_step(self, number: int) -> Terms:
        self.discriminator.requires_grad_(True)
        batch = self.stream.discriminator_batch()

        def terms(part: slice) -> Terms:
            shown = batch.part(part).to(self.device)
            with torch.no_grad():
                fake = self._generate(shown.inputs)
                assert shown.real is not None
                shown, fake = replace(shown, real=self._augmented(shown.real)), self._augmented(fake)
            step = DiscriminatorStep(
                self._discriminator, shown, fake, number, exact=self.discriminator, observe=self._observe
            )
            with self._autocast():
                return self.recipe.discriminator_terms(step)

        found = self._descend(terms, self.discriminator_optimizer, self.discriminator_scaler)
        if self.augment is not None and (number + 1) % ADJUST_EVERY == 0:
            self.augment.adjust()
        return found

    def _generator_step(self, kd_weight: float) -> Terms:
        self.discriminator.requires_grad_(False)
        batch, answers = self._generator_batch(kd_weight), []

        def terms(part: slice) -> Terms:
            shown = batch.part(part).to(self.device)
            fake = self._generate(shown.inputs)
            logits = self._judged(fake, shown)
            answers.append(logits.detach())
            step = GeneratorStep(
                shown,
                fake,
                logits,
                self.student,
                self.teacher_discriminator,
                kd_weight,
                self.step,
                self._draw,
                self.recipe_state,
                self.recipe_modules,
            )
            with self._autocast(), self._checkpointed:
                return self.recipe.generator_terms(step)

        found = self._descend(terms, self.generator_optimizer, self.generator_scaler)
        return found | {"gap": torch.cat(answers).float().neg().clamp_min(0).mean()}

    def _generator_batch(self, kd_weight: float) -> Batch:
        """Inputs of the next generator step, with the teacher's images where the recipe looks at them."""
        if self.teacher_cache is not None and self.recipe.needs_teacher_images and kd_weight > 0:
            return self.teacher_cache.draw(self.config.batch_size, self.stream.rng)
        return self.stream.generator_batch()

    def _generate(self, inputs: Inputs) -> Tensor:
        """The student's images for `inputs`, float32."""
        with self._autocast(), self._checkpointed:
            images: Tensor = self._student(*inputs)
        return images.float()

    def _judged(self, fake: Tensor, batch: Batch) -> Tensor:
        """The discriminator's logits; zeros, as if it were fooled, where the recipe trains none."""
        if not self.recipe.discriminator_steps:
            return fake.new_zeros(len(fake))
        shown = self._augmented(fake)
        with self._autocast():
            logits: Tensor = self._discriminator(shown, *batch.fake_condition)
        return logits

    def _draw(self, count: int) -> Inputs:
        """Further inputs; what is made of them is never compiled, as penalties on it are of second order."""
        return tuple(x.to(self.device) for x in self.stream.inputs(count))

    def _augmented(self, images: Tensor) -> Tensor:
        return images if self.augment is None else self.augment(images)

    def _observe(self, real_logits: Tensor) -> None:
        if self.augment is not None:
            self.augment.observe(real_logits)

    def _autocast(self) -> torch.autocast:
        return autocast(self.config.precision, self.device)

    def _descend(
        self,
        terms_of: Callable[[slice], Terms],
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
    ) -> Terms:
        """One step down the sum of the terms, part by part; returns them as means over the whole batch."""
        optimizer.zero_grad(set_to_none=True)
        means: dict[str, Tensor] = {}
        for part in self._micro_batches:
            terms = terms_of(part)
            loss = sum(terms.values(), start=torch.zeros((), device=self.device))
            torch.autograd.backward(scaler.scale(loss / len(self._micro_batches)))
            for name, term in terms.items():
                share = term.detach() / len(self._micro_batches)
                means[name] = means[name] + share if name in means else share
        scaler.step(optimizer)
        scaler.update()
        return means

    @torch.no_grad()
    def _update_ema(self) -> None:
        seen = self.images + self._images_a_step
        half_life = min(self.config.ema_half_life, self.config.ema_rampup * seen)
        decay = 0.5 ** (self._images_a_step / max(half_life, 1e-8))
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.student.parameters()), 1 - decay)
        for average, current in zip(self.ema.buffers(), self.student.buffers(), strict=True):
            average.copy_(current)

    def _look_at(self, terms: dict[str, Tensor], on_beat: bool) -> None:
        """Note the losses; the gap follows the beat alone, so that stopping in between changes nothing."""
        values = {name: float(term.detach()) for name, term in terms.items()}
        for name, value in values.items():
            if not abs(value) < float("inf"):
                raise TrainingDivergedError(f"{name} is {value} after {self.images} images")
        gap = values.pop("gap")
        if on_beat:
            memory = GAP_MEMORY**CHECK_EVERY if self.step > 1 else 0.0
            self.gap = memory * self.gap + (1 - memory) * gap
            self.losses = values  # a term that is over is gone; lazy ones are due on the beat
        else:
            self.losses = self.losses | values

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on exactly here."""
        return {
            "student": self.student.state_dict(),
            "ema": self.ema.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "generator_optimizer": self.generator_optimizer.state_dict(),
            "discriminator_optimizer": self.discriminator_optimizer.state_dict(),
            "stream": self.stream.state_dict(),
            "augment": {} if self.augment is None else self.augment.state_dict(),
            "scalers": [self.generator_scaler.state_dict(), self.discriminator_scaler.state_dict()],
            "recipe_modules": self.recipe_modules.state_dict(),
            "recipe_state": dict(self.recipe_state),
            "noise_rng": dict(self._noise.state),
            "step": self.step,
            "images": self.images,
            "gap": self.gap,
            "losses": self.losses,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to where `state_dict` was called."""
        for name in (
            "student",
            "ema",
            "discriminator",
            "recipe_modules",
            "generator_optimizer",
            "discriminator_optimizer",
            "stream",
        ):
            getattr(self, name).load_state_dict(state[name])
        for optimizer in (self.generator_optimizer, self.discriminator_optimizer):
            match_formats(optimizer)
        if self.augment is not None:
            self.augment.load_state_dict(state["augment"])
        for scaler, saved in zip(
            (self.generator_scaler, self.discriminator_scaler), state["scalers"], strict=True
        ):
            scaler.load_state_dict(saved)
        self.recipe_state = {name: value.to(self.device) for name, value in state["recipe_state"].items()}
        self._noise.load(state["noise_rng"])
        self.step, self.images, self.gap = state["step"], state["images"], state["gap"]
        self.losses = dict(state["losses"])
