"""Options that several commands have, defined once: a command's model inherits from those that it needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from nas.options.base import Options
from nas.options.fields import option
from nas.options.quantities import Gpus, ImageCount, Interval, Location, Names, Place

if TYPE_CHECKING:
    from distill.tasks import TaskOptions

Keep: TypeAlias = Literal["all", "front", "best"]
"""Whose checkpoints stay: see `nas.upkeep.kept_trials`."""

MOST_IMAGES = 10**12  # of a training: a mistyped size is refused before anything is made of it
MOST_IN_A_BATCH = 2**20
MOST_SIDE = 2**14  # px of an image
MOST_SAMPLES = 10**7  # FIDs of more do not differ
MOST_WORKERS = 10_000

TRANSLATION_DATA = "For image translation also two sources, a.zip,b.zip, or images.zip,labels.csv."


class StudyOptions(Options):
    """Which study, and where it is."""

    study: str = option("", group="study", help="Name of the study.", shown="the newest in the workdir")
    workdir: Location = option(Path("nas-runs"), group="study", help="Folder of everything that is written.")
    storage: str = option(
        "", group="study", help="SQLAlchemy URL of the study.", shown="SQLite in the study's folder"
    )


class TranslationOptions(Options):
    """What is said of image translation, beside where the images are."""

    task: str = option(
        "",
        group="teacher and data",
        help="What the networks are trained for, where their family has several tasks: {choices}.",
        shown="by the family",
        choices="distill.tasks:TASKS",
    )
    direction: Literal["A2B", "B2A"] = option(
        "A2B",
        group="teacher and data",
        help="Which way images are translated between domains A and B. A CycleGAN has a generator for each "
        "way, and they share no weights, so one direction is compressed at a time.",
    )
    attributes: Names = option(
        (),
        group="teacher and data",
        help="Attributes of the images, in the network's order: columns of the table, COLUMN=VALUE where a "
        "column has words, or folders.",
        shown="all that the data has",
    )

    crop: bool = option(
        False,
        group="teacher and data",
        help="Enlarge training images to 286/256 of their side and crop them at random, as CycleGAN and "
        "pix2pix do; both images of a pair alike.",
    )

    @property
    def task_options(self) -> TaskOptions:
        """`direction`, `attributes` and `crop`, as tasks take them."""
        from distill.tasks import TaskOptions  # PyTorch comes with it, which a --help does not need

        return TaskOptions(self.direction, self.attributes, self.crop)


class ImageOptions(TranslationOptions):
    """The real images."""

    data: Place = option(
        group="teacher and data",
        help='Images: a folder, zip or idx file, torchvision:CIFAR10, or "digits", 1,797 handwritten ones. '
        f"{TRANSLATION_DATA}",
    )
    mirror: bool = option(False, group="teacher and data", help="Show images flipped left to right, too.")


class FidOptions(Options):
    """How the distance to the real images is measured: FID, or FD in the extractor's features."""

    extractor: Place | None = option(
        None,
        group="evaluation",
        help="Features that images are compared in: {choices}, or a TorchScript file. The distance is called "
        "FID in Inception's, and FD (NAME) in others.",
        shown="by the data: digits for the digits; else inception, or imagenet-lite0 where the weights of "
        "inception can't be had",
        choices="distill.evaluation:EXTRACTORS",
    )
    extractor_weights: Location | None = option(
        None,
        group="evaluation",
        help="Weights file of the extractor.",
        shown="from a package, else downloaded once",
    )
    fid_samples: ImageCount | None = option(
        None,
        group="evaluation",
        le=MOST_SAMPLES,
        help="Generated images that the FID, or FD in the extractor's features, is measured on.",
    )


class MemoryOptions(Options):
    """How a training uses memory and arithmetic."""

    precision: str = option(
        "auto",
        group="execution",
        help="Arithmetic of the networks: fp32, bf16, fp16 or auto.",
        shown="auto: bf16 on a GPU, fp32 on a CPU",
    )
    micro_batch: int | None = option(
        None,
        group="execution",
        le=MOST_IN_A_BATCH,
        help="Images in memory at a time.",
        shown="the whole batch",
    )
    compile: bool = option(
        False, group="execution", help="Compile the networks: faster after a slow start.", shown="no"
    )
    checkpoint_activations: bool = option(
        False,
        group="execution",
        help="Compute activations twice instead of keeping them: less memory, more time.",
        shown="no",
    )


