"""The configuration of one search: its options, and values derived from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ValidationError, model_validator

from distill.data import DIGITS, absolute
from distill.evaluation import distance_name
from distill.schedules import Ramp, Schedule
from nas.budget import Budget, format_duration, format_quantity
from nas.config.checks import CACHE, NOT_IN_NAMES, check_search
from nas.config.defaults import (
    DIGITS_DEFAULTS,
    REAL_DEFAULTS,
    RECIPE,
    SHARED_LONGER,
    TEACHER_SAMPLES,
    with_defaults,
)
from nas.config.toml import write_toml
from nas.errors import ConfigError, StudyError
from nas.options import (
    Duration,
    FidOptions,
    ImageOptions,
    Location,
    MemoryOptions,
    Place,
    Quantities,
    Quantity,
    ResourceOptions,
    SeedOption,
    StudyOptions,
    TermWeights,
    option,
    validated,
    variant,
)
from nas.passwords import without_password
from search_spaces import Importance

MAY_CHANGE = (
    frozenset(("teacher", "data", "extractor_weights", "trials", "sampler", "reduction_factor"))
    | {"significance", "replicates", "seeds", "enqueue", "warm_start"}
    | {"space", "resolution", "study", "workdir", "storage", "workers", "gpus_per_trial", "ray_address"}
    | {"keep", "perceptual", "micro_batch", "compile", "checkpoint_activations"}
)
"""Settings that may differ when a search is resumed; digests identify teacher, data and distance."""

PATHS = ("workdir", "teacher", "extractor_weights")


def _by_the_data(name: str, also: str = "") -> str:
    """The default of the option `name` in words."""
    digits, real = (_written(defaults[name]) for defaults in (DIGITS_DEFAULTS, REAL_DEFAULTS))
    return f"by the data: {digits} on the digits, else {real}{also}"


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(format_quantity, value))
    return value if isinstance(value, str) else format_quantity(value)


class SearchConfig(StudyOptions, ResourceOptions, MemoryOptions, SeedOption, FidOptions, ImageOptions):
    """One search. `of` fills in what depends on other options; the result is saved with the study."""

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

    teacher: Location | None = option(
        None,
        group="teacher and data",
        help="Checkpoint of the teacher.",
        shown="the built-in digits teacher",
    )
    data: Place = variant(
        ImageOptions,
        "data",
        default=DIGITS,
        help='Images: a folder, zip or idx file, torchvision:CIFAR10, "digits", 1,797 handwritten ones, or '
        '"teacher", samples of the teacher.',
        shown="digits; with --teacher, samples of the teacher",
    )
    teacher_samples: Quantity | None = option(
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
        None, group="teacher and data", gt=0, help="Size of its images in px, a check.", shown="any"
    )

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
    keep: Literal["all", "front"] = option(
        "all",
        group="study",
        help="Checkpoints that stay when the search ends: all, or those of the front and the best's equals.",
    )
    sampler: str = option("gp", group="search", help="Sampler of architectures: gp, tpe, nsga2 or random.")
    enqueue: tuple[Location, ...] = option(
        (),
        group="search",
        help="JSON file of an architecture, or of a list of them, to try first; may be repeated.",
    )
    warm_start: str = option(
        "", group="search", help="Earlier study of this workdir or storage: its front is tried first."
    )
    share_weights: bool = option(
        False,
        group="search",
        help="Train one slimmable student and read candidates out of it; nas-distill the best then.",
        shown="no",
    )

    recipe: str = option(
        RECIPE,
        group="distillation",
        help="How the teacher teaches: {choices}.",
        choices="distill.recipes:RECIPES",
    )
    kd_schedule: str = option(
        "cosine",
        group="distillation",
        help="How the KD weight, the weight of the teacher's terms, changes: {choices}.",
        shown="by the recipe; --dry-run shows it",
        choices="distill.schedules:SHAPES",
    )
    kd_weight_start: float = option(
        1.0, group="distillation", help="KD weight at the start.", shown="by the recipe"
    )
    kd_weight_end: float = option(
        0.0, group="distillation", help="KD weight at the end.", shown="by the recipe"
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
        shown="the family's on the digits, else 0.002",
    )
    r1_gamma: float | None = option(
        None,
        group="distillation",
        ge=0,
        allow_inf_nan=False,
        help="Weight of R1, for families that are trained with it (StyleGAN2).",
        shown="by resolution and batch: 0.0002 · resolution² / batch size, at least 0.3",
    )
    batch_size: int = option(64, group="distillation", gt=0, help="Images a step.")
    inherit: bool = option(True, group="distillation", help="Start students from the teacher's weights.")
    importance: Importance = option(
        "magnitude",
        group="distillation",
        help="How channels are ranked when students inherit: by the size of weights and activations, or by "
        "how much images change through them when a latent moves.",
    )
    warm_discriminator: bool = option(
        True,
        group="distillation",
        off="--fresh-discriminator",
        shown="warm",
        help="Start discriminators from the teacher's.",
    )
    teacher_cache_size: Quantity = option(
        10_000,
        group="distillation",
        gt=0,
        help="Teacher images in the teacher cache: made once, read by all candidates.",
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
        "pixel=1,feature=1,perceptual=1",
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
    adversarial_weight: float = option(
        1.0,
        group="distillation",
        help="Weight of the adversarial term once it is in full.",
        shown="by the recipe and the data; --dry-run shows it",
    )
    adversarial_start: float = option(
        0.0,
        group="distillation",
        help="Fraction of the training at which adversarial training starts; until then the teacher alone "
        "teaches, and no discriminator is trained.",
        shown="by the recipe and the data",
    )
    adversarial_full: float = option(
        0.0,
        group="distillation",
        help="Fraction of the training at which the adversarial term has its full weight.",
        shown="by the recipe and the data",
    )

    extractor: Place = variant(FidOptions, "extractor", default="")
    fid_samples: Quantity = variant(FidOptions, "fid_samples", default=0, shown=_by_the_data("fid_samples"))
    rung_samples: Quantity | None = option(
        None,
        group="evaluation",
        help="Generated images measured before the last rung, where fewer will do; notes KIDs, too.",
        shown="--fid-samples, without KIDs",
    )
    held_out: float = option(
        0.0,
        group="evaluation",
        ge=0,
        lt=1,
        help="Fraction of the real images that no student and no discriminator is trained on: nas-distill "
        "compares finalists with it, too.",
        shown="by the data: 0 on the digits and with --data teacher, else 0.5",
    )
    study: str = variant(StudyOptions, "study", default="", shown="by the search: teacher, data and budget")

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_search(self)
        return self

    @classmethod
    def of(cls, **values: Any) -> Self:
        """A checked configuration, complete with everything that can be said without looking at files.

        Raises:
            ConfigError: a value outside its range.
            RecipeError: an unknown recipe.
        """
        return validated(cls, with_defaults(values))

    @classmethod
    def saved(cls, values: Mapping[str, Any]) -> Self:
        """The configuration that a study was saved with, as `public` gives it.

        Raises:
            StudyError: another version of this program saved it.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            where = ", ".join(dict.fromkeys(str(each["loc"][0]) for each in error.errors() if each["loc"]))
            raise StudyError(
                f"study {values.get('study')!r} has settings of another version ({where}): "
                "search again with another --study"
            ) from error

    @property
    def budget(self) -> Budget:
        return Budget(self.budget_macs, self.budget_params, self.budget_latency)

    @property
    def replicate_runs(self) -> int:
        """Trainings of architectures that were trained before, at most."""
        if self.share_weights:  # reading out again gives the same
            return 0
        return self.trials // 4 if self.replicates is None else self.replicates

    @property
    def distance(self) -> str:
        """What the distance that candidates are ranked by is called."""
        return distance_name(self.extractor)

    @property
    def schedule(self) -> Schedule:
        return Schedule(
            self.kd_schedule, self.kd_weight_start, self.kd_weight_end, self.kd_decay_start, self.kd_decay_end
        )

    @property
    def ramp(self) -> Ramp:
        return Ramp(self.adversarial_start, self.adversarial_full, self.adversarial_weight)

    @property
    def folder(self) -> Path:
        """Where everything of this study is written."""
        return self.workdir / self.study

    @property
    def cache(self) -> Path:
        """Folder that studies share: decoded images, teacher caches, statistics of real images."""
        return self.workdir / CACHE

    @property
    def storage_url(self) -> str:
        if not self.storage and re.search(r"[%?]", str(self.folder)):  # they mean something in a URL
            raise ConfigError(
                f"--workdir {self.workdir}: give one without % and ? in its name, or a --storage"
            )
        return self.storage or f"sqlite:///{self.folder / 'study.db'}"

    def named(self, teacher_name: str) -> SearchConfig:
        """With a study name; without one from the user, the same command always gives the same name."""
        data = Path(self.data)
        of = [teacher_name, data.name if data.is_dir() else data.stem]  # a folder faces-0.5 has no suffix
        of = of[:1] if self.data == DIGITS else of
        limits = [f"{format_quantity(self.budget_macs)}macs"] if self.budget_macs else []
        limits += [f"{format_quantity(self.budget_params)}params"] if self.budget_params else []
        of_latency = [f"{format_duration(self.budget_latency)}-on-{self.latency_on}"]
        limits += of_latency if self.budget_latency else []
        parts = [NOT_IN_NAMES.sub("-", part).strip(".-") for part in of]
        limits += ["shared"] if self.share_weights else []
        return self.model_copy(update={"study": self.study or "-".join([*filter(None, parts), *limits])})

    def absolute(self) -> SearchConfig:
        """With absolute paths, for workers that run elsewhere on the same files."""
        paths = {name: getattr(self, name) for name in PATHS}
        update: dict[str, Any] = {name: path.resolve() for name, path in paths.items() if path is not None}
        for name in ("extractor", "perceptual"):
            given = getattr(self, name)
            is_file = bool(Path(given).suffix)  # names have none
            update |= {name: str(Path(given).resolve()) if is_file else given}
        return self.model_copy(update=update | {"data": absolute(self.data)})

    def conditions(self) -> dict[str, str]:
        """What must not change within one study, or its results could not be compared."""
        fields = (name for name in type(self).model_fields if name not in MAY_CHANGE)
        return {name: str(getattr(self, name)) for name in fields}

    @classmethod
    def defaults(cls) -> dict[str, str]:
        """The `conditions` of a search that says nothing: older studies were made without some of them."""
        return {
            name: str(field.default) for name, field in cls.model_fields.items() if name not in MAY_CHANGE
        }

    @classmethod
    def continues(cls, saved: Any, identity: Mapping[str, str]) -> bool:
        """Whether a checkpoint that noted `saved` is of the search `identity`.

        What was not a setting yet when it was written had its default.
        """
        return isinstance(saved, dict) and cls.defaults() | saved == cls.defaults() | dict(identity)

    def public(self) -> dict[str, Any]:
        """As JSON values that everybody may read: passwords are masked, so that a study isn't mistaken."""
        return self.model_dump(mode="json") | {"storage": without_password(self.storage)}

    def save(self) -> Path:
        """Write `config.toml` in the study's folder; `nas-search --config` reads it back."""
        path = self.folder / "config.toml"
        write_toml(path, self.public())
        return path
