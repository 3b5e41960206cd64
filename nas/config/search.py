"""The configuration of one search: its options, and values derived from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError, ValidationInfo, model_validator

from distill.data import absolute
from distill.evaluation import distance_name
from distill.recipes import get_recipe
from distill.schedules import Ramp, Schedule
from nas.budget import Budget
from nas.config.checks import check_search
from nas.config.defaults import with_defaults
from nas.config.distillation import DistillationOptions
from nas.config.names import CACHE, DATABASE, SETTINGS, study_name
from nas.config.options import BudgetOptions, CandidateOptions, EvaluationOptions, TeacherOptions
from nas.config.toml import write_toml
from nas.errors import ConfigError, StudyError
from nas.options import MemoryOptions, ResourceOptions, SeedOption, SurvivalOptions, validated
from nas.passwords import without_password

SAVED = "saved"  # the context of values that a study was saved with: what it lacks was not a setting yet

MOST_CACHED = 10_000  # images of the teacher cache unless the user gives another number

PATHS = ("workdir", "teacher", "teacher_snapshots", "extractor_weights")


class SearchConfig(
    CandidateOptions,
    ResourceOptions,
    SurvivalOptions,
    MemoryOptions,
    SeedOption,
    EvaluationOptions,
    DistillationOptions,
    TeacherOptions,
    BudgetOptions,
):
    """One search. `of` fills in what depends on other options; the result is saved with the study."""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: Any, info: ValidationInfo) -> Any:
        """Defaults as of the command, unless these are the values of a whole or saved configuration."""
        if info.context == SAVED or not isinstance(values, dict):
            return values
        return values if values.keys() >= cls.model_fields.keys() else with_defaults(values)

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
        return validated(cls, {name: value for name, value in values.items() if value is not None})

    @classmethod
    def saved(cls, values: Mapping[str, Any]) -> Self:
        """The configuration that a study was saved with, as `public` gives it.

        Raises:
            StudyError: another version of this program saved it.
        """
        try:
            return cls.model_validate(dict(values), context=SAVED)
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
        """Of the adversarial weight; what is None is as the recipe has it."""
        default = get_recipe(self.recipe).default_ramp
        begin, full, weight = self.adversarial_start, self.adversarial_full, self.adversarial_weight
        return Ramp(
            default.begin if begin is None else begin,
            default.full if full is None else full,
            default.weight if weight is None else weight,
        )

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
        return self.storage or f"sqlite:///{self.folder / DATABASE}"

    @property
    def cached_images(self) -> int:
        """Images of the teacher cache: no more than a training shows, or the teacher's distance needs."""
        if self.teacher_cache_size is not None:
            return self.teacher_cache_size
        return min(MOST_CACHED, max(self.rungs[-1], self.fid_samples))

    @property
    def names(self) -> dict[str, str]:
        """What the user calls teacher and data, which a study knows by their digests."""
        return {"teacher": "" if self.teacher is None else str(self.teacher), "data": self.data}

    def named(self, teacher_name: str) -> SearchConfig:
        """With a study name, of teacher, data and budget where the user gives none."""
        return self.model_copy(update={"study": study_name(self, teacher_name)})

    def absolute(self) -> SearchConfig:
        """With absolute paths, for workers that run elsewhere on the same files."""
        paths = {name: getattr(self, name) for name in PATHS}
        update: dict[str, Any] = {name: path.resolve() for name, path in paths.items() if path is not None}
        for name in ("extractor", "perceptual"):
            given = getattr(self, name)
            is_file = bool(Path(given).suffix)  # names have none
            update |= {name: str(Path(given).resolve()) if is_file else given}
        return self.model_copy(update=update | {"data": absolute(self.data)})

    def public(self) -> dict[str, Any]:
        """As JSON values that everybody may read: passwords are masked, so that a study isn't mistaken."""
        return self.model_dump(mode="json") | {"storage": without_password(self.storage)}

    def save(self) -> Path:
        """Write `SETTINGS` in the study's folder; `nas-search --config` reads it back."""
        path = self.folder / SETTINGS
        write_toml(path, self.public())
        return path
