"""One call of `nas-teacher train`: the resolved request, its images, networks and metric, the training."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch

from distill.data import ImageSet, check_batch, image_remarks
from distill.errors import NonFiniteImagesError, TrainingDivergedError, TrainingError
from distill.evaluation import (
    ExtractorChoice,
    Fidelity,
    check_domain,
    choose_extractor,
    distance_name,
    domain_warnings,
    extractor_line,
)
from distill.memory import is_out_of_memory
from distill.progress import OnProgress
from distill.seeds import derive_seed
from distill.tasks import Task, get_task
from distill.teachers import (
    Outcome,
    TeacherTraining,
    check_place,
    check_training,
    recorded_extractor,
    train_teacher,
)
from distill.training import TARGET
from nas.budget import COUNTER, format_quantity
from nas.errors import SearchError
from nas.progress import TeacherProgress
from nas.teacher.options import TeacherRequest
from nas.teacher.request import (
    TeacherShape,
    rates,
    resolved,
    shape_of,
    training_of,
)
from search_spaces import (
    Architecture,
    ArchitectureError,
    Discriminator,
    Family,
    Generator,
    check_name,
    get_family,
    os_reason,
)


@dataclass(frozen=True)
class TeacherRun:
    """One request, resolved and checked, with its task on the images; `prepare` makes it."""

    request: TeacherRequest
    family: Family
    shape: TeacherShape
    architecture: Architecture
    training: TeacherTraining
    task: Task
    extractor_reason: str = ""  # why it was chosen, where the user did not

    @classmethod
    def prepare(
        cls, request: TeacherRequest, *, dry_run: bool = False, on_progress: OnProgress | None = None
    ) -> TeacherRun:
        """Check `request` and read its images.

        Args:
            request: as the user gave it.
            dry_run: look at a sample of the images, and write nothing; else decoded images are kept in the
                training's folder.
            on_progress: receives how many images are decoded.

        Raises:
            UserError: the request can't be met.
        """
        check_name(request.output)
        family = get_family(request.space)
        shape = shape_of(request, family)
        architecture = shape.architecture(classes=1)  # raises before images are read
        training = training_of(request, shape)
        check_place(training)
        judge = _extractor(request, training, download=not dry_run)
        request = request.model_copy(update={"extractor": judge.name or None})
        training = training_of(request, shape)  # notes the extractor
        if dry_run:
            check_training(training)
        with torch.device("meta"):  # structure without weights
            generator = family.build(architecture)
        kind, options = get_task(family, request.task), request.task_options
        if kind.judges_input and training.augment != "none":
            raise TrainingError(
                f"--augment {training.augment}: with --task {kind.name} discriminators judge images beside "
                "their inputs, which are not augmented: give none"
            )
        if dry_run:
            task = kind.sample(request.data, generator, options=options, any_labels=True)
        else:
            cache = training.folder / "cache"
            task = kind.load(
                request.data,
                generator,
                options=options,
                any_labels=True,
                cache=cache,
                on_progress=on_progress,
            )
        if kind.has_splits:
            task = task.hold_out(kind.default_held_out)
        check_batch(task.images, request.batch_size)
        for one in task.eval_sets() if judge.name else ():
            check_domain(judge.name, one.reference)
        architecture = _architecture(shape, task.images)
        return cls(request, family, shape, architecture, training, task, judge.reason)

    def lines(self) -> list[str]:
        """The training in lines of text: networks, data, rates and outputs."""
        request, architecture, training = self.request, self.architecture, self.training
        images = self.task.images
        space = self.family.space(architecture)
        macs, params = format_quantity(space.macs(architecture)), format_quantity(space.params(architecture))
        config = training.config
        augment = {"ada": f"adaptive, r_t {TARGET:g}", "fixed": f"fixed, p {request.augment_p:g}"}
        mirrored = ", also mirrored" if config.mirror else ""
        parts = f", {config.micro_batch} at a time" if config.micro_batch else ""
        options = [name for name in ("compile", "checkpoint_activations") if getattr(config, name)]
        return [
            f"Generator: {architecture}; {macs} MACs ({COUNTER}), {params} parameters",
            f"Data: {self.task.described}{mirrored}",
            *image_remarks(images, conditional=True),
            f"Training: {format_quantity(config.images)} images in batches of {config.batch_size}{parts}, "
            f"{self._adversarial()}, augmentation {augment.get(training.augment, 'none')}",
            f"On {training.device}, " + ", ".join([config.precision, *options]),
            *self._metric(),
            f"Writes {training.output}, and every {format_quantity(training.snapshot)} images a snapshot in "
            f"{training.folder}",
        ]

    def _adversarial(self) -> str:
        """Rates, loss and regularisation in words."""
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
        """The resolved request as JSON values."""
        space, training = self.family.space(self.architecture), self.training
        asked: dict[str, Any] = resolved(self.request, self.shape).model_dump()
        asked |= asked.pop("sizes") | asdict(training.config)
        asked |= {"output": str(training.output), "folder": str(training.folder), "device": training.device}
        asked |= {"extractor": self.request.extractor, "resolution": self.shape.resolution}
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
        task = self.task.for_generator(generator)
        fidelity = self._fidelity(task, progress.waited)

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
                task,
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

    def _networks(self) -> tuple[Generator, Discriminator]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(self.request.seed, "teacher"))
            discriminator = self.family.discriminator_for(self.architecture, self.task.name)
            return self.family.build(self.architecture), self.family.build_discriminator(discriminator)

    def _fidelity(self, task: Task, on_progress: OnProgress) -> Fidelity | None:
        if self.request.extractor is None:
            return None
        return Fidelity(
            task.eval_sets(),
            self.request.extractor,
            weights=self.request.extractor_weights,
            cache=self.training.folder / "fidelity",
            device=self.training.device,
            metrics=(),  # check the training in the folder first
            on_progress=on_progress,
        )

    @property
    def distance(self) -> str:
        """What the distance of a snapshot is called."""
        return distance_name(self.request.extractor or "")

    def _metric(self) -> list[str]:
        """How snapshots are measured, a line each."""
        extractor = self.request.extractor
        if extractor is None:
            return ["Snapshots are not measured"]
        warnings = domain_warnings(extractor, (one.reference for one in self.task.eval_sets()))
        return [
            f"{self.distance} over {format_quantity(self.request.fid_samples)} samples",
            extractor_line(extractor, self.extractor_reason),
            *(f"Warning: {warning}" for warning in warnings),
        ]


def _architecture(shape: TeacherShape, images: ImageSet) -> Architecture:
    """The generator for `images` and their classes.

    Raises:
        ArchitectureError: the family has none; with the reason where labels are missing.
    """
    try:
        return shape.architecture(len(images.classes))
    except ArchitectureError as error:
        if not images.unlabelled:
            raise
        raise ArchitectureError(f"{images.name} has no labels ({images.unlabelled}): {error}") from error


def _extractor(request: TeacherRequest, training: TeacherTraining, *, download: bool) -> ExtractorChoice:
    """The extractor asked for, else that of the training so far, else the default; no name without an FID.

    Raises:
        UserError: it can't be had.
    """
    if not request.fid_samples:
        return ExtractorChoice("")
    return choose_extractor(
        request.data,
        request.extractor_weights,
        asked=request.extractor,
        recorded=None if request.extractor else recorded_extractor(training),
        why="the training began with it",
        download=download,
    )
