"""How student architectures are sampled: choices, widths on a grid, scaling to the budget."""

from search_spaces.sampling.choices import Choice, Count, OneOf, RelativeWidth
from search_spaces.sampling.student_space import StudentSpace
from search_spaces.sampling.suggest import FixedSuggest, PartlyFixedSuggest, RandomSuggest, SameAnswers
from search_spaces.sampling.widths import STEPS, WidthGrid

__all__ = [
    "STEPS",
    "Choice",
    "Count",
    "FixedSuggest",
    "OneOf",
    "PartlyFixedSuggest",
    "RandomSuggest",
    "RelativeWidth",
    "SameAnswers",
    "StudentSpace",
    "WidthGrid",
]
