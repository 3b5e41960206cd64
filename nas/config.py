"""Everything that one search is asked to do; flags, TOML keys and fields have the same names."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from distill.data import DIGITS, absolute
from distill.errors import TrainingError
from distill.recipes import RECIPES, get_recipe
from distill.schedules import Schedule
from distill.training import AUTO, check_micro_batch, check_precision
from nas.budget import Budget, format_duration, format_quantity
from nas.errors import ConfigError
from nas.passwords import without_password
from search_spaces.reading import written_whole

DIGITS_DEFAULTS: dict[str, Any] = {
    "rungs": (4_000, 8_000, 16_000),
    "fid_samples": 2_000,
    "extractor": "digits",
}
REAL_DEFAULTS: dict[str, Any] = {
    "rungs": (50_000, 100_000, 200_000),
    "fid_samples": 10_000,
    "extractor": "inception",
}

_NOT_IN_NAMES = re.compile(r"[^\w .+=-]+")  # of studies, which are folders and parts of URLs

MAY_CHANGE = (
    frozenset(("teacher", "data", "extractor_weights", "trials", "sampler", "reduction_factor"))
    | {"significance", "replicates", "seeds", "enqueue", "warm_start"}
    | {"space", "resolution", "study", "workdir", "storage", "workers", "gpus_per_trial", "ray_address"}
    | {"lpips_weights", "micro_batch", "compile", "checkpoint_activations"}
)
"""Settings that may differ when a search is resumed; teacher, data and LPIPS are known by their digests."""

CACHE = "cache"  # folder beside those of studies

SHARED_LONGER = 4  # times the images of a candidate's last rung, for weights that all candidates share

SHARED_PARTS = 4  # of a batch, where candidates share weights; each is worked off by another student

PATHS = ("workdir", "teacher", "extractor_weights", "lpips_weights")


class SearchConfig(BaseModel):
    """One search. `resolve` fills what depends on something else; the result is saved with the study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    budget_macs: PositiveInt | None = None  # fvcore, batch 1
    budget_params: PositiveInt | None = None
    budget_latency: float | None = Field(default=None, gt=0, allow_inf_nan=False)  # seconds for one image
    latency_on: Literal["cpu", "cuda", "onnxruntime"] = "cpu"  # where it is measured
    teacher: Path | None = None  # checkpoint; None is the built-in teacher of the digits
    space: str = ""  # family of the teacher, as a check; empty is any
    resolution: PositiveInt | None = None  # px of the teacher's images, as a check
    data: str = DIGITS  # folder, zip, idx file, "torchvision:NAME", or "digits"
    mirror: bool = False  # show images flipped left to right, too

    trials: PositiveInt = 12  # distinct architectures to train, baselines included
    rungs: tuple[PositiveInt, ...] = Field(default=())  # images seen when a candidate is measured and judged
    reduction_factor: float = 2.0  # one in this many goes on to the next rung
    significance: float = Field(
        default=1.5, ge=0
    )  # in standard errors of an early FID as a forecast of the last
    replicates: int | None = Field(
        default=None, ge=0
    )  # further seeds in all; None is a quarter of the trials
    seeds: int = Field(default=3, ge=1)  # of one architecture, at most
    sampler: str = "gp"
    enqueue: tuple[Path, ...] = Field(default=())  # JSON files of architectures to try first
    share_weights: bool = False  # one slimmable student is trained, candidates are read out of it
    warm_start: str = ""  # an earlier study, whose front is tried first
    seed: int = Field(default=0, ge=0, le=2**32 - 1)

    recipe: str = next(iter(RECIPES))
    kd_schedule: str = "cosine"
    kd_weight_start: float = 1.0
    kd_weight_end: float = 0.0
    kd_decay_start: float = 0.6  # fraction of the training
    kd_decay_end: float = 1.0  # fraction of the training
    r1_gamma: float | None = Field(
        default=None, ge=0, allow_inf_nan=False
    )  # of R1; None is by resolution and batch
    batch_size: PositiveInt = 64
    inherit: bool = True  # start students from the teacher's weights
    warm_discriminator: bool = True  # start their discriminators from the teacher's
    teacher_cache_size: PositiveInt = 10_000  # teacher images made once and read by all
    lpips_weights: Path | None = None  # TorchScript f(x, y) -> (N,): a perceptual distance beside the L1

    precision: str = AUTO  # of the networks' arithmetic: fp32, bf16, fp16; auto is bf16 on a GPU, else fp32
    micro_batch: int = 0  # images in memory at a time; 0 is the whole batch
    compile: bool = False  # torch.compile of student and discriminator
    checkpoint_activations: bool = False  # the student's: made twice instead of kept

    extractor: str = ""  # feature extractor of the FID
    extractor_weights: Path | None = None
    fid_samples: int = Field(default=0, ge=0)
    rung_samples: int = Field(default=0, ge=0)  # before the last rung, with KID beside it; 0: as many, no KID

    study: str = ""
    workdir: Path = Path("nas-runs")
    storage: str = ""  # SQLAlchemy URL; empty is a SQLite file in the study's folder
    workers: int = Field(
        default=0, ge=0
    )  # candidates trained at the same time; 0 is one per GPU, or per core
    gpus_per_trial: float | Literal["auto"] = -1.0  # -1 is one where there is a GPU; auto is measured
    ray_address: str | None = None  # of a running cluster; None starts Ray on this machine

    @model_validator(mode="after")
    def _check(self) -> SearchConfig:
        if self.budget == Budget():
            raise ValueError(
                "give --budget-macs, --budget-params or --budget-latency, such as --budget-macs 5G"
            )
        if self.latency_on != "cpu" and self.budget_latency is None:
            raise ValueError(
                f"--latency-on {self.latency_on}: give --budget-latency, too, such as --budget-latency 30ms"
            )
        if any(b <= a for a, b in zip(self.rungs, self.rungs[1:], strict=False)):
            raise ValueError(f"rungs {','.join(map(str, self.rungs))} must increase, such as 4k,8k,16k")
        if self.rung_samples and len(self.rungs) == 1:
            raise ValueError(
                f"--rung-samples {self.rung_samples}: leave it out, there is no rung before the last one"
            )
        if self.share_weights:
            self._check_shared()
        if not 2 <= self.reduction_factor < float("inf"):
            raise ValueError(f"--reduction-factor {self.reduction_factor:g}: give a number of at least 2")
        gpus = self.gpus_per_trial
        if gpus != "auto" and gpus != -1 and not (0 <= gpus <= 1 or (gpus > 0 and gpus % 1 == 0)):
            raise ValueError(f"--gpus-per-trial {gpus:g}: give a share up to 1, a whole number, or auto")
        try:
            check_precision(self.precision)
            check_micro_batch(self.micro_batch, self.batch_size)
        except TrainingError as error:
            raise ValueError(str(error)) from error
        if self.fid_samples == 1:
            raise ValueError("an FID needs at least 2 samples, better thousands")
        if self.rung_samples == 1 or self.rung_samples > self.fid_samples:
            raise ValueError(
                f"--rung-samples {self.rung_samples}: give at least 2 and at most --fid-samples, "
                f"{self.fid_samples}"
            )
        if self.study and (_NOT_IN_NAMES.search(self.study) or not self.study.strip(". ")):
            raise ValueError(
                f"study name {self.study!r} is a folder's, too: use letters, digits, spaces and . _ - + ="
            )
        if self.study == CACHE:
            raise ValueError(f"--study {CACHE}: that folder is for what studies share, give another name")
        return self

    def _check_shared(self) -> None:
        """Raise ValueError for what weights that all candidates share can't be trained with."""
        if len(self.rungs) > 1:
            raise ValueError(
                f"rungs {','.join(map(str, self.rungs))}: with --share-weights give one, the images that the "
                "shared weights are trained for"
            )
        if self.batch_size % SHARED_PARTS:
            multiple = math.ceil(self.batch_size / SHARED_PARTS) * SHARED_PARTS
            raise ValueError(
                f"--batch-size {self.batch_size}: with --share-weights give a multiple of {SHARED_PARTS}, "
                f"such as {multiple}; each part trains one student"
            )
        if self.micro_batch:
            raise ValueError(
                f"--micro-batch {self.micro_batch}: leave it out with --share-weights, which works batches "
                f"off in {SHARED_PARTS} parts; for less memory give a smaller --batch-size"
            )
        for name in ("compile", "checkpoint_activations"):
            if getattr(self, name):
                flag = name.replace("_", "-")
                raise ValueError(
                    f"--{flag}: leave it out with --share-weights, where networks change within a batch"
                )

    @classmethod
    def of(cls, **values: Any) -> SearchConfig:
        """A checked configuration, complete with everything that can be said without looking at files.

        Raises:
            ConfigError: a value outside its range.
        """
        if values.get("teacher") is not None and values.get("data") is None:
            raise ConfigError(f"--teacher {values['teacher']}: give the images of its kind by --data, too")
        if values.get("teacher") is None and values.get("data") not in (None, DIGITS):
            raise ConfigError(f"--data {values['data']}: give the generator to compress by --teacher, too")
        built_in = values.get("data") in (None, DIGITS)
        known = {name: value for name, value in values.items() if value not in (None, ())}
        defaults = DIGITS_DEFAULTS if built_in else REAL_DEFAULTS
        recipe = known.get("recipe", cls.model_fields["recipe"].default)
        defaults = defaults | _usual_weights(recipe, built_in)
        if known.get("share_weights"):
            defaults = defaults | {"rungs": (SHARED_LONGER * defaults["rungs"][-1],)}
        try:
            return cls(**defaults | known)
        except ValidationError as error:
            first = error.errors()[0]
            flag = str(first["loc"][0]).replace("_", "-") if first["loc"] else ""
            where = f"--{flag} {first['input']}: " if flag else ""
            raise ConfigError(where + _plain(first["msg"])) from error

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
    def schedule(self) -> Schedule:
        return Schedule(
            self.kd_schedule, self.kd_weight_start, self.kd_weight_end, self.kd_decay_start, self.kd_decay_end
        )

    @property
    def folder(self) -> Path:
        """Where everything of this study is written."""
        return self.workdir / self.study

    @property
    def cache(self) -> Path:
        """What studies of one teacher and one data set share: decoded images, teacher banks, statistics."""
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
        parts = [_NOT_IN_NAMES.sub("-", part).strip(".-") for part in of]
        limits += ["shared"] if self.share_weights else []
        return self.model_copy(update={"study": self.study or "-".join([*filter(None, parts), *limits])})

    def absolute(self) -> SearchConfig:
        """With absolute paths, for workers that run elsewhere on the same files."""
        paths = {name: getattr(self, name) for name in PATHS}
        update: dict[str, Any] = {name: path.resolve() for name, path in paths.items() if path is not None}
        is_file = bool(Path(self.extractor).suffix)  # names of extractors have none
        extractor = str(Path(self.extractor).resolve()) if is_file else self.extractor
        return self.model_copy(update=update | {"data": absolute(self.data), "extractor": extractor})

    def conditions(self) -> dict[str, str]:
        """What must not change within one study, or its FIDs could not be compared."""
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
        values = {name: value for name, value in self.public().items() if value not in (None, "", [])}
        lines = [f"{name} = {_toml(value)}\n" for name, value in values.items()]
        with written_whole(path) as file:
            file.write("".join(lines).encode())
        return path


