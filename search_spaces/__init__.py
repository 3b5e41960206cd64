"""Search spaces: what student generators can look like, what they cost, and how they start."""

from search_spaces.architecture import Architecture, Row
from search_spaces.base import (
    BELOW_TEACHER,
    WITHIN_BUDGET,
    BudgetFractions,
    Discriminator,
    Family,
    Generator,
    Importance,
    PublishedTraining,
    SearchSpace,
    Slimmable,
    StyleBased,
    Suggest,
    Utilisation,
    WeightSharing,
)
from search_spaces.chain import recorded
from search_spaces.checkpoint import Checkpoint, check_name, file_digest, load_checkpoint, save_checkpoint
from search_spaces.errors import ArchitectureError, CheckpointError, UserError, count_of, one_line, os_reason
from search_spaces.graph import Graph
from search_spaces.inputs import (
    Inputs,
    InputSpec,
    classes_of,
    draw_inputs,
    example_inputs,
    input_batches,
    of_kind,
)
from search_spaces.precision import full_precision
from search_spaces.registry import FAMILIES, get_family
from search_spaces.sampling import STEPS, FixedSuggest, PartlyFixedSuggest, RandomSuggest, SameAnswers

__all__ = [
    "BELOW_TEACHER",
    "FAMILIES",
    "STEPS",
    "WITHIN_BUDGET",
    "Architecture",
    "ArchitectureError",
    "BudgetFractions",
    "Checkpoint",
    "CheckpointError",
    "Discriminator",
    "Family",
    "FixedSuggest",
    "Generator",
    "Graph",
    "Importance",
    "InputSpec",
    "Inputs",
    "PartlyFixedSuggest",
    "PublishedTraining",
    "RandomSuggest",
    "Row",
    "SameAnswers",
    "SearchSpace",
    "Slimmable",
    "StyleBased",
    "Suggest",
    "UserError",
    "Utilisation",
    "WeightSharing",
    "check_name",
    "classes_of",
    "count_of",
    "draw_inputs",
    "example_inputs",
    "file_digest",
    "full_precision",
    "get_family",
    "input_batches",
    "load_checkpoint",
    "of_kind",
    "one_line",
    "os_reason",
    "recorded",
    "save_checkpoint",
]
