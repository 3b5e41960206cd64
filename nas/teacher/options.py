"""The options of `nas-teacher train`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from nas.options import (
    MOST_IMAGES,
    MOST_IN_A_BATCH,
    MOST_SIDE,
    Count,
    DeviceOption,
    FidOptions,
    ImageOptions,
    Location,
    MemoryOptions,
    Quantity,
    SeedOption,
    option,
    variant,
)
from search_spaces import FAMILIES

SIDES = "; ".join(f"{name} {', '.join(map(str, each.resolutions))}" for name, each in FAMILIES.items())


class TeacherRequest(ImageOptions, MemoryOptions, DeviceOption, SeedOption, FidOptions):
    """The options of `nas-teacher train`."""

    output: Location = option(group="output", short="-o", help="Teacher to write, .safetensors.")
    space: str = option(
        "stylegan2",
        group="networks",
        help="Family of the networks, and so of the students: {choices}.",
        choices="search_spaces:FAMILIES",
    )
    resolution: int | None = option(
        None,
        group="teacher and data",
        ge=1,
        le=MOST_SIDE,
        help=f"Side of the images in px. {SIDES}.",
        shown="by the data: 16 for the digits",
    )
    grey: bool = option(
        False, group="teacher and data", off="", help="Train on grey images, as for the digits."
    )
    name: str = option("", group="output", help="Name of the teacher.", shown="as the file")
    sizes: Mapping[str, Any] = option(
        {}, group="networks", hidden=True, help="Sizes of the networks, the options of their family."
    )
    images: Quantity = option(
        5_000_000, group="training", ge=1, le=MOST_IMAGES, help="Real images to show in all."
    )
    batch_size: int = option(32, group="training", ge=1, le=MOST_IN_A_BATCH, help="Images a step.")
    lr: float | None = option(
        None,
        group="training",
        gt=0,
        allow_inf_nan=False,
        help="Learning rate of both networks.",
        shown="by the family, as published; --dry-run shows it",
    )
    r1_gamma: float | None = option(
        None,
        group="training",
        ge=0,
        allow_inf_nan=False,
        help="Weight of R1, for families that are trained with it.",
        shown="by the family, as published: StyleGAN2 0.0002 · resolution² / batch size",
    )
    path_weight: float | None = option(
        None,
        group="training",
        ge=0,
        allow_inf_nan=False,
        help="Weight of path-length regularisation, for families that are trained with it.",
        shown="by the family, as published: StyleGAN2 2",
    )
    augment: Literal["ada", "fixed", "none"] | None = option(
        None,
        group="training",
        help="Augmentation of what the discriminator sees: adaptive (for few images), fixed, or none.",
        shown="by the family: ada; none for DCGAN",
    )
    augment_p: float = option(
        0.2,
        group="training",
        ge=0,
        le=1,
        allow_inf_nan=False,
        help="Probability of each transformation with --augment fixed.",
    )
    snapshot: Quantity = option(
        200_000, group="evaluation", ge=1, help="Images between checkpoints, which are measured."
    )
    keep_snapshots: bool = option(
        False,
        group="output",
        off="",
        help="Keep every checkpoint as a teacher in the folder beside the output, for nas-search "
        "--teacher-snapshots.",
    )
    fid_samples: Count = variant(
        FidOptions,
        "fid_samples",
        default=10_000,
        help="Generated images that the FID, or FD in the extractor's features, is measured on; 0: none.",
    )
