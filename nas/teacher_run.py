"""From what a user asks of `nas-teacher train` to a training: defaults, checks, networks, data, metric."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from distill.augment import TARGET
from distill.data import DIGITS, ImageSet, OnProgress, load_images, sample_images
from distill.errors import NonFiniteImagesError, TrainingDivergedError, TrainingError
from distill.extractors import check_extractor
from distill.fidelity import Fidelity
from distill.precision import resolve_precision
from distill.recipes import AdversarialTraining, PathLengths, make_adversarial
from distill.seeds import derive_seed
from distill.teacher_state import TeacherTraining
from distill.teacher_training import Outcome, check_place, train_teacher
from distill.trainer import TrainingConfig, channels_last_pays
from nas.budget import format_quantity
from nas.cost import COUNTER
from nas.device import choose_device
from nas.errors import SearchError
from nas.teacher_progress import TeacherProgress
from search_spaces import Architecture, Discriminator, Family, Generator, TeacherSize, check_name, get_family
from search_spaces.errors import os_reason

SIZES = ("channels_base", "channels_max", "width", "latent_dim", "mapping_layers")
AUGMENTATIONS = ("ada", "fixed", "none")
DIGITS_RESOLUTION = 16
EMA_HALF_LIFE = 10_000  # images, as published
ASKED = (
    *("data", "space", "resolution", "grey", "mirror", "batch_size", *SIZES),
    *("lr", "r1_gamma", "path_weight", "augment", "augment_p"),
    *("precision", "seed", "extractor", "fid_samples"),
)
"""Flags that must be the same when a training goes on, beside the digests of images and extractor."""
EMA_RAMPUP = 0.05  # as in StyleGAN2-ADA


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


class TeacherRun:
    """One request, checked, with its images: before `run`, at most decoded images are written."""

    def __init__(
        self, request: TeacherRequest, *, dry_run: bool = False, on_decoded: OnProgress | None = None
    ) -> None:
        """Check `request` and read its images; a dry run looks at a sample of them, and writes nothing.

        `on_decoded` is called while images are decoded, which happens once.

        Raises:
            UserError: of whatever kind fits.
        """
        self.request = request
        check_name(request.output)
        self.family = get_family(request.space)
        self.size = _size(request, self.family)
        self.family.teacher(replace(self.size, classes=1))  # refuse what can be before images are read
        self.training = _training(request, self.family, self.size)
        check_place(self.training)
        if request.fid_samples:
            check_extractor(_extractor(self.request), request.extractor_weights)
        self.data = self._images(dry_run, on_decoded)
        self.size = replace(self.size, classes=len(self.data.classes))
        self.architecture: Architecture = self.family.teacher(self.size)

    def lines(self) -> list[str]:
        """What is about to be trained, a line each."""
        request, architecture, training = self.request, self.architecture, self.training
        space = self.family.space(architecture)
        macs, params = format_quantity(space.macs(architecture)), format_quantity(space.params(architecture))
        config = training.config
        augment = {"ada": f"adaptive, r_t {TARGET:g}", "fixed": f"fixed, p {request.augment_p:g}"}
        mirrored = " and mirrored" if config.mirror else ""
        parts = f", {config.micro_batch} at a time" if config.micro_batch else ""
        options = [name for name in ("compile", "checkpoint_activations") if getattr(config, name)]
        return [
            f"Generator: {architecture}; {macs} MACs ({COUNTER}), {params} parameters",
            f"Data: {self.data.name}, {self.data.found or len(self.data)} images{mirrored}",
            *(f"Skipped {skipped}" for skipped in self.data.skipped),
            f"Training: {format_quantity(config.images)} images in batches of {config.batch_size}{parts}, "
            f"{self._game()}, augmentation {augment.get(training.augment, 'none')}",
            f"On {training.device}, " + ", ".join([config.precision, *options]),
            f"FID: {self._metric()}",
            f"Writes {training.output}, and every {format_quantity(training.snapshot)} images a snapshot in "
            f"{training.folder}",
        ]

    def _game(self) -> str:
        """How the two networks play, in a few words."""
        config, published, asked = self.training.config, self.family.training, self.training.settings
        rates = dict.fromkeys((f"{config.generator_lr:g}", f"{config.discriminator_lr:g}"))
        words = [f"lr {' and '.join(rates)}", f"{published.adversarial} loss"]
        if published.r1_gamma is not None:
            words.append(f"R1 {asked['--r1-gamma']}")
        if published.critic_steps > 1:
            words.append(f"{published.critic_steps} critic steps")
        if float(asked["--path-weight"]):
            words.append(f"path lengths {asked['--path-weight']}")
        return ", ".join(words)

    def settings(self) -> dict[str, Any]:
        """The request with everything resolved, as JSON values."""
        space, training = self.family.space(self.architecture), self.training
        resolved = _resolved(self.request, self.family, self.size)
        asked: dict[str, Any] = asdict(resolved) | asdict(training.config)
        asked |= {"output": str(training.output), "folder": str(training.folder), "device": training.device}
        asked |= {"extractor": _extractor(self.request), "resolution": self.size.resolution}
        asked["extractor_weights"] = asked["extractor_weights"] and str(asked["extractor_weights"])
        costs = {"macs": space.macs(self.architecture), "params": space.params(self.architecture)}
        return asked | costs | {"counter": COUNTER, "architecture": self.architecture.to_json()}

    def run(self, progress: TeacherProgress) -> Outcome:
        """Train, or go on with a training that was stopped.

        Raises:
            UserError: the request can't be carried out.
            SearchError: the training failed.
        """
        generator, discriminator = self._networks()
        fidelity = self._fidelity()
        try:
            return train_teacher(
                self.training,
                generator,
                discriminator,
                self.data,
                fidelity,
                on_start=progress.started,
                on_step=progress.stepped,
                on_snapshot=progress.measured,
                stop=progress.stop,
            )
        except (TrainingDivergedError, NonFiniteImagesError) as error:
            raise SearchError(
                f"{error}: a lower --lr, a higher --r1-gamma or --precision fp32 may help"
            ) from error
        except OSError as error:
            raise SearchError(f"{self.training.folder} can't be written ({os_reason(error)})") from error

    def _images(self, dry_run: bool, on_decoded: OnProgress | None) -> ImageSet:
        source, side, channels = self.request.data, self.size.resolution, self.size.image_channels
        if dry_run:
            return sample_images(source, side, channels)
        cache = self.training.folder / "cache"
        return load_images(source, side, channels, cache=cache, on_progress=on_decoded)

    def _networks(self) -> tuple[Generator, Discriminator]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(self.request.seed, "teacher"))
            critic = self.family.default_discriminator(self.architecture)
            return self.family.build(self.architecture), self.family.build_discriminator(critic)

    def _fidelity(self) -> Fidelity | None:
        if not self.request.fid_samples:
            return None
        return Fidelity(
            self.data,
            _extractor(self.request),
            weights=self.request.extractor_weights,
            cache=self.training.folder / "fidelity",
            device=self.training.device,
        )

    def _metric(self) -> str:
        samples = self.request.fid_samples
        return (
            f"{format_quantity(samples)} samples, {_extractor(self.request)} features" if samples else "none"
        )


def _size(request: TeacherRequest, family: Family) -> TeacherSize:
    asked = {name: getattr(request, name) for name in SIZES if getattr(request, name) is not None}
    for name in asked.keys() - family.sized_by:
        flags = ", ".join(f"--{known.replace('_', '-')}" for known in sorted(family.sized_by))
        raise TrainingError(
            f"--{name.replace('_', '-')} {asked[name]}: --space {family.name} has no such size: give {flags}"
        )
    resolution = request.resolution or (DIGITS_RESOLUTION if request.data == DIGITS else 0)
    if not resolution:
        raise TrainingError(f"--data {request.data}: give the --resolution to train at, too, such as 256")
    return TeacherSize(
        resolution,
        1 if request.grey or request.data == DIGITS else 3,
        **asked,
    )


def _resolved(request: TeacherRequest, family: Family, size: TeacherSize) -> TeacherRequest:
    """With everything that depends on something else: family, size and device."""
    published, gamma, weight = family.training, request.r1_gamma, request.path_weight
    usual = published.r1_gamma
    return replace(
        request,
        **{name: getattr(size, name) for name in SIZES},
        resolution=size.resolution,
        grey=size.image_channels == 1,
        lr=request.lr or published.generator_lr,
        r1_gamma=usual(size.resolution, request.batch_size) if gamma is None and usual else gamma,
        path_weight=published.path_weight if weight is None else weight,
        augment=request.augment or published.augment,
        precision=resolve_precision(request.precision, choose_device(request.device)),
        extractor=_extractor(request) if request.fid_samples else None,
    )


def _training(request: TeacherRequest, family: Family, size: TeacherSize) -> TeacherTraining:
    if request.fid_samples == 1:
        raise TrainingError("--fid-samples 1: an FID needs at least 2 samples, better thousands; 0 is none")
    resolved, published = _resolved(request, family, size), family.training
    _check_game(request, family)
    assert resolved.path_weight is not None
    assert resolved.augment is not None
    game = make_adversarial(published.adversarial, resolved.r1_gamma, published.critic_steps)
    if resolved.augment == "ada" and not game.decides:
        raise TrainingError(
            f"--augment ada: it follows the critic's decisions, and there are none in a "
            f"{published.adversarial} game: give fixed or none"
        )
    return TeacherTraining(
        output=request.output,
        name=request.name or request.output.stem,
        family=family.name,
        config=TrainingConfig(
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
        ),
        recipe=AdversarialTraining(game, PathLengths(resolved.path_weight)),
        augment=resolved.augment,
        augment_p=request.augment_p,
        snapshot=request.snapshot,
        fid_samples=request.fid_samples,
        device=choose_device(request.device),
        settings=_settings(resolved),
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


def _settings(request: TeacherRequest) -> dict[str, str]:
    """The flags that say what is trained, as one would type them."""
    asked = [name for name in ASKED if name != "augment_p" or request.augment == "fixed"]
    return {f"--{name.replace('_', '-')}": _typed(getattr(request, name)) for name in asked}


def _typed(value: object) -> str:
    words = {True: "on", False: "off", None: "none"}
    return words[value] if isinstance(value, bool | None) else str(value)


def _extractor(request: TeacherRequest) -> str:
    return request.extractor or ("digits" if request.data == DIGITS else "inception")
