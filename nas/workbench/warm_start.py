"""Warm start: architectures of the user, or of an earlier study, that are tried first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nas.budget import format_duration
from nas.errors import ConfigError
from nas.reporting import choose_best, trial_reports
from nas.study import StudyAttributes, open_existing
from nas.trials import WarmStart
from nas.workbench.shared_space import searched_space, weight_sharing
from search_spaces import (
    Architecture,
    ArchitectureError,
    BudgetFractions,
    FixedSuggest,
    SearchSpace,
    Utilisation,
    one_line,
    os_reason,
)
from search_spaces.reading import parse_json, read_text

if TYPE_CHECKING:
    from nas.workbench.workbench import Workbench

MOST_TO_TRY = 10_000  # architectures of a file


def read_warm_start(bench: Workbench) -> WarmStart:
    """The warm start of `enqueue` and `warm_start`; needs no images.

    Raises:
        ConfigError: a file can't be read, or holds no architecture that fits teacher, budget and shared
            weights; the earlier study is of another space.
        StudyError, StorageError: there is no such study.
    """
    found = [architecture for path in bench.config.enqueue for architecture in _read(path, bench)]
    return WarmStart(found, _front_of(bench) if bench.config.warm_start else ())


def warm_start_architectures(warm_start: WarmStart, bench: Workbench) -> list[Architecture]:
    """The distinct architectures of `warm_start`, in order."""
    space = searched_space(bench)
    utilisation = bench.config.budget.utilisation(space)
    chosen = [space.sample(FixedSuggest(choices), utilisation) for choices in warm_start.choices]
    return list(dict.fromkeys((*warm_start.architectures, *chosen)))


def _read(path: Path, bench: Workbench) -> list[Architecture]:
    config = bench.config
    try:
        values = parse_json(read_text(path))
        several = values if isinstance(values, list) else [values]
        if not several:
            raise ValueError("an empty list")
        if len(several) > MOST_TO_TRY:
            raise ValueError(f"{len(several):,} architectures, at most {MOST_TO_TRY:,} are tried")
        found = [_architecture(bench, place, one) for place, one in enumerate(several, 1)]
    except (OSError, ValueError, ArchitectureError) as error:
        reason = os_reason(error) if isinstance(error, OSError) else one_line(error, 400)
        raise ConfigError(f"--enqueue {path} can't be read ({reason}): give architectures as JSON") from error
    utilisation = config.budget.utilisation(searched_space(bench))
    for architecture in found:
        if _interface(bench, architecture) != _interface(bench, bench.teacher.generator.architecture):
            raise ConfigError(
                f"--enqueue {path}: {architecture} makes other images than the teacher, or from other "
                "inputs: leave it out of the file"
            )
        if utilisation(architecture) > 1:
            raise ConfigError(
                f"--enqueue {path}: {architecture} is above the budget of {config.budget}: leave it out of "
                "the file, or give a larger budget"
            )
        if not bench.latency.fits(architecture):
            latency = format_duration(bench.latency.measurement(architecture).seconds)
            raise ConfigError(
                f"--enqueue {path}: {architecture} takes {latency}, above the budget of {config.budget}: "
                "leave it out of the file, or give a larger budget"
            )
    if config.share_weights:
        _check_shared(path, found, bench)
    return found


def _architecture(bench: Workbench, place: int, values: Any) -> Architecture:
    """The architecture of entry `place` of a file, from 1.

    Raises:
        ArchitectureError: it is none.
    """
    if not isinstance(values, dict | str):
        raise ArchitectureError(f"entry {place} is {one_line(json.dumps(values), 40)}, no JSON object")
    try:
        return bench.teacher.family.architecture.from_json(values)
    except ArchitectureError as error:
        raise ArchitectureError(f"entry {place}: {error}") from error


def _check_shared(path: Path, found: Sequence[Architecture], bench: Workbench) -> None:
    shared = weight_sharing(bench.teacher.family).build(bench.teacher.generator, bench.config.importance)
    for architecture in found:
        try:
            shared.read_out(architecture)
        except ArchitectureError as error:
            raise ConfigError(
                f"--enqueue {path}: {error}: leave it out of the file, or search without --share-weights"
            ) from error


def _interface(bench: Workbench, architecture: Architecture) -> tuple[Any, ...]:
    """Shapes of the images and inputs of a generator of this architecture."""
    with torch.device("meta"):
        generator = bench.teacher.family.build(architecture)
    return generator.image_shape, generator.input_specs


def _front_of(bench: Workbench) -> list[dict[str, Any]]:
    config = bench.config
    store, _ = open_existing(config.workdir, config.warm_start, config.storage)
    with store:
        front = {t.number for t in choose_best(trial_reports(store)).front}
        trials = [t for t in store.study.get_trials(deepcopy=False) if t.number in front and t.params]
        space = StudyAttributes.from_study(store.study).space
    searched = searched_space(bench)
    utilisation = config.budget.utilisation(searched)
    if space != bench.teacher.family.name or not all(_fits(t.params, searched, utilisation) for t in trials):
        raise ConfigError(
            f"--warm-start {config.warm_start} is a study of another space ({space}): name one of "
            f"{bench.teacher.family.name} students of a teacher of this size"
        )
    return [_within(searched.fractions, t.params) for t in trials]


def _within(fractions: BudgetFractions, choices: Mapping[str, Any]) -> dict[str, Any]:
    """`choices` of another search, with a budget fraction that this one covers."""
    return {**choices, "budget_fraction": fractions.nearest(choices["budget_fraction"])}


def _fits(choices: Mapping[str, Any], space: SearchSpace, utilisation: Utilisation) -> bool:
    """Whether `choices` are choices of `space`."""
    try:
        space.sample(_Possible(_within(space.fractions, choices)), utilisation)
    except (KeyError, ValueError):
        return False
    return True


class _Possible(FixedSuggest):
    """Fixed choices; raises ValueError for a choice that the space does not offer."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return choices[list(choices).index(super().suggest_categorical(name, choices))]

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return low + range(high - low + 1).index(super().suggest_int(name, low, high) - low)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        value = super().suggest_float(name, low, high, log=log)
        if not low <= value <= high:
            raise ValueError(f"{name} {value} is not in [{low}, {high}]")
        return value
