"""Search spaces: what student generators can look like, what they cost, and how they start."""

from search_spaces.base import (
    Architecture,
    Discriminator,
    Family,
    Generator,
    Load,
    PublishedTraining,
    SearchSpace,
    Suggest,
    TeacherSize,
)
from search_spaces.checkpoint import Checkpoint, check_name, file_digest, load_checkpoint, save_checkpoint
from search_spaces.errors import ArchitectureError, CheckpointError, UserError
from search_spaces.registry import FAMILIES, get_family
from search_spaces.suggest import FixedSuggest, PartlyFixedSuggest, RandomSuggest, SameAnswers

__all__ = [
    "FAMILIES",
    "Architecture",
    "ArchitectureError",
    "Checkpoint",
    "CheckpointError",
    "Discriminator",
    "Family",
    "FixedSuggest",
    "Generator",
    "Load",
    "PartlyFixedSuggest",
    "PublishedTraining",
    "RandomSuggest",
    "SameAnswers",
    "SearchSpace",
    "Suggest",
    "TeacherSize",
    "UserError",
    "check_name",
    "file_digest",
    "get_family",
    "load_checkpoint",
    "save_checkpoint",
]
