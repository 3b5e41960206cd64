"""From the options of `nas-teacher train` to a training: defaults and checks."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from pydantic import BaseModel

from distill.adversarial import make_adversarial
from distill.data import DIGITS
from distill.errors import TrainingError
from distill.recipes import TEACHER_RECIPES, AdversarialTraining, PathLengths
from distill.tasks import UnpairedTask, get_task
from distill.teachers import TeacherTraining
from distill.training import (
    AUTO,
    Precision,
    TrainingConfig,
    channels_last_pays,
    check_activation_checkpointing,
    check_batch_statistics,
    check_micro_batch,
    resolve_precision,
)
from nas.budget import format_quantity
from nas.device import choose_device
from nas.options import flag_of, validated
from nas.teacher.options import TeacherRequest
from search_spaces import Architecture, Family

DIGITS_RESOLUTION = 16
STATE = 20  # bytes of a parameter in training, float32: weight, average, gradient, Adam's two moments
EMA_HALF_LIFE = 10_000  # images, as published for StyleGAN2
EMA_RAMPUP = 0.05  # as in StyleGAN2-ADA
ASKED = (
    *("data", "task", "direction", "attributes"),
    *("space", "resolution", "grey", "mirror", "crop", "batch_size"),
    *("lr", "r1_gamma", "path_weight", "augment", "augment_p"),
    *("precision", "seed", "extractor", "fid_samples"),
)
"""Options that must be the same when a training is resumed, beside the digests of images and extractor."""


@dataclass(frozen=True)
class TeacherShape:
    """Architecture of the networks to train, except for their number of classes."""

    family: Family
    options: BaseModel  # of the family
    resolution: int  # px
    image_channels: int

    def architecture(self, classes: int) -> Architecture:
        """The generator, for images of `classes` classes.

        Raises:
            ArchitectureError: the family has no such architecture.
        """
        return self.family.teacher(self.options, self.resolution, self.image_channels, classes)

    @property
    def flags(self) -> str:
        """The flags that set the size of the networks."""
        options = type(self.options)
        return ", ".join(flag_of(options, name) for name in sorted(options.model_fields))


def shape_of(request: TeacherRequest, family: Family) -> TeacherShape:
    """The shape of the networks that `request` asks for.

    Raises:
        TrainingError: the family has no such size, or the resolution is missing.
        ConfigError: a size is out of its range.
    """
    known = family.options.model_fields
    for name in request.sizes.keys() - known.keys():
        flags = ", ".join(flag_of(family.options, each) for each in sorted(known)) or "none"
        raise TrainingError(
            f"{flag_of(family.options, name)} {request.sizes[name]}: --space {family.name} has no such size: "
            f"give {flags}"
        )
    resolution = request.resolution or (DIGITS_RESOLUTION if request.data == DIGITS else 0)
    if not resolution:
        raise TrainingError(f"--data {request.data}: give the --resolution to train at, too, such as 256")
    options = validated(family.options, request.sizes)
    return TeacherShape(family, options, resolution, 1 if request.grey or request.data == DIGITS else 3)


def resolved(request: TeacherRequest, shape: TeacherShape) -> TeacherRequest:
    """`request` with the defaults that depend on family, size and device.

    The learning rate stays None for the published ones, which may differ between the networks.
    """
    published, gamma, weight = shape.family.training, request.r1_gamma, request.path_weight
    default = published.r1_gamma
    return request.model_copy(
        update={
            "sizes": shape.options.model_dump(),
            "resolution": shape.resolution,
            "grey": shape.image_channels == 1,
            "r1_gamma": default(shape.resolution, request.batch_size) if gamma is None and default else gamma,
            "path_weight": published.path_weight if weight is None else weight,
            "augment": request.augment or published.augment,
            "precision": _precision(request, shape.family),
            "extractor": request.extractor if request.fid_samples else None,
        }
    )


def training_of(request: TeacherRequest, shape: TeacherShape) -> TeacherTraining:
    """The training that `request` asks for.

    Raises:
        TrainingError: networks of this family can't be trained so.
    """
    if request.fid_samples == 1:
        raise TrainingError("--fid-samples 1: give at least 2, better thousands, or 0 for no FID")
    check_micro_batch(request.micro_batch or 0, request.batch_size)
    family = shape.family
    asked, published = resolved(request, shape), family.training
    _check_terms(request, family)
    _check_memory(request, shape)
    task = get_task(family, request.task).name
    recipe = TEACHER_RECIPES.get(task, AdversarialTraining)
    if task == UnpairedTask.name:
        _check_both_directions(request)
    assert asked.path_weight is not None
    assert asked.augment is not None
    adversarial = make_adversarial(published.adversarial, asked.r1_gamma, published.discriminator_steps)
    if asked.augment == "ada" and not adversarial.sign_classifies:
        raise TrainingError(
            f"--augment ada: it follows the discriminator's decisions, and with the "
            f"{published.adversarial} loss there are none: give fixed or none"
        )
    config = TrainingConfig(
        images=request.images,
        batch_size=request.batch_size,
        generator_lr=request.lr or published.generator_lr,
        discriminator_lr=request.lr or published.discriminator_lr,
        betas=published.betas,
        ema_half_life=EMA_HALF_LIFE,
        ema_rampup=EMA_RAMPUP,
        mirror=request.mirror,
        seed=request.seed,
        micro_batch=request.micro_batch or 0,
        precision=_precision(request, family),
        channels_last=channels_last_pays(shape.resolution),
        compile=request.compile,
        checkpoint_activations=request.checkpoint_activations,
    )
    return TeacherTraining(
        output=request.output,
        name=request.name or request.output.stem,
        family=family.name,
        config=config,
        recipe=recipe(adversarial, PathLengths(asked.path_weight)),
        augment=asked.augment,
        augment_p=request.augment_p,
        snapshot=request.snapshot,
        keep_snapshots=request.keep_snapshots,
        fid_samples=request.fid_samples,
        device=choose_device(request.device),
        settings=_settings(asked, config),
    )


def _precision(request: TeacherRequest, family: Family) -> Precision:
    """What networks compute in; a training of both directions is in fp32."""
    if get_task(family, request.task).name == UnpairedTask.name:
        return "fp32"
    return resolve_precision(request.precision, choose_device(request.device))


def _check_both_directions(request: TeacherRequest) -> None:
    """Raise TrainingError for options that a training of both directions does not know."""
    known: dict[str, bool] = {
        "augment": request.augment not in (None, "none"),
        "micro-batch": bool(request.micro_batch),
        "precision": request.precision not in (AUTO, "fp32"),
        "compile": request.compile,
        "checkpoint-activations": request.checkpoint_activations,
    }
    for flag in (flag for flag, asked in known.items() if asked):
        raise TrainingError(
            f"--{flag}: unpaired teachers are trained in both directions, without it: leave it out"
        )


def _check_terms(request: TeacherRequest, family: Family) -> None:
    """Raise TrainingError for weights of terms that the family's training does not have."""
    published = family.training
    for flag, asked, known in (
        ("r1-gamma", request.r1_gamma, published.r1_gamma),
        ("path-weight", request.path_weight, published.path_weight),
    ):
        if asked and not known:
            raise TrainingError(f"--{flag} {asked:g}: --space {family.name} has no such term: leave it out")


