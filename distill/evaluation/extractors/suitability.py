"""Whether an extractor is for the images that it is to judge, and which one is the default for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from distill.data import DIGITS, ImageSet
from distill.errors import FidelityError, MissingWeightsError
from distill.evaluation.extractors.registry import EXTRACTORS, OFFLINE, check_extractor, domain_of
from distill.evaluation.names import PUBLISHED, distance_name

OF_DIGITS = "digits"
GREYISH = 8  # of 255
FEWEST_SAMPLES = 1_000  # and not below the number of features: covariances would be singular


@dataclass(frozen=True)
class ExtractorChoice:
    """The extractor that images are compared in."""

    name: str  # empty where nothing needs one
    reason: str = ""  # why it was chosen, where neither the user nor the standard did


def choose_extractor(
    data: str,
    weights: Path | None = None,
    *,
    asked: str | None = None,
    recorded: str | None = None,
    why: str = "",
    download: bool = False,
) -> ExtractorChoice:
    """The extractor that is asked for, else the recorded one, else the default for the images; checked.

    Args:
        data: as the user names the images.
        weights: the file that the user gives for the extractor.
        asked: the user's choice.
        recorded: what earlier measurements were made with, which new ones are compared with.
        why: the reason for the recorded one, in words.
        download: see `check_extractor`.

    Raises:
        FidelityError: there is no such extractor, or its weights are missing or of another network.
    """
    name = asked or recorded
    if not name:
        return default_extractor(data, weights, download=download)
    check_extractor(name, weights, download=download)
    return ExtractorChoice(name, "" if asked else why)


def default_extractor(data: str, weights: Path | None = None, *, download: bool = False) -> ExtractorChoice:
    """The extractor for the images `data`: the digits' own, else Inception, else one that comes by pip.

    Args:
        data: as the user names the images.
        weights: the file that the user gives for the extractor.
        download: fetch Inception's weights if they are not on this machine; else check that their address
            answers, in bounded time.

    Raises:
        FidelityError: no extractor can be had, or `weights` are of another network.
    """
    if data == DIGITS:
        check_extractor(OF_DIGITS, weights)
        return ExtractorChoice(OF_DIGITS)
    try:
        check_extractor(PUBLISHED, weights, download=download)
    except MissingWeightsError as error:
        if not EXTRACTORS[OFFLINE].source.is_at_hand():
            raise
        return ExtractorChoice(OFFLINE, error.reason)
    return ExtractorChoice(PUBLISHED)


def check_domain(extractor: str, images: ImageSet) -> None:
    """Refuse an extractor whose features say nothing about images of this kind.

    Raises:
        FidelityError: it is for grey images, and these have colours, or had them in their files.
    """
    domain = domain_of(extractor)
    if (images.is_coloured or images.from_colours) and not domain.colours:
        others = ", ".join(name for name, entry in EXTRACTORS.items() if entry.domain.colours)
        raise FidelityError(
            f"--extractor {extractor} is for {domain.words}, and {images.name} has colours: "
            f"give one of {others}, or other --data"
        )


def check_colours(extractor: str, images: Tensor) -> None:
    """Refuse an extractor for grey images where a teacher's `images`, (N, C, H, W), uint8, have colours.

    Channels within `GREYISH` of their mean, on average, are those of a network that learned grey images.

    Raises:
        FidelityError: they have.
    """
    domain = domain_of(extractor)
    channels = images.float()
    colour = float((channels - channels.mean(dim=1, keepdim=True)).abs().mean())
    if colour > GREYISH and not domain.colours:
        raise FidelityError(
            f"--extractor {extractor} is for {domain.words}, and the teacher's images have colours: give "
            "images of their kind by --data, or leave it out to distill from samples of the teacher"
        )


def domain_warnings(extractor: str, sets: Iterable[ImageSet]) -> list[str]:
    """What an extractor does not see of images of these sizes, in words; empty where it sees all."""
    domain = domain_of(extractor)
    return [
        f"{extractor} is for {domain.words}: it sees images of {side} px shrunk to {domain.side} px, "
        "and does not judge finer details"
        for side in dict.fromkeys(images.images.shape[-1] for images in sets)
        if domain.side is not None and side > domain.side
    ]


def extractor_line(extractor: str, reason: str = "") -> str:
    """The extractor in a line: the images it is for, the name of its distance, and why it was chosen."""
    why = f", because {reason}" if reason else ""
    images = domain_of(extractor).words
    return f"Extractor: {extractor}, for {images}; distances are {distance_name(extractor)}{why}"


def few_samples(extractor: str, samples: int, compared_with: int | None = None) -> list[str]:
    """What to know of a Fréchet distance over few images in an extractor's features, in a line.

    Args:
        extractor: its name.
        samples: generated images.
        compared_with: images on the other side, where their number is known; the smaller side is named.

    Estimates of it are biased upwards, by about 1 / samples, and by more for more features (Chong and Forsyth
    2020). Nothing is said from `FEWEST_SAMPLES` on, if they are no fewer than the features.
    """
    size = EXTRACTORS[extractor].size if extractor in EXTRACTORS else 0
    enough, distance = max(FEWEST_SAMPLES, size), distance_name(extractor)
    if compared_with is not None and compared_with < min(samples, enough):
        return [
            f"Caution: {distance} to only {compared_with:,} images is noisy and too high: compare it "
            f"only with others to the same images, or give {enough:,} or more."
        ]
    if samples >= enough:
        return []
    return [
        f"Caution: {distance} over {samples:,} samples is noisy and too high: compare it "
        f"only with others over {samples:,}, or give --fid-samples {enough} or more."
    ]
