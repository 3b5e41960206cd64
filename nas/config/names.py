"""The name of a study, which is a folder and a part of URLs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from distill.data import DIGITS
from nas.budget import format_duration, format_quantity
from nas.errors import ConfigError
from search_spaces import one_line

if TYPE_CHECKING:
    from nas.config.search import SearchConfig

CACHE = "cache"  # folder beside those of studies
SETTINGS = "config.toml"  # in the folder of a study
DATABASE = "study.db"  # there, too, unless --storage names another one
STATISTICS = "fidelity"  # folder in it, of what is computed of real images
NOT_IN_NAMES = re.compile(r"[^\w .+=-]+")
LONGEST = 200  # bytes; file systems take 255, and the names of finalists' studies are longer


def study_name(config: SearchConfig, teacher_name: str) -> str:
    """The name that the user gave, else one that the same command always gives: teacher, data and budget.

    Raises:
        ConfigError: the latter is too long for a folder.
    """
    if config.study:
        return config.study
    data = Path(config.data)
    of = [teacher_name, data.name if data.is_dir() else data.stem]  # a folder faces-0.5 has no suffix
    of = of[:1] if config.data == DIGITS else of
    parts = [NOT_IN_NAMES.sub("-", part).strip(".-") for part in of]
    name = "-".join([*filter(None, parts), *_limits(config)])
    if _is_too_long(name):
        raise ConfigError(f"the study would be called {name}, which is too long for a folder: give --study")
    return name


def _limits(config: SearchConfig) -> list[str]:
    limits = [f"{format_quantity(config.budget_macs)}macs"] if config.budget_macs else []
    limits += [f"{format_quantity(config.budget_params)}params"] if config.budget_params else []
    if config.budget_latency:
        limits.append(f"{format_duration(config.budget_latency)}-on-{config.latency_on}")
    return limits + ["shared"] * config.share_weights


def check_study_name(name: str) -> None:
    """Raise ValueError, in one line, for a `name` that can't be a folder beside the others."""
    if wrong := NOT_IN_NAMES.search(name):
        raise ValueError(
            f"--study {one_line(repr(name), 80)} has {wrong[0][0]!r}, but names a folder, too: use "
            "letters, digits, spaces and . _ - + ="
        )
    if name and not name.strip(". "):
        raise ValueError(f"--study {one_line(repr(name), 80)} names a folder, too: use a letter or a digit")
    if _is_too_long(name):
        raise ValueError(
            f"--study {name[:20]}… has {len(name.encode())} bytes, but names a folder, too: give at most "
            f"{LONGEST}"
        )
    if name == CACHE:
        raise ValueError(f"--study {CACHE}: that folder is for what studies share, give another name")


def _is_too_long(name: str) -> bool:
    return len(name.encode()) > LONGEST