class ResourceOptions(Options):
    """How many trainings run at a time, and where."""

    workers: int | None = option(
        None,
        group="execution",
        ge=1,
        le=MOST_WORKERS,
        help="Trainings at a time.",
        shown="as many as the GPUs hold at --gpus-per-trial, or one per CPU core; at most one per trial",
    )
    gpus_per_trial: Gpus | None = option(
        None,
        group="execution",
        help="GPUs of one training: a fraction, a whole number, 0 for the CPU; "
        "auto measures how many trainings fit on a GPU.",
        shown="1 where there is a GPU, else 0",
    )
    ray_address: str | None = option(
        None,
        group="execution",
        help="Running Ray cluster, such as ray-head:6379.",
        shown="Ray is started on this machine",
    )
    exchange: str | None = option(
        None,
        group="execution",
        metavar="URL",
        help="Object store through which nodes without a shared work folder exchange files, such as "
        "s3://bucket/prefix. Credentials come from the environment or a profile.",
        shown="all nodes see the workdir",
    )


class SurvivalOptions(Options):
    """What is done against workers that die or hang, and how much of their work may be lost."""

    checkpoint_every: Interval | None = option(
        600.0,
        group="execution",
        ge=0,
        allow_inf_nan=False,
        help="How often a training saves its state between two rungs, such as 10min or 1h; 0 saves it at "
        "rungs only.",
    )
    worker_timeout: Interval | None = option(
        None,
        group="execution",
        ge=0,
        allow_inf_nan=False,
        help="How long a worker may report no progress before it is killed and another one resumes, such as "
        "20min or 1h; 0 waits for ever.",
        shown="5 times the longest pause between two reports so far, at least 10min; 30min until the first",
    )


class DeviceOption(Options):
    """Where networks run."""

    device: Literal["auto", "cpu", "cuda"] = option(
        "auto",
        group="execution",
        help="Device that the networks run on.",
        shown="auto: cuda where there is a GPU",
    )


class SeedOption(Options):
    """Where a training's random numbers start."""

    seed: int = option(0, group="execution", ge=0, le=2**32 - 1, help="Seed of everything random.")


class SampleSeedOption(Options):
    """Where the random numbers of generated images start."""

    seed: int | None = option(None, group="evaluation", ge=0, le=2**63 - 1, help="Seed of latents and noise.")


class DryRunOption(Options):
    """Look without doing."""

    dry_run: bool = option(
        False, group="output", off="", help="Check and show what would run; train and write nothing."
    )


class KeepOption(Options):
    """Whose checkpoints stay."""

    keep: Keep = option(
        "all",
        group="study",
        help="Checkpoints that stay: all, those of the front and the best's equals, or those of the best "
        "alone. What a person has chosen at a tie and replicates of what stays do, too; trials that are not "
        "finished always stay.",
    )


class LiveOption(Options):
    """A dashboard beside the trainings."""

    dashboard: int | None = option(
        None,
        group="output",
        ge=0,
        le=65535,
        bare="8080",
        metavar="[PORT]",
        help="Show the study in the browser while it runs, at this port of 127.0.0.1: 8080 if none is given, "
        "a free one for 0. It ends with the command.",
    )


class QuietOption(Options):
    """How much is said on the way."""

    quiet: bool = option(
        False, group="output", off="", help="Print nothing but errors, warnings and the result."
    )


class EventsOption(QuietOption):
    """What programs read on the way."""

    as_json: bool = option(
        False,
        group="output",
        flag="--json",
        off="",
        help="Print what happens as lines of JSON on stdout, an event each; the last one is the result.",
    )


class JsonOption(Options):
    """Results for programs."""

    as_json: bool = option(
        False, group="output", flag="--json", off="", help="Print the result as one JSON object."
    )
