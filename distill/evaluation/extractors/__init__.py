"""Feature spaces in which images are compared, by name; a new one is an entry in `registry.EXTRACTORS`."""

from distill.evaluation.extractors.network import Domain, Extractor, ExtractorEntry, Network
from distill.evaluation.extractors.registry import (
    EXTRACTORS,
    check_extractor,
    domain_of,
    extractor_file,
    given_weights,
    load_extractor,
)
from distill.evaluation.extractors.suitability import (
    ExtractorChoice,
    check_colours,
    check_domain,
    choose_extractor,
    default_extractor,
    domain_warnings,
    extractor_line,
    few_samples,
)
from distill.evaluation.extractors.weights import WEIGHTS_VARIABLE

__all__ = [
    "EXTRACTORS",
    "WEIGHTS_VARIABLE",
    "Domain",
    "Extractor",
    "ExtractorChoice",
    "ExtractorEntry",
    "Network",
    "check_colours",
    "check_domain",
    "check_extractor",
    "choose_extractor",
    "default_extractor",
    "domain_of",
    "domain_warnings",
    "extractor_file",
    "extractor_line",
    "few_samples",
    "given_weights",
    "load_extractor",
]
