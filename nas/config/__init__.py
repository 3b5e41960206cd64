"""The configuration of a search: options, defaults, checks, and its TOML file."""

from nas.config.checks import SANDWICH_PARTS
from nas.config.comparison import differences, in_words
from nas.config.defaults import DIGITS_DEFAULTS, RAMP, REAL_DEFAULTS, TEACHER_SAMPLES, shows_digits
from nas.config.identity import (
    CACHE_SIZE,
    MAY_CHANGE,
    NO_SNAPSHOTS,
    REVISION,
    SNAPSHOTS,
    conditions,
    default_conditions,
    recipe_revision,
    same_search,
)
from nas.config.names import CACHE, DATABASE, SETTINGS, STATISTICS
from nas.config.search import SearchConfig
from nas.config.toml import read_toml, write_toml

__all__ = [
    "CACHE",
    "CACHE_SIZE",
    "DATABASE",
    "DIGITS_DEFAULTS",
    "MAY_CHANGE",
    "NO_SNAPSHOTS",
    "RAMP",
    "REAL_DEFAULTS",
    "REVISION",
    "SANDWICH_PARTS",
    "SETTINGS",
    "SNAPSHOTS",
    "STATISTICS",
    "TEACHER_SAMPLES",
    "SearchConfig",
    "conditions",
    "default_conditions",
    "differences",
    "in_words",
    "read_toml",
    "recipe_revision",
    "same_search",
    "shows_digits",
    "write_toml",
]
