"""What a user asks of `nas-teacher train`, and the training that it is: defaults and checks."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from distill.adversarial import make_adversarial
from distill.data import DIGITS
from distill.errors import TrainingError
from distill.recipes import AdversarialTraining, PathLengths
from distill.teachers import TeacherTraining
from distill.training import (
    TrainingConfig,
    channels_last_pays,
    check_activation_checkpointing,
    check_parts_are_whole,
    resolve_precision,
)
from nas.budget import format_quantity
from nas.device import choose_device
from search_spaces import Family, TeacherSize

SIZES = ("channels_base", "channels_max", "width", "latent_dim", "mapping_layers")
DIGITS_RESOLUTION = 16
STATE = 20  # bytes of a parameter in training, float32: weight, average, gradient, Adam's two moments
EMA_HALF_LIFE = 10_000  # images, as published for StyleGAN2
EMA_RAMPUP = 0.05  # as in StyleGAN2-ADA
ASKED = (
    *("data", "space", "resolution", "grey", "mirror", "batch_size", *SIZES),
    *("lr", "r1_gamma", "path_weight", "augment", "augment_p"),
    *("precision", "seed", "extractor", "fid_samples"),
)
"""Flags that must be the same when a training goes on, beside the digests of images and extractor."""


@dataclass(frozen=True)
class TeacherRequest:
    """The flags of `nas-teacher train`, by their names."""

    data: str
    output: Path
    space: str
    resolution: int | None
    grey: bool
    mirror: bool
    name: str
    images: int
    batch_size: int
    micro_batch: int
    channels_base: int | None
    channels_max: int | None
    width: int | None
    latent_dim: int | None
    mapping_layers: int | None
    lr: float | None
    r1_gamma: float | None
    path_weight: float | None
    augment: str | None
    augment_p: float
    precision: str
    compile: bool
    checkpoint_activations: bool
    device: str
    seed: int
    snapshot: int
    extractor: str | None
    extractor_weights: Path | None
    fid_samples: int


def size_of(request: TeacherRequest, family: Family) -> TeacherSize:
    """How big the networks are to be, of no classes yet: these are the images'.

    Raises:
        TrainingError: a size is asked for that the family has not, or none of the images.
    """
    asked = {name: getattr(request, name) for name in SIZES if getattr(request, name) is not None}
    for name in asked.keys() - family.sized_by:
        raise TrainingError(
            f"{_flag(name)} {asked[name]}: --space {family.name} has no such size: give {_size_flags(family)}"
        )
    resolution = request.resolution or (DIGITS_RESOLUTION if request.data == DIGITS else 0)
    if not resolution:
        raise TrainingError(f"--data {request.data}: give the --resolution to train at, too, such as 256")
    return TeacherSize(
        resolution,
        1 if request.grey or request.data == DIGITS else 3,
        **asked,
    )


def resolved(request: TeacherRequest, family: Family, size: TeacherSize) -> TeacherRequest:
    """`request` with everything that depends on something else: family, size and device.

    The learning rate stays None when it is as published: the two networks may have one each.
    """
    published, gamma, weight = family.training, request.r1_gamma, request.path_weight
    usual = published.r1_gamma
    return replace(
        request,
        **{name: getattr(size, name) for name in family.sized_by},
        resolution=size.resolution,
        grey=size.image_channels == 1,
        r1_gamma=usual(size.resolution, request.batch_size) if gamma is None and usual else gamma,
        path_weight=published.path_weight if weight is None else weight,
        augment=request.augment or published.augment,
        precision=resolve_precision(request.precision, choose_device(request.device)),
        extractor=extractor_of(request) if request.fid_samples else None,
    )


def training_of(request: TeacherRequest, family: Family, size: TeacherSize) -> TeacherTraining:
    """The training that is asked for.

    Raises:
        TrainingError: it is none that networks of this family can have.
    """
    if request.fid_samples == 1:
        raise TrainingError("--fid-samples 1: an FID needs at least 2 samples, better thousands; 0 is none")
    asked, published = resolved(request, family, size), family.training
    _check_game(request, family)
    _check_memory(request, family, size)
    assert asked.path_weight is not None
    assert asked.augment is not None
    loss = make_adversarial(published.adversarial, asked.r1_gamma, published.discriminator_steps)
    if asked.augment == "ada" and not loss.sign_is_verdict:
        raise TrainingError(
            f"--augment ada: it follows the critic's decisions, and there are none in a "
            f"{published.adversarial} game: give fixed or none"
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
        micro_batch=request.micro_batch,
        precision=resolve_precision(request.precision, choose_device(request.device)),
        channels_last=channels_last_pays(size.resolution),
        compile=request.compile,
        checkpoint_activations=request.checkpoint_activations,
    )
    return TeacherTraining(
        output=request.output,
        name=request.name or request.output.stem,
        family=family.name,
        config=config,
        recipe=AdversarialTraining(loss, PathLengths(asked.path_weight)),
        augment=asked.augment,
        augment_p=request.augment_p,
        snapshot=request.snapshot,
        fid_samples=request.fid_samples,
        device=choose_device(request.device),
        settings=_settings(asked, family, config),
    )


def _check_game(request: TeacherRequest, family: Family) -> None:
    """Raise TrainingError for terms that the family's training has not."""
    published = family.training
    for flag, asked, known in (
        ("r1-gamma", request.r1_gamma, published.r1_gamma),
        ("path-weight", request.path_weight, published.path_weight),
    ):
        if asked and not known:
            raise TrainingError(f"--{flag} {asked:g}: --space {family.name} has no such term: leave it out")


def _check_memory(request: TeacherRequest, family: Family, size: TeacherSize) -> None:
    """Raise TrainingError for networks that can't be held, or ways to need less that they can't have."""
    architecture = family.teacher(replace(size, classes=1))
    params = family.space(architecture).params(architecture)
    needed, there = STATE * params, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise TrainingError(
            f"a generator of {format_quantity(params)} parameters takes at least {needed / 1e9:,.0f} GB to "
            f"train, this machine has {there / 1e9:,.0f}: give less by {_size_flags(family)}"
        )
    if not (request.micro_batch or request.checkpoint_activations):
        return
    with torch.device("meta"):  # its make-up alone, without weights
        generator = family.build(architecture)
    check_parts_are_whole(generator, request.micro_batch, request.batch_size)
    check_activation_checkpointing(generator, request.checkpoint_activations)


def _settings(request: TeacherRequest, family: Family, config: TrainingConfig) -> dict[str, str]:
    """The flags that say what is trained, as one would type them; of rates, those that are trained with."""
    unknown = not_sized_by(family) | ({"augment_p"} if request.augment != "fixed" else set())
    asked = {name: _typed(getattr(request, name)) for name in ASKED if name not in unknown}
    return {_flag(name): value for name, value in (asked | {"lr": rates(config)}).items()}


def not_sized_by(family: Family) -> set[str]:
    """Sizes that networks of this family have not."""
    return set(SIZES) - family.sized_by


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _size_flags(family: Family) -> str:
    return ", ".join(_flag(name) for name in sorted(family.sized_by))


def rates(config: TrainingConfig) -> str:
    """The learning rates of generator and discriminator; one where they are the same."""
    return " and ".join(dict.fromkeys((str(config.generator_lr), str(config.discriminator_lr))))


def _typed(value: object) -> str:
    words = {True: "on", False: "off", None: "none"}
    return words[value] if isinstance(value, bool | None) else str(value)


def extractor_of(request: TeacherRequest) -> str:
    """Name or file of the network whose features an FID compares."""
    return request.extractor or ("digits" if request.data == DIGITS else "inception")
