"""The configuration of a search: options, defaults, checks, and its TOML file."""

from nas.config.checks import SANDWICH_PARTS
from nas.config.defaults import DIGITS_DEFAULTS, REAL_DEFAULTS, TEACHER_SAMPLES, shows_digits
from nas.config.search import MAY_CHANGE, SearchConfig
from nas.config.similarity import check_compared, check_similarity
from nas.config.toml import read_toml

__all__ = [
    "DIGITS_DEFAULTS",
    "MAY_CHANGE",
    "REAL_DEFAULTS",
    "SANDWICH_PARTS",
    "TEACHER_SAMPLES",
    "SearchConfig",
    "check_compared",
    "check_similarity",
    "read_toml",
    "shows_digits",
]
