"""What images an extractor is for: features of other images say little about their quality."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Domain:
    """The images that an extractor is for."""

    words: str  # in the plural
    colours: bool = True  # False: its features ignore colours
    side: int | None = None  # px; larger images are shrunk to it, and lose their details


HANDWRITTEN_DIGITS = Domain("grey handwritten digits", colours=False)
SMALL_PHOTOGRAPHS = Domain("photographs of 32 px", side=32)
PHOTOGRAPHS = Domain("photographs")
USERS_OWN = Domain("images that its author trained it on")
