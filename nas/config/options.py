"""Options of a search: its budget, teacher and data, candidates, and how they are measured."""

from __future__ import annotations

from typing import Any, Literal

from distill.data import DIGITS
from nas.budget import format_quantity
from nas.config.defaults import DIGITS_DEFAULTS, REAL_DEFAULTS, SHARED_LONGER, TEACHER_SAMPLES
from nas.options import (
    TRANSLATION_DATA,
    Duration,
    FidOptions,
    ImageCount,
    ImageOptions,
    Keep,
    KeepOption,
    Location,
    Options,
    Place,
    Quantities,
    Quantity,
    StudyOptions,
    option,
    variant,
)


def _by_the_data(name: str, also: str = "") -> str:
    """The default of the option `name` in words."""
    digits, real = (_written(defaults[name]) for defaults in (DIGITS_DEFAULTS, REAL_DEFAULTS))
    return f"by the data: {digits} on the digits, else {real}{also}"


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(format_quantity, value))
    return value if isinstance(value, str) else format_quantity(value)


class BudgetOptions(Options):
    """What a student may cost."""

    budget_macs: Quantity | None = option(
        None, group="budget", gt=0, help="Most MACs for one image (fvcore, batch 1): 5G, 800M, 2e6."
    )
    budget_params: Quantity | None = option(None, group="budget", gt=0, help="Most parameters: 8M.")
    budget_latency: Duration | None = option(
        None,
        group="budget",
        gt=0,
        allow_inf_nan=False,
        help="Longest time for one image, measured on this machine: 30ms, 250us.",
    )
    latency_on: Literal["cpu", "cuda", "onnxruntime"] = option(
        "cpu", group="budget", help="Where latency is measured; cpu and onnxruntime use one thread."
    )


class TeacherOptions(ImageOptions):
    """The teacher, and the images that students learn from."""

    teacher: Location | None = option(
        None,
        group="teacher and data",
        help="Checkpoint of the teacher, or digits, the built-in one.",
        shown="digits",
    )
    teacher_snapshots: Location | None = option(
        None,
        group="teacher and data",
        help="Folder with snapshots of the teacher's training (nas-teacher train --keep-snapshots): each "
        "teaches for an equal part of a student's training, where else the finished teacher does.",
        shown="none",
    )
    data: Place = variant(
        ImageOptions,
        "data",
        default=DIGITS,
        help='Images: a folder, zip or idx file, torchvision:CIFAR10, "digits", 1,797 handwritten ones, or '
        f'"teacher", samples of the teacher. {TRANSLATION_DATA}',
        shown="digits; with --teacher, samples of the teacher",
    )
    teacher_samples: ImageCount | None = option(
        None,
        group="teacher and data",
        gt=0,
        help="Samples of the teacher in place of real images; a fifth of them is held out to compare with.",
        shown=f"{format_quantity(TEACHER_SAMPLES)} without real images",
    )
    space: str = option(
        "",
        group="teacher and data",
        help="Family that the teacher must be of, a check: {choices}.",
        shown="any",
        choices="search_spaces:FAMILIES",
    )
    resolution: int | None = option(
        None,
        group="teacher and data",
        gt=0,
        help="Side of its images in px: a check, and for image translators, which work at any, the side to "
        "search at.",
        shown="any",
    )


class CandidateOptions(StudyOptions):
    """Which architectures are trained, how long, and where they are recorded."""

    trials: int = option(12, group="search", ge=1, help="Architectures to train, baselines included.")
    rungs: Quantities = option(
        (),
        group="search",
        help="Images seen when a candidate is measured and ranked, in whole batches.",
        shown=_by_the_data("rungs", f"; with --share-weights one rung of {SHARED_LONGER} times the last"),
    )
    reduction_factor: float = option(
        2.0, group="search", help="One candidate in this many is promoted to the next rung.", shown="2"
    )
    significance: float = option(
        1.5,
        group="search",
        ge=0,
        allow_inf_nan=False,
        help="Significance margin of a rung, in standard errors of the rung prediction error: candidates "
        "within it are promoted, too. --significance 0 disables the margin.",
    )
    replicates: int | None = option(
        None,
        group="search",
        ge=0,
        help="Trainings of known architectures from further seeds, where they may change the best.",
        shown="a quarter of --trials; 0 with --share-weights",
    )
    seeds: int = option(3, group="search", ge=1, help="Most seeds of one architecture.")
    sampler: str = option("gp", group="search", help="Sampler of architectures: gp, tpe, nsga2 or random.")
    enqueue: tuple[Location, ...] = option(
        (),
        group="search",
        help="JSON file of an architecture, or of a list of them, to train after the baselines and initial "
        "designs, before what the sampler proposes; --trials counts them. May be repeated.",
    )
    warm_start: str = option(
        "",
        group="search",
        help="Earlier study of this workdir or storage: its front is tried before what the sampler proposes.",
    )
    share_weights: bool = option(
        False,
        group="search",
        help="Train one slimmable student and read candidates out of it; nas-distill the best then.",
        shown="no",
    )
    keep: Keep = variant(
        KeepOption,
        "keep",
        default="all",
        help="Checkpoints that stay when the search ends: all, those of the front and the best's equals, or "
        "those of the best alone. What a person has chosen at a tie and replicates of what stays do, too.",
    )
    study: str = variant(StudyOptions, "study", default="", shown="by the search: teacher, data and budget")


class EvaluationOptions(FidOptions):
    """How candidates are measured."""

    extractor: Place = variant(FidOptions, "extractor", default="")
    fid_samples: ImageCount = variant(FidOptions, "fid_samples", default=0, shown=_by_the_data("fid_samples"))
    rung_samples: ImageCount | None = option(
        None,
        group="evaluation",
        help="Generated images measured before the last rung, where fewer will do; notes KIDs, too.",
        shown="--fid-samples, without KIDs",
    )
    held_out: float | None = option(
        0.0,
        group="evaluation",
        ge=0,
        lt=1,
        help="Fraction of the real images that no student and no discriminator is trained on: nas-distill "
        "compares finalists with it, too.",
        shown="by the data: 0 on the digits and with --data teacher; in image translation 0.1, unless the "
        "data has a test split; else 0.5",
    )
