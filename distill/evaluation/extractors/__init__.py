"""Feature spaces in which images are compared, by name; a new one is an entry in `registry.EXTRACTORS`."""

from distill.evaluation.extractors.network import Extractor, ExtractorEntry, Network
from distill.evaluation.extractors.registry import EXTRACTORS, check_extractor, load_extractor
from distill.evaluation.extractors.weights import WEIGHTS_VARIABLE

__all__ = [
    "EXTRACTORS",
    "WEIGHTS_VARIABLE",
    "Extractor",
    "ExtractorEntry",
    "Network",
    "check_extractor",
    "load_extractor",
]
