"""The training loop and its parts: optimizers, precision, micro-batches, averaging, augmentation."""

from distill.training.activation_checkpointing import check_activation_checkpointing
from distill.training.augmentation import TARGET, Augment
from distill.training.config import (
    TrainingConfig,
    channels_last_pays,
    images_in_whole_steps,
    step_images,
    step_phases,
)
from distill.training.cycle_gan import CycleGanTrainer, CycleWeights
from distill.training.loss_log import LossLog
from distill.training.micro_batches import check_batch_statistics, check_micro_batch
from distill.training.precision import AUTO, Precision, check_precision, resolve_precision
from distill.training.readings import Progress
from distill.training.teaching import Teaching
from distill.training.trainer import Trainer

__all__ = [
    "AUTO",
    "TARGET",
    "Augment",
    "CycleGanTrainer",
    "CycleWeights",
    "LossLog",
    "Precision",
    "Progress",
    "Teaching",
    "Trainer",
    "TrainingConfig",
    "channels_last_pays",
    "check_activation_checkpointing",
    "check_batch_statistics",
    "check_micro_batch",
    "check_precision",
    "images_in_whole_steps",
    "resolve_precision",
    "step_images",
    "step_phases",
]