def _usual_weights(recipe: str, digits: bool) -> dict[str, Any]:
    """The schedule of the KD weight that goes with a recipe.

    Raises:
        RecipeError: there is none of that name.
    """
    wanted = get_recipe(recipe)
    usual = (wanted.usual_on_digits if digits else None) or wanted.usual
    weights = {"kd_weight_start": usual.start, "kd_weight_end": usual.end, "kd_decay_start": usual.begin}
    return {"kd_schedule": usual.shape, "kd_decay_end": usual.finish, **weights}


def _plain(message: str) -> str:
    """Pydantic's words as ours."""
    return message.removeprefix("Value error, ").replace("Input should be", "give a value that is")


def _toml(value: Any) -> str:
    """JSON is TOML, but for two escapes: pairs of surrogates, and a DEL that stands for itself."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def read_toml(path: Path) -> dict[str, Any]:
    """The settings in a TOML file.

    Raises:
        ConfigError: it can't be read, or names a setting that does not exist.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"configuration {path} can't be read: {error}") from error
    values = {name.replace("-", "_"): value for name, value in values.items()}  # flags have hyphens
    for name, value in values.items():
        if name not in SearchConfig.model_fields:
            raise ConfigError(
                f"configuration {path} sets {name!r}, which does not exist; see nas-search --help"
            )
        if not _may_be(name, value):
            raise ConfigError(f"configuration {path} sets {name} to {value!r}: see nas-search --help")
    return values


def _may_be(name: str, value: Any) -> bool:
    """Whether a TOML value is of the setting's kind; a string is read as on the command line."""
    wanted = str(SearchConfig.model_fields[name].annotation)
    kinds = {str: [""], bool: ["bool"], int: ["int", "float"], float: ["float"], list: ["tuple"]}
    return any(kind in wanted for kind in kinds.get(type(value), []))
