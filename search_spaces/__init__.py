"""Search spaces: what student generators can look like, what they cost, and how they start."""

from search_spaces.base import (
    Architecture,
    Discriminator,
    Family,
    Generator,
    PublishedTraining,
    SearchSpace,
    Slimmable,
    Suggest,
    Utilisation,
)
from search_spaces.checkpoint import Checkpoint, check_name, file_digest, load_checkpoint, save_checkpoint
from search_spaces.errors import ArchitectureError, CheckpointError, UserError, one_line, os_reason
from search_spaces.precision import full_precision
from search_spaces.registry import FAMILIES, get_family
from search_spaces.suggest import FixedSuggest, PartlyFixedSuggest, RandomSuggest, SameAnswers
from search_spaces.widths import STEPS

__all__ = [
    "FAMILIES",
    "STEPS",
    "Architecture",
    "ArchitectureError",
    "Checkpoint",
    "CheckpointError",
    "Discriminator",
    "Family",
    "FixedSuggest",
    "Generator",
    "PartlyFixedSuggest",
    "PublishedTraining",
    "RandomSuggest",
    "SameAnswers",
    "SearchSpace",
    "Slimmable",
    "Suggest",
    "UserError",
    "Utilisation",
    "check_name",
    "file_digest",
    "full_precision",
    "get_family",
    "load_checkpoint",
    "one_line",
    "os_reason",
    "save_checkpoint",
]
