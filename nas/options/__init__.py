"""Options: fields of pydantic models that the command line, TOML, `--help` and the reference show."""

from nas.options.base import Options, nearest, validated
from nas.options.fields import option, variant
from nas.options.presentation import GROUPS, Option, flag_of, options_of
from nas.options.quantities import (
    Count,
    Duration,
    Gpus,
    Location,
    Place,
    Quantities,
    Quantity,
    TermWeights,
)
from nas.options.shared import (
    MOST_IMAGES,
    MOST_IN_A_BATCH,
    MOST_SAMPLES,
    DeviceOption,
    DryRunOption,
    FidOptions,
    ImageOptions,
    JsonOption,
    MemoryOptions,
    ResourceOptions,
    SampleSeedOption,
    SeedOption,
    StudyOptions,
)

__all__ = [
    "GROUPS",
    "MOST_IMAGES",
    "MOST_IN_A_BATCH",
    "MOST_SAMPLES",
    "Count",
    "DeviceOption",
    "DryRunOption",
    "Duration",
    "FidOptions",
    "Gpus",
    "ImageOptions",
    "JsonOption",
    "Location",
    "MemoryOptions",
    "Option",
    "Options",
    "Place",
    "Quantities",
    "Quantity",
    "ResourceOptions",
    "SampleSeedOption",
    "SeedOption",
    "StudyOptions",
    "TermWeights",
    "flag_of",
    "nearest",
    "option",
    "options_of",
    "validated",
    "variant",
]
