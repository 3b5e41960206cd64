"""Options of a search that say how students are distilled."""

from __future__ import annotations

from distill.recipes import SIMILARITY, format_similarity
from nas.config.defaults import RECIPE
from nas.options import Options, Place, Quantity, TermWeights, option
from search_spaces import Importance


class DistillationOptions(Options):
    """How students start, what they are compared with, and how the weights of the terms change."""

    recipe: str = option(
        RECIPE,
        group="distillation",
        help="How the teacher teaches: {choices}.",
        choices="distill.recipes:RECIPES",
    )
    kd_schedule: str = option(
        "cosine",
        group="distillation",
        help="How the KD weight, the weight of the teacher's terms, changes: {choices}. adaptive follows the "
        "teacher's frozen discriminator.",
        shown="by the recipe; --dry-run shows it",
        choices="distill.schedules:SHAPES",
    )
    kd_weight_start: float = option(
        1.0,
        group="distillation",
        help="KD weight at the start. For compressing-gans it is 1 - α: the paper's α weighs the critic.",
        shown="by the recipe",
    )
    kd_weight_end: float = option(
        0.0,
        group="distillation",
        help="KD weight at the end. For dgl-gan and dgl-gan-adaptive it is the paper's α; with --kd-schedule "
        "constant the weight at the start is.",
        shown="by the recipe",
    )
    kd_decay_start: float = option(
        0.6,
        group="distillation",
        help="Fraction of the training at which the KD weight starts to change.",
        shown="by the recipe",
    )
    kd_decay_end: float = option(
        1.0,
        group="distillation",
        help="Fraction of the training at which the KD weight reaches its end.",
        shown="by the recipe",
    )
    similarity_lr: float | None = option(
        None,
        group="distillation",
        gt=0,
        allow_inf_nan=False,
        help="Learning rate of the student while the teacher alone teaches; it becomes the family's as the "
        "adversarial term rises.",
        shown="0.002",
    )
    r1_gamma: float | None = option(
        None,
        group="distillation",
        ge=0,
        allow_inf_nan=False,
        help="Weight of R1, and of R2 with --adversarial relativistic, for losses that have it.",
        shown="by resolution and batch: 0.0002 · resolution² / batch size, at least 0.3",
    )
    batch_size: int = option(64, group="distillation", gt=0, help="Images a step.")
    inherit: bool = option(True, group="distillation", help="Start students from the teacher's weights.")
    importance: Importance = option(
        "magnitude",
        group="distillation",
        help="How channels are ranked when students inherit: by the size of weights and activations, or by "
        "how much images change through them when a latent moves.",
        shown="image-difference",
    )
    warm_discriminator: bool = option(
        True,
        group="distillation",
        off="--fresh-discriminator",
        shown="warm",
        help="Start discriminators from the teacher's.",
    )
    teacher_cache_size: Quantity | None = option(
        None,
        group="distillation",
        gt=0,
        help="Teacher images in the teacher cache: made once, read by all candidates. The teacher's own "
        "distance is measured on them, too.",
        shown="the images of the last rung or --fid-samples, whichever is more; at most 10k",
    )
    perceptual: Place = option(
        "",
        group="distillation",
        help="Perceptual distance between student's and teacher's images: {choices}, none, or a TorchScript "
        "file f(x, y) -> (N,).",
        shown="imagenet-lite1 for RGB images where it is installed, else none",
        choices="distill.perceptual:PERCEPTUAL",
    )
    similarity: TermWeights = option(
        format_similarity(SIMILARITY),
        group="distillation",
        help="Terms that compare student and teacher, with their weights: {choices}. Terms that are not "
        "named are left out.",
        choices="distill.recipes:SIMILARITY",
    )
    adversarial: str = option(
        "",
        group="distillation",
        help="Adversarial loss: {choices}.",
        shown="the one that the family was published with",
        choices="distill.adversarial:ADVERSARIAL_LOSSES",
    )
    adversarial_weight: float | None = option(
        1.0,
        group="distillation",
        help="Weight of the adversarial term once it is in full.",
        shown="by the recipe and the data; --dry-run shows it",
    )
    adversarial_start: float | None = option(
        0.0,
        group="distillation",
        help="Fraction of the training at which adversarial training starts; until then the teacher alone "
        "teaches, and no discriminator is trained.",
        shown="by the recipe and the data",
    )
    adversarial_full: float | None = option(
        0.0,
        group="distillation",
        help="Fraction of the training at which the adversarial term has its full weight.",
        shown="by the recipe and the data",
    )
