"""What trains a teacher: one generator against one discriminator, or a CycleGAN in both directions."""

from __future__ import annotations

import torch

from distill.seeds import derive_seed
from distill.tasks import Task, UnpairedTask
from distill.teachers.training_state import TeacherTraining
from distill.training import Augment, CycleGanTrainer, Trainer
from search_spaces import Discriminator, Generator, get_family


def make_trainer(
    training: TeacherTraining, generator: Generator, discriminator: Discriminator, task: Task
) -> Trainer | CycleGanTrainer:
    """The trainer of `generator` and `discriminator` on `task`; an unpaired one takes both directions."""
    if task.name == UnpairedTask.name:
        reverse = _reverse(training, generator, discriminator)
        return CycleGanTrainer(
            generator,
            *reverse,
            discriminator,
            training.recipe,
            task,
            training.config,
            device=training.device,
        )
    augment = {"ada": Augment.adaptive(), "fixed": Augment(training.augment_p)}.get(training.augment)
    return Trainer(
        generator,
        discriminator,
        training.recipe,
        task,
        training.config,
        augment=augment,
        device=training.device,
    )


def _reverse(
    training: TeacherTraining, generator: Generator, discriminator: Discriminator
) -> tuple[Generator, Discriminator]:
    """Networks of the same architectures for the other direction, with random weights of their own."""
    family = get_family(training.family)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(training.config.seed, "reverse"))
        return family.build(generator.architecture), family.build_discriminator(discriminator.architecture)
