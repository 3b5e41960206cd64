"""Feature spaces in which images are compared, by name; a new one is an entry in `registry.EXTRACTORS`."""

from distill.extractors.inception import WEIGHTS_VARIABLE
from distill.extractors.network import Extractor, ExtractorEntry, Network
from distill.extractors.registry import EXTRACTORS, load_extractor

__all__ = [
    "EXTRACTORS",
    "WEIGHTS_VARIABLE",
    "Extractor",
    "ExtractorEntry",
    "Network",
    "load_extractor",
]
