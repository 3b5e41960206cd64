"""How long a training lasts and how it computes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from distill.errors import TrainingError
from distill.recipes import Recipe
from distill.training.micro_batches import check_micro_batch
from distill.training.precision import PRECISIONS, Precision


@dataclass(frozen=True)
class TrainingConfig:
    """Length, optimizers and arithmetic of a training; the defaults are StyleGAN2's, shortened."""

    images: int  # real images shown in the whole training; schedules run along it
    batch_size: int = 64
    generator_lr: float = 2e-3
    discriminator_lr: float = 2e-3
    similarity_lr: float | None = None  # generator's, while its adversarial weight is 0; None: `generator_lr`
    lr_decay_start: float = 1.0  # fraction of the training: from there both rates fall linearly to 0
    betas: tuple[float, float] = (0.0, 0.99)  # of Adam
    ema_half_life: int = 2_000  # images
    ema_rampup: float = 0.1  # the half-life is at most this fraction of the images seen so far
    mirror: bool = False
    seed: int = 0
    micro_batch: int = 0  # images that are in memory at a time; 0 is the whole batch
    precision: Precision = "fp32"  # of the networks' arithmetic; weights, losses and penalties are fp32
    channels_last: bool = False  # memory format of convolutions: see `channels_last_pays`
    compile: bool = False  # torch.compile of both networks: a minute at the start, faster steps after it
    checkpoint_activations: bool = False  # recompute the student's in the backward pass: less memory

    def __post_init__(self) -> None:
        """Raise TrainingError for settings that exclude each other or do not exist."""
        if self.precision not in PRECISIONS:
            raise TrainingError(f"--precision {self.precision}: choose one of {', '.join(PRECISIONS)}")
        check_micro_batch(self.micro_batch, self.batch_size)
        if not 0 <= self.lr_decay_start <= 1:
            raise TrainingError(
                f"learning rates that fall from {self.lr_decay_start:g} of the training on: give a fraction "
                "from 0 to 1"
            )

    def rate(self, progress: float) -> float:
        """Factor of both learning rates at `progress`, the fraction of the training done, in [0, 1]."""
        if progress <= self.lr_decay_start:
            return 1.0
        return (1 - progress) / (1 - self.lr_decay_start)


def step_images(recipe: Recipe, batch_size: int, progress: float) -> int:
    """Images of a step at `progress` in [0, 1]: real ones shown, or generated where none is shown."""
    return max(1, recipe.discriminator_steps(progress)) * batch_size


def student_rate(recipe: Recipe, config: TrainingConfig, progress: float) -> float:
    """The student's learning rate: from `similarity_lr` to `generator_lr` as the adversarial weight rises.

    From `lr_decay_start` on it falls.
    """
    if config.similarity_lr is None:
        return config.rate(progress) * config.generator_lr
    final = recipe.adversarial_weight(1.0)
    fraction = recipe.adversarial_weight(progress) / final if final > 0 else 0.0
    rate = config.similarity_lr + fraction * (config.generator_lr - config.similarity_lr)
    return config.rate(progress) * rate


def images_in_whole_steps(recipe: Recipe, batch_size: int, images: int, until: int) -> int:
    """Images seen by a training of `images` images when it stops at `until`: at least that many."""
    return sum(size * count for size, count, _ in step_phases(recipe, batch_size, images, until))


def step_phases(recipe: Recipe, batch_size: int, images: int, until: int) -> Iterator[tuple[int, int, bool]]:
    """The steps of a training of `images` images until it has seen `until`, in runs of equal ones.

    A recipe turns its discriminator on or off for good, so the end of a run is found by bisection: a
    training of a trillion images takes no longer to plan than one of a thousand.

    Yields:
        Images of a step, how many of these steps, and whether a discriminator is trained in them.
    """
    seen = 0
    while seen < until:
        size = step_images(recipe, batch_size, min(1.0, seen / images))
        trained = recipe.discriminator_steps(min(1.0, seen / images)) > 0
        start = seen

        def differs(step: int, start: int = start, size: int = size, trained: bool = trained) -> bool:
            progress = min(1.0, (start + step * size) / images)
            other = recipe.discriminator_steps(progress) > 0
            return other != trained or step_images(recipe, batch_size, progress) != size

        left = -(-(until - seen) // size)
        count = bisect_left(range(left), True, lo=1, key=differs)
        yield size, count, trained
        seen += size * count


def channels_last_pays(resolution: int) -> bool:
    """Whether to train images of `resolution` in the channels-last memory format (docs/benchmarks.md).

    On a CPU in float32 it makes a step 1.2 to 1.3 times as fast. Below 32 px it stays off, because it would
    change the published results of the digits in their last bits and save seconds only.
    """
    return resolution >= 32
