"""The one training loop: a student generator against its discriminator, taught by a recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from distill.adversarial import DiscriminatorStep, Terms
from distill.errors import TrainingDivergedError
from distill.noise import OwnNoise
from distill.recipes import GeneratorStep, Maps, Recipe
from distill.seeds import derive_seed
from distill.tasks import Batch, Task
from distill.training.activation_checkpointing import ActivationCheckpointing
from distill.training.augmentation import ADJUST_EVERY, Augment
from distill.training.averaging import average_decay, averaged_copy, update_average
from distill.training.config import TrainingConfig, step_images, student_rate
from distill.training.micro_batches import descend, micro_batches
from distill.training.optimizers import Guard, adam, is_finite, match_formats, set_rate
from distill.training.precision import autocast
from distill.training.readings import (
    READ_EVERY,
    Progress,
    all_finite,
    read_losses,
    running_gap,
)
from distill.training.teaching import Teaching, at_progress, check_gap, gap_of
from search_spaces import Discriminator, Generator, Inputs, recorded

CALIBRATION_BATCH = 64  # images
MOST_SKIPPED = READ_EVERY  # steps in a row, before the learning rates are lowered, and then before the end
SKIPPED = "skipped_steps"  # beside the losses, where there were any
STAGE = "stage"  # beside the losses, of recipes that have stages
STATEFUL = (
    *("student", "ema", "discriminator", "recipe_modules"),
    *("generator_optimizer", "discriminator_optimizer", "stream"),
)
"""What of a trainer a checkpoint holds by its own `state_dict`."""


class Trainer:
    """Trains `student` in place on the batches of `task`; `ema` is the network to evaluate and export.

    All randomness (data order, inputs, noise) follows from `config.seed`, so that candidates of a search are
    compared under common random numbers; `load_state_dict` resumes to the bit on the same machine.

    With `micro_batch`, a step adds up the gradients of parts of its batch. They equal those of the whole
    batch, up to rounding, for losses that are means over samples and generators without
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
        teachings: Sequence[Teaching] = (Teaching(),),  # several follow each other in equal parts
        augment: Augment | None = None,  # of everything the discriminator sees
        device: str = "cpu",
    ) -> None:
        self.recipe, self.task, self.config, self.device = recipe, task, config, device
        self.teachings = [teaching.frozen(device) for teaching in teachings]
        check_gap(recipe, self.teachings)

        self.student = student.to(device).train().requires_grad_(True)  # loaded networks come frozen
        self.ema = averaged_copy(self.student)
        self.discriminator = discriminator.to(device).train()
        self.augment = None if augment is None else augment.to(device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(config.seed, "recipe"))
            self.recipe_modules = recipe.modules(self.student, self.teachings[0].generator).to(device)

        if config.channels_last:  # not `ema`: an exported student computes to the bit as it was measured
            for network in (self.student, self.discriminator):
                network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types
        # compiled networks share weights with the plain ones, which are copied, counted and saved
        self._student: Any = torch.compile(self.student) if config.compile else self.student
        self._discriminator: Any = torch.compile(self.discriminator) if config.compile else self.discriminator
        self._checkpointed = ActivationCheckpointing(
            self.student.stages() if config.checkpoint_activations else ()
        )
        self._micro_batches = micro_batches(config.batch_size, config.micro_batch)

        trained = nn.ModuleList([self.student, self.recipe_modules])
        self.generator_optimizer = adam(trained, config.generator_lr, config.betas)
        self.discriminator_optimizer = adam(self.discriminator, config.discriminator_lr, config.betas)
        scaled, kind = config.precision == "fp16", torch.device(device).type  # bf16 has the range of fp32
        self.generator_scaler = torch.amp.GradScaler(kind, enabled=scaled)
        self.discriminator_scaler = torch.amp.GradScaler(kind, enabled=scaled)

        self.stream = task.train_stream(config.batch_size, config.seed, mirror=config.mirror, device=device)
        self._noise = OwnNoise(derive_seed(config.seed, "noise"), device)
        self.step, self.discriminator_step, self.images = 0, 0, 0
        self._stage = recipe.stage(0.0)
        self.gap: float | None = None  # of the teacher's discriminator: running mean, once it was measured
        self.losses: dict[str, float] = {}
        self.recipe_state: dict[str, Tensor] = {}  # what the recipe keeps from step to step
        guarded = [self.student, self.discriminator, self.recipe_modules]
        guarded += [] if self.augment is None else [self.augment]
        self._guard = Guard(guarded, self.recipe_state, device)
        self._shown: Batch | None = None  # the last batch of the discriminator

    @property
    def kd_weight(self) -> float:
        """Weight of the teacher's terms in the next step."""
        return self.recipe.kd_weight(self._progress, 1.0 if self.gap is None else self.gap)

    @property
    def _progress(self) -> float:
        """Fraction of the training done."""
        return min(1.0, self.images / self.config.images)

    @property
    def teaching(self) -> Teaching:
        """Who teaches in the next step."""
        return at_progress(self.teachings, self._progress)

    def train(
        self,
        until: int,
        on_step: Callable[[Progress], None] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Train in whole batches until at least `until` images have been seen, or `stop` returns True.

        Each stage of the recipe begins with fresh optimizers.
        A step with a loss or a gradient that is NaN or infinite is skipped. After `MOST_SKIPPED` in a row the
        learning rates are lowered, once.

        Raises:
            TrainingDivergedError: that was of no use, or weights are NaN or infinite.
        """
        config = self.config
        with self._noise():
            while self.images < until and not stop():
                self._begin_stage()
                kd_weight, terms = self.kd_weight, Terms()
                discriminator_steps = self.recipe.discriminator_steps(self._progress)
                for _ in range(discriminator_steps):
                    terms |= self._discriminator_step()
                terms |= self._generator_step(kd_weight, is_adversarial=discriminator_steps > 0)
                images = step_images(self.recipe, config.batch_size, self._progress)
                self._guard.end_step()
                self.step += 1
                self.images += images
                decay = average_decay(images, self.images, config.ema_half_life, config.ema_rampup)
                update_average(self.ema, self.student, decay)
                if self.step % READ_EVERY == 1 or self.images >= until:
                    self._read(terms, is_last=self.images >= until)
                if on_step is not None:
                    on_step(Progress(self.images, kd_weight, self.losses))
            seed = derive_seed(config.seed, "calibrate")
            self.ema.calibrate(self.task.inputs(seed, CALIBRATION_BATCH))

    def restart_average(self) -> None:
        """Have the average begin at the present weights, as if nothing had been averaged before."""
        update_average(self.ema, self.student, 0.0)

    def _begin_stage(self) -> None:
        stage = self.recipe.stage(self._progress)
        if stage != self._stage:
            self._stage = stage
            for optimizer in (self.generator_optimizer, self.discriminator_optimizer):
                optimizer.state.clear()

    def _discriminator_step(self) -> Terms:
        """Update the discriminator on real images and on fakes."""
        number = self.discriminator_step
        self.discriminator.requires_grad_(True)
        if self._progress > self.config.lr_decay_start:
            rate = self._guard.rate * self.config.rate(self._progress)
            set_rate(self.discriminator_optimizer, rate * self.config.discriminator_lr)
        batch = self._shown = self.stream.discriminator_batch()

        def terms_of(part: Batch) -> Terms:
            assert part.real is not None
            with torch.no_grad():
                fake = self._generate(part.inputs)
                shown, fake = replace(part, real=self._augmented(part.real)), self._augmented(fake)
            step = DiscriminatorStep(
                self._discriminator,
                shown,
                fake,
                number,
                self.teaching.discriminator,
                exact=self.discriminator,
                observe=self._observe,
            )
            with self._autocast():
                return self.recipe.discriminator_terms(step)

        terms = descend(
            self._parts(batch), terms_of, self.discriminator_optimizer, self.discriminator_scaler, self._guard
        )
        self.discriminator_step += 1
        if self.augment is not None and self.discriminator_step % ADJUST_EVERY == 0:
            self.augment.adjust()
        return terms

    def _generator_step(self, kd_weight: float, *, is_adversarial: bool) -> Terms:
        """Update the student; a step of a regular reading also returns `gap`, where the recipe follows it."""
        self.discriminator.requires_grad_(False)
        set_rate(
            self.generator_optimizer,
            self._guard.rate * student_rate(self.recipe, self.config, self._progress),
        )
        gaps: list[Tensor] = []
        measures = self.recipe.needs_gap and self.step % READ_EVERY == 0

        def terms_of(part: Batch) -> Terms:
            step = self._step_of(part, kd_weight, is_adversarial=is_adversarial)
            if measures:
                gaps.append(gap_of(self.teaching, step.fake.detach(), part.fake_condition))
            with self._autocast(), self._checkpointed:
                return self.recipe.generator_terms(step)

        batch = self._generator_batch(kd_weight, is_adversarial=is_adversarial)
        terms = descend(
            self._parts(batch), terms_of, self.generator_optimizer, self.generator_scaler, self._guard
        )
        return terms | {"gap": torch.cat(gaps).mean()} if gaps else terms

    def student_terms(self, kd_weight: float) -> Terms:
        """Loss terms of the student for the next batch, with their graph, at the full adversarial weight.

        Nothing is trained, but the batch is used up: gradients of terms can be compared with it.
        """
        with self._noise():
            batch = self._generator_batch(kd_weight, is_adversarial=True).to(self.device)
            step = replace(self._step_of(batch, kd_weight, is_adversarial=True), adversarial_weight=1.0)
            with self._autocast(), self._checkpointed:
                return self.recipe.generator_terms(step)

    def _generator_batch(self, kd_weight: float, *, is_adversarial: bool) -> Batch:
        """A batch for the student, from the teacher cache while that has a say."""
        images = self.teaching.images
        if images is not None and self.recipe.needs_teacher_images and kd_weight > 0:
            batch = images.draw(self.config.batch_size, self.stream.rng)
        else:
            batch = self.stream.generator_batch()
        if is_adversarial and self.recipe.needs_real_logits and self._shown is not None:
            batch = replace(batch, real=self._shown.real, real_condition=self._shown.real_condition)
        return batch

    def _step_of(self, part: Batch, kd_weight: float, *, is_adversarial: bool) -> GeneratorStep:
        """What the student's loss of the batch, or of a part of it, may use."""
        teaching = self.teaching
        fake, maps = self._with_maps(part.inputs, teaching.generator if kd_weight > 0 else None)
        logits = fake.new_zeros(len(fake))
        real_logits: Tensor | None = None
        if is_adversarial:
            logits = self._realness(fake, part.fake_condition)
        if is_adversarial and self.recipe.needs_real_logits and part.real is not None:
            with torch.no_grad():
                real_logits = self._realness(part.real, part.real_condition)
        return GeneratorStep(
            part,
            fake,
            logits,
            self.student,
            teaching.discriminator,
            kd_weight,
            self.recipe.adversarial_weight(self._progress),
            self.step,
            self._draw,
            self.recipe_state,
            self.recipe_modules,
            self.discriminator if is_adversarial else None,
            real_logits,
            maps,
        )

    def _parts(self, batch: Batch) -> list[Batch]:
        """The micro-batches of `batch`, on the device."""
        return [batch.part(rows).to(self.device) for rows in self._micro_batches]

    def _generate(self, inputs: Inputs) -> Tensor:
        """The student's images for `inputs`, (N, C, H, W), float32."""
        with self._autocast(), self._checkpointed:
            images: Tensor = self._student(*inputs)
        return images.float()

    def _with_maps(self, inputs: Inputs, teacher: Generator | None) -> tuple[Tensor, Maps]:
        """The student's images, and the maps of student and teacher that the recipe compares, if any."""
        if teacher is None or not self.recipe.needs_maps:
            return self._generate(inputs), ((), ())
        with recorded(self.student.compared_layers()) as own, self._autocast(), self._checkpointed:
            images: Tensor = self.student(*inputs)  # the compiled network would record nothing
        with recorded(teacher.compared_layers()) as known, self._autocast(), torch.no_grad():
            teacher(*inputs)
        return images.float(), (own, known)

    def _realness(self, images: Tensor, condition: Inputs) -> Tensor:
        """The discriminator's logits (N, ...)."""
        shown = self._augmented(images)
        with self._autocast():
            logits: Tensor = self._discriminator(shown, *condition)
        return logits

    def _draw(self, count: int) -> Inputs:
        """`count` further inputs for the plain student: penalties of second order can't be compiled."""
        return tuple(x.to(self.device) for x in self.stream.inputs(count))

    def _augmented(self, images: Tensor) -> Tensor:
        return images if self.augment is None else self.augment(images)

    def _observe(self, real_logits: Tensor) -> None:
        if self.augment is not None:
            self.augment.observe(real_logits)

    def _autocast(self) -> torch.autocast:
        return autocast(self.config.precision, self.device)

    def _read(self, terms: Terms, *, is_last: bool) -> None:
        """Update `losses`; the gap follows regular readings only, so that stopping in between is harmless."""
        is_regular = self.step % READ_EVERY == 1
        if self._guard.in_a_row:
            self._judge(terms, is_regular=is_regular, is_last=is_last)
        if not all_finite(terms):
            return
        values = read_losses(terms, self.images)
        gap = values.pop("gap", None)
        if skipped := self._guard.skipped:
            values[SKIPPED] = skipped
        if self._stage:
            values[STAGE] = self._stage
        if is_regular:
            self.gap = self.gap if gap is None else running_gap(self.gap, gap)
            self.losses = values  # drops terms that have ended; lazy terms are due on regular readings
        else:
            self.losses = self.losses | values

    def _judge(self, terms: Terms, *, is_regular: bool, is_last: bool) -> None:
        """The last step, with `terms`, was skipped: go on, more slowly where many were, or give up."""
        self.losses = self.losses | {SKIPPED: self._guard.skipped}
        many = is_regular and self._guard.in_a_row >= MOST_SKIPPED
        in_vain = is_last and self._guard.skipped == self.step
        networks = (self.student, self.discriminator, self.recipe_modules)
        if in_vain or (many and self._guard.rate < 1) or not all(map(is_finite, networks)):
            read_losses(terms, self.images)  # says which one is not finite
            raise TrainingDivergedError(f"gradients are NaN or infinite after {self.images} images")
        if many:
            self._guard.slow_down()
            set_rate(self.discriminator_optimizer, self._guard.rate * self.config.discriminator_lr)

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to resume exactly here."""
        return {
            **{name: getattr(self, name).state_dict() for name in STATEFUL},
            "augment": {} if self.augment is None else self.augment.state_dict(),
            "scalers": [self.generator_scaler.state_dict(), self.discriminator_scaler.state_dict()],
            "recipe_state": dict(self.recipe_state),
            "noise_rng": self._noise.state,
            "guard": self._guard.state_dict(),
            "step": self.step,
            "discriminator_step": self.discriminator_step,
            "images": self.images,
            "gap": self.gap,
            "stage": self._stage,
            "losses": self.losses,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume where `state_dict` was called."""
        for name in STATEFUL:
            getattr(self, name).load_state_dict(state[name])
        for optimizer in (self.generator_optimizer, self.discriminator_optimizer):
            match_formats(optimizer)
        if self.augment is not None:
            self.augment.load_state_dict(state["augment"])
        scalers = (self.generator_scaler, self.discriminator_scaler)
        for scaler, saved in zip(scalers, state["scalers"], strict=True):
            scaler.load_state_dict(saved)
        self.recipe_state = {name: value.to(self.device) for name, value in state["recipe_state"].items()}
        self._guard.state = self.recipe_state
        self._guard.load_state_dict(state.get("guard", {}))
        self._noise.load(state["noise_rng"])
        self.step, self.discriminator_step = state["step"], state["discriminator_step"]
        self.images, self.gap = state["images"], state["gap"]
        self._stage = state.get("stage", self.recipe.stage(self._progress))  # earlier versions have none
        self.losses = dict(state["losses"])
