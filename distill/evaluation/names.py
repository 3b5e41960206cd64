"""What a Fréchet distance is called: FID is the one in Inception's features (Heusel et al. 2017) only."""

from __future__ import annotations

from pathlib import Path

PUBLISHED = "inception"  # its distances compare with those of papers


def distance_name(extractor: str) -> str:
    """The name of the Fréchet distance in the features of `extractor`, a name or the path of a file.

    "FID" for Inception, such as "FD (digits)" for another, and "FD" where the extractor is not known.
    """
    if extractor == PUBLISHED:
        return "FID"
    return f"FD ({Path(extractor).name})" if extractor else "FD"
