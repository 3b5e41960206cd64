"""One call of `nas-teacher train`: images, networks and metric of what was asked for, and the training."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from distill.data import ImageSet, load_images, sample_images
from distill.errors import NonFiniteImagesError, TrainingDivergedError
from distill.evaluation import Fidelity, check_extractor
from distill.memory import is_out_of_memory
from distill.progress import OnProgress
from distill.seeds import derive_seed
from distill.teachers import Outcome, check_place, rehearse, train_teacher
from distill.training import TARGET
from nas.budget import COUNTER, format_quantity
from nas.errors import SearchError
from nas.teacher.options import TeacherRequest
from nas.teacher.progress import TeacherProgress
from nas.teacher.request import (
    extractor_of,
    rates,
    resolved,
    shape_of,
    training_of,
)
from search_spaces import Architecture, Discriminator, Generator, check_name, get_family, os_reason


class TeacherRun:
    """One request, checked, with its images: before `run`, at most decoded images are written."""

    def __init__(
        self, request: TeacherRequest, *, dry_run: bool = False, on_progress: OnProgress | None = None
    ) -> None:
        """Check `request` and read its images; a dry run looks at a sample of them, and writes nothing.

        `on_progress` receives the images decoded so far and of all; that happens once.

        Raises:
            UserError: of whatever kind fits.
        """
        self.request = request
        check_name(request.output)
        self.family = get_family(request.space)
        self.shape = shape_of(request, self.family)
        self.shape.architecture(classes=1)  # refuse what can be before images are read
        self.training = training_of(request, self.shape)
        rehearse(self.training) if dry_run else check_place(self.training)
        if request.fid_samples:
            check_extractor(extractor_of(self.request), request.extractor_weights)
        self.data = self._images(dry_run, on_progress)
        self.architecture: Architecture = self.shape.architecture(len(self.data.classes))

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
            f"Data: {self.data.name}, {self.data.found or len(self.data)} images{mirrored} "
            f"({self.data.format})",
            *(f"Skipped {skipped}" for skipped in self.data.skipped),
            f"Training: {format_quantity(config.images)} images in batches of {config.batch_size}{parts}, "
            f"{self._adversarial()}, augmentation {augment.get(training.augment, 'none')}",
            f"On {training.device}, " + ", ".join([config.precision, *options]),
            f"FID: {self._metric()}",
            f"Writes {training.output}, and every {format_quantity(training.snapshot)} images a snapshot in "
            f"{training.folder}",
        ]

    def _adversarial(self) -> str:
        """The adversarial training in a few words: rates, loss, regularisation."""
        config, published, asked = self.training.config, self.family.training, self.training.settings
        words = [f"lr {rates(config)}", f"{published.adversarial} loss"]
        if published.r1_gamma is not None:
            words.append(f"R1 {asked['--r1-gamma']}")
        if published.discriminator_steps > 1:
            words.append(f"{published.discriminator_steps} discriminator steps")
        if float(asked["--path-weight"]):
            words.append(f"path lengths {asked['--path-weight']}")
        return ", ".join(words)

    def settings(self) -> dict[str, Any]:
        """The request with everything resolved, as JSON values; sizes of networks by their names."""
        space, training = self.family.space(self.architecture), self.training
        asked: dict[str, Any] = resolved(self.request, self.shape).model_dump()
        asked |= asked.pop("sizes") | asdict(training.config)
        asked |= {"output": str(training.output), "folder": str(training.folder), "device": training.device}
        asked |= {"extractor": extractor_of(self.request), "resolution": self.shape.resolution}
        asked["extractor_weights"] = asked["extractor_weights"] and str(asked["extractor_weights"])
        costs = {"macs": space.macs(self.architecture), "params": space.params(self.architecture)}
        return asked | costs | {"counter": COUNTER, "architecture": self.architecture.to_json()}

    def run(self, progress: TeacherProgress) -> Outcome:
        """Train, or resume a training that was stopped.

        Raises:
            UserError: the request can't be carried out.
            SearchError: the training failed.
        """
        generator, discriminator = self._networks()
        fidelity = self._fidelity(progress.waited)

        def started(images: int) -> None:
            progress.found(images)
            if fidelity is not None and images < self.training.config.images:
                fidelity.prepare(["fid"])
            progress.started(images)

        try:
            return train_teacher(
                self.training,
                generator,
                discriminator,
                self.data,
                fidelity,
                on_start=started,
                on_step=progress.stepped,
                on_snapshot=progress.measured,
                stop=progress.stop,
            )
        except (TrainingDivergedError, NonFiniteImagesError) as error:
            raise SearchError(
                f"{error}: a lower --lr, a higher --r1-gamma or --precision fp32 may help"
            ) from error
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            parts = "" if generator.uses_batch_statistics else " or --micro-batch"
            raise SearchError(f"memory ran out: a smaller --batch-size{parts} needs less") from error
        except OSError as error:
            raise SearchError(f"{self.training.folder} can't be written ({os_reason(error)})") from error

    def _images(self, dry_run: bool, on_progress: OnProgress | None) -> ImageSet:
        source, side, channels = self.request.data, self.shape.resolution, self.shape.image_channels
        if dry_run:
            return sample_images(source, side, channels)
        cache = self.training.folder / "cache"
        return load_images(source, side, channels, cache=cache, on_progress=on_progress)

    def _networks(self) -> tuple[Generator, Discriminator]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(self.request.seed, "teacher"))
            discriminator = self.family.default_discriminator(self.architecture)
            return self.family.build(self.architecture), self.family.build_discriminator(discriminator)

    def _fidelity(self, on_progress: OnProgress) -> Fidelity | None:
        if not self.request.fid_samples:
            return None
        return Fidelity(
            self.data,
            extractor_of(self.request),
            weights=self.request.extractor_weights,
            cache=self.training.folder / "fidelity",
            device=self.training.device,
            metrics=(),  # first see whether the training is the one in the folder
            on_progress=on_progress,
        )

    def _metric(self) -> str:
        samples = self.request.fid_samples
        return (
            f"{format_quantity(samples)} samples, {extractor_of(self.request)} features"
            if samples
            else "none"
        )