def _check_memory(request: TeacherRequest, shape: TeacherShape) -> None:
    """Raise TrainingError for networks that do not fit into memory, or unsuitable ways to save memory."""
    family, architecture = shape.family, shape.architecture(classes=1)
    params = family.space(architecture).params(architecture)
    needed, there = STATE * params, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise TrainingError(
            f"a generator of {format_quantity(params)} parameters takes at least {needed / 1e9:,.0f} GB to "
            f"train, this machine has {there / 1e9:,.0f}: give less by {shape.flags}"
        )
    if not (request.micro_batch or request.checkpoint_activations):
        return
    with torch.device("meta"):  # structure without weights
        generator = family.build(architecture)
    check_batch_statistics(generator, request.micro_batch or 0, request.batch_size)
    check_activation_checkpointing(generator, request.checkpoint_activations)


def _settings(request: TeacherRequest, config: TrainingConfig) -> dict[str, str]:
    """The flags that define the training, as a user would type them, with the rates in use."""
    unknown = {"augment_p"} if request.augment != "fixed" else set()
    asked = {name: getattr(request, name) for name in ASKED if name not in unknown}
    values = {name: _typed(value) for name, value in (asked | dict(request.sizes)).items()}
    return {_flag(name): value for name, value in (values | {"lr": rates(config)}).items()}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def rates(config: TrainingConfig) -> str:
    """The learning rates of generator and discriminator, or one if they are equal."""
    return " and ".join(dict.fromkeys((str(config.generator_lr), str(config.discriminator_lr))))


def _typed(value: object) -> str:
    words = {True: "on", False: "off", None: "none"}
    return words[value] if isinstance(value, bool | None) else str(value)
